"""What a laptop says of its parts, from tables that a firmware would give: in QEMU, on the live system's own kernel."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloned.core.hello import facts
from cloned.core.ids import LaptopId
from cloned.core.laptop import Contact, Laptop, State
from cloned.core.triage import Course, judge
from cloned.core.triage_shipped import SHIPPED
from cloned.lab import vm_parts
from cloned.lab.windows_key import made_up
from cloned.live import LiveInfo
from tests.lab.agent.machine import Machine
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]

KEY = made_up(3792)
BAD: dict[str, Any] = {
    "passwords": ["administrator", "power-on"], "portable": True, "charger": False, "product_key": True, "wpbt": True,
    "product_key_group": 3792,
    "batteries": [{"name": "BAT0", "design_wh": 50.0, "full_wh": 14.0, "cycles": 812}],
    "firmware_date": "2017-02-03",
}  # fmt: skip
NOW = 1_790_000_000.0


@dataclass
class Bad(Machine):
    """A laptop with such parts, and a drive that says of itself that it is dying; USB is there, and no camera."""

    disk: str = "nvme,smart_critical_warning=4"
    """Bit 2: its reliability is degraded (NVMe base specification 2.0, figure 207)."""

    parts: dict[str, Any] = field(default_factory=lambda: dict(BAD))

    def _command(self, port: int) -> list[str | Path]:
        more = vm_parts.arguments(self.parts, self.folder, None)
        return [*super()._command(port), "-device", "usb-ehci,id=usb", *more]


class Ear(Server):
    """Hears what a laptop says first, and lets it go."""

    def order(self) -> dict[str, Any]:
        return {"do": "power", "action": "poweroff"}


async def hello(machine: Machine) -> dict[str, Any]:
    """What it says first."""
    server = Ear(image(), machine.order_disk(), stage="offer")
    said = await machine.run(server, seconds=400)
    assert server.told("hello"), said
    found: dict[str, Any] = server.told("hello")[0]
    return found


async def test_password_battery_and_camera_are_told_with_the_first_word(folder: Path, system: LiveInfo) -> None:
    said = await hello(Bad(system, folder, 64 * MIB))
    told = facts(said)
    parts = told.hardware
    assert parts.passwords == ("power-on", "administrator")
    assert "firmware-password" in parts.locks
    assert parts.camera is False
    assert [(each.design_wh, each.full_wh, each.cycles) for each in parts.batteries] == [(50.0, 14.0, 812)]
    assert (parts.charger, parts.portable, parts.wpbt, parts.product_key) == (False, True, True, True)
    assert parts.firmware_date == "2017-02-03"
    assert parts.late == ()
    assert [disk.smart for disk in told.disks] == ["failing"]
    print(f"what triage wants to know held the hello up for {said['took']['hardware']} s")
    assert said["took"]["hardware"] <= 1.5, "the hello comes no later than that for it"
    assert said["hardware"]["product_key_group"] == 3792
    assert parts.product_key_edition == "Windows 10/11 Pro Education"
    for trace in (KEY, KEY.replace("-", ""), KEY[-5:]):
        assert trace not in json.dumps(said), "a key for Windows never leaves the laptop"
    found = judge(SHIPPED, Laptop(LaptopId("l1"), 1, told, State.ASKING, NOW, NOW, contact=Contact(hellos=1)), NOW)
    assert (found.course, found.grade) == (Course.ASK, "D")
    assert {each.rule for each in found.remarks} >= {
        "locked", "battery-worn", "camera-missing", "charger-missing", "wpbt", "key-present",
        "disk-failing",
    }  # fmt: skip


LIES: dict[str, Any] = {
    "passwords": [], "charger": True,
    "batteries": [
        {"name": "BAT0", "design_wh": 50.0, "full_wh": 4_000_000.0, "cycles": 65_535},
        {"name": "BAT1", "design_wh": 0.0, "full_wh": 0.0, "cycles": 0},
    ],
}  # fmt: skip


async def test_tables_that_lie_hold_up_nobody(folder: Path, system: LiveInfo) -> None:
    told = facts(await hello(Bad(system, folder, 64 * MIB, parts=LIES, disk="nvme")))
    assert [disk.smart for disk in told.disks] == ["ok"]
    assert [each.cycles for each in told.hardware.batteries] == [None, None]
    assert told.hardware.left in (None, 1.0)
    assert told.hardware.portable is True, "its case is not told, and it has a battery"
    found = judge(SHIPPED, Laptop(LaptopId("l1"), 1, told, State.ASKING, NOW, NOW, contact=Contact(hellos=1)), NOW)
    assert found.course is Course.CLONE
    assert "battery-worn" not in {each.rule for each in found.remarks}
