"""A sleep thaws frozen drives, and takes the power from every disk: never while another one is at work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.agent import erase_hands, erase_tools
from cloned.agent.erase_hands import RealHands
from cloned.agent.erase_job import frozen
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasureFault
from cloned.disk.media import AtaAbilities, Medium, NvmeAbilities

COLD = Medium(
    "/dev/sda", 1 << 30, serial="A", bus="sata", ata=AtaAbilities(security=True, security_frozen=True, rotational=False)
)
WARM = replace(COLD, serial="B", ata=AtaAbilities(security=True, rotational=False))
NVME = Medium("/dev/nvme0n1", 1 << 30, serial="N", bus="nvme", nvme=NvmeAbilities(format=True))


def plan(medium: Medium) -> DiskErasure:
    return machine.plan(medium, EraseLevel.CLEAR, "s")


def test_only_a_drive_that_needs_security_erase_and_is_frozen_asks_for_one() -> None:
    assert [frozen(plan(each)) for each in (COLD, WARM, NVME)] == [True, False, False]
    assert not frozen(machine.fail(plan(COLD), ErasureFault.GONE))
    assert not frozen(plan(replace(COLD, ata=replace(COLD.ata, sanitize=True, block_erase=True))))


@pytest.mark.parametrize("alone", [True, False])
def test_beside_others_no_disk_lets_the_laptop_sleep(monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    slept: list[bool] = []
    monkeypatch.setattr(erase_hands, "thaw", lambda live: slept.append(live) or True)
    monkeypatch.setattr(RealHands, "_same", lambda *_: None)
    monkeypatch.setattr(erase_tools, "begin", lambda record, thaw: str(thaw()))
    hands = RealHands("", {}, True, lambda: False, lambda record, done: None, alone=alone)
    assert hands.begin(plan(COLD)) == str(alone)
    assert slept == [True] * alone
