"""Faults, several at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.run.labs import needs_root, run

pytestmark = [pytest.mark.lab, needs_root]


def asked(faults: tuple[str, ...]) -> list[str]:
    return [word for fault in faults for word in ("--fault", fault)]


def test_twelve_with_every_fault_at_once(tmp_path: Path) -> None:
    faults = ("corrupt:3", "drop:5@50", "stall:7@30:4", "slow-disk:9:60", "loss:11:1", "restart@60", "sink-down:3")
    words = ("--kind", "thin", "--laptops", "12", "--late", "12:3", *asked(faults))
    code, report, said = run(tmp_path, *words, timeout=900)
    assert code == 0, said
    assert {each["verdict"] for each in report["laptops"]} == {"verified"}
    assert report["laptops"][2]["attempts"] >= 2
    assert len(report["sessions"]) == 1
    assert {each["fault"] for each in report["faults"]} == set(faults)
    assert all(check["ok"] for check in report["checks"])


@pytest.mark.slow
def test_two_virtual_laptops_with_several_faults(tmp_path: Path) -> None:
    faults = ("corrupt:1", "stall:2@30:5", "drop:1@50", "restart@70")
    code, report, said = run(tmp_path, "--kind", "vm", "--laptops", "2", *asked(faults), timeout=1500)
    assert code == 0, said
    assert {each["fault"] for each in report["faults"]} == set(faults)
