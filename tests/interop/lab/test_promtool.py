"""Prometheus' own tool is content with our rules, their tests and our figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloned.assets import root
from cloned.processes import run
from cloned.status import families
from cloned.status.needs import Buckets
from tests.unit.status.fakes import FakeWorkshop
from tests.unit.status.test_metrics import text

pytestmark = pytest.mark.interop
FOLDER = root("systemd") / "monitoring"


def test_each_rule_fires_stays_silent_and_recovers() -> None:
    run(["promtool", "check", "rules", FOLDER / "rules.yml"])
    run(["promtool", "test", "rules", FOLDER / "tests" / "rules.yml"])


def test_a_rule_that_would_not_fire_is_noticed(tmp_path: Path) -> None:
    rules = (FOLDER / "rules.yml").read_text().replace("cloned_engine_queue > 200", "cloned_engine_queue > 200000")
    folder = tmp_path / "monitoring"
    shutil.copytree(FOLDER, folder)
    (folder / "rules.yml").write_text(rules)
    assert run(["promtool", "test", "rules", folder / "tests" / "rules.yml"], check=False).returncode != 0


async def test_it_finds_nothing_in_any_of_our_figures() -> None:
    alone = await text(FakeWorkshop())
    everything = {
        each.name: {("x",) * len(each.labels): Buckets([("+Inf", 1)], 1.0) if each.kind == "histogram" else 1}
        for each in families.FAMILIES
        if f"# HELP {each.written} " not in alone
    }
    told = await text(FakeWorkshop(), lambda: everything)
    done = run(["promtool", "check", "metrics"], stdin=told.encode(), check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
