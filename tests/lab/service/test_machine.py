"""Both packages in a virtual machine with real systemd and no network: installed, cloning, killed, cut off, purged."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.lab.service.machine import Machine

pytestmark = [
    pytest.mark.lab,
    pytest.mark.nightly,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


def test_a_server_from_the_packages_through_its_life(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.boot() as running:
        machine.until_told("cut", running)
    told = {each["step"]: each["said"] for each in machine.steps()}
    assert set(told["network"]) <= {"lo", "lan0", "keep"}
    assert "active (running)" in told["status"]
    assert set(told["owners"].values()) == {"cloned"}
    score = re.search(r"([\d.]+) ", told["security"].partition("cloned.service:")[2])
    assert score is not None
    assert float(score[1]) <= 2.0
    assert [state for state, _ in told["laptops"]] == ["done", "done"]
    assert told["nfs"].startswith("wrong")
    assert "cloned restore" in told["damaged"]
    assert told["watchdog"] == {"restarts": "1", "laptops": 2}
    with machine.boot() as running:
        machine.until_told("purged", running)
