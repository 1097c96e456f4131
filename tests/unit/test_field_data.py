"""Every small input of the field is held by a test, and tests/data/README.md says by which."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIELD = ROOT / "tests" / "data" / "field"
TABLE = (ROOT / "tests" / "data" / "README.md").read_text()
ROWS = re.findall(r"(?m)^\| ([^|]+\.[^|]+) \| (\S+)::(test_\w+)[^|]*\|$", TABLE)


def test_every_file_is_held_by_a_test_that_names_it() -> None:
    held = [name for names, _, _ in ROWS for name in names.split(", ")]
    assert sorted(held) == sorted(path.name for path in FIELD.iterdir() if path.name != "README.md")
    for names, file, test in ROWS:
        source = (ROOT / file).read_text()
        assert f"def {test}(" in source, test
        for name in names.split(", "):
            assert name.removesuffix(".zst").rpartition(".")[0] in source, name
