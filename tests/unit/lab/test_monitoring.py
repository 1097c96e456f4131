"""Rules, their tests and the dashboard are as their table says; tests/interop/lab asks promtool what it thinks."""

from __future__ import annotations

import json
import re

from cloned.assets import root
from cloned.lab import monitoring
from cloned.status.families import FAMILIES

FOLDER = root("systemd") / "monitoring"
SUFFIXES = ("", "_bucket", "_sum", "_count")


def test_every_file_is_as_the_table_says() -> None:
    for path, text in monitoring.files().items():
        assert path.read_text() == text, f"{path}: run `make monitoring`"


def test_every_query_asks_for_metrics_that_there_are() -> None:
    known = {f"{each.written}{suffix}" for each in FAMILIES for suffix in SUFFIXES}
    asked = {name for _, query in monitoring.queries() for name in re.findall(r"\bcloned_\w+", query)}
    assert asked
    assert asked <= known


def test_every_panel_asks_something() -> None:
    board = json.loads((FOLDER / "dashboard.json").read_text())
    assert len(board["panels"]) == len(monitoring.GRAPHS)
    assert all(target["expr"] and target["refId"] for panel in board["panels"] for target in panel["targets"])
