"""Rules, their tests and the dashboard are as their table says, and promtool is content with them."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from cloned.assets import root
from cloned.lab import monitoring
from cloned.processes import run
from cloned.status.families import FAMILIES

FOLDER = root("systemd") / "monitoring"
SUFFIXES = ("", "_bucket", "_sum", "_count")


def test_every_file_is_as_the_table_says() -> None:
    for path, text in monitoring.files().items():
        assert path.read_text() == text, f"{path}: run `make monitoring`"


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_each_rule_fires_stays_silent_and_recovers() -> None:
    run(["promtool", "check", "rules", FOLDER / "rules.yml"])
    run(["promtool", "test", "rules", FOLDER / "tests" / "rules.yml"])


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_a_rule_that_would_not_fire_is_noticed(tmp_path: object) -> None:
    text = (FOLDER / "rules.yml").read_text().replace("cloned_engine_queue > 200", "cloned_engine_queue > 200000")
    folder = tmp_path / "monitoring"  # type: ignore[operator]
    shutil.copytree(FOLDER, folder)
    (folder / "rules.yml").write_text(text)
    assert run(["promtool", "test", "rules", folder / "tests" / "rules.yml"], check=False).returncode != 0


def test_every_query_asks_for_metrics_that_there_are() -> None:
    known = {f"{each.written}{suffix}" for each in FAMILIES for suffix in SUFFIXES}
    asked = {name for _, query in monitoring.queries() for name in re.findall(r"\bcloned_\w+", query)}
    assert asked
    assert asked <= known


def test_every_panel_asks_something() -> None:
    board = json.loads((FOLDER / "dashboard.json").read_text())
    assert len(board["panels"]) == len(monitoring.GRAPHS)
    assert all(target["expr"] and target["refId"] for panel in board["panels"] for target in panel["targets"])
