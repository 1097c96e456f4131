"""What a laptop says first: nothing that hangs holds up more than itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cloned.agent import facts, smart


def disk(path: str, transport: str = "sata", *, eligible: bool = True) -> dict[str, object]:
    return {"path": path, "transport": transport, "eligible": eligible, "size": 10**9}


def test_disks_are_asked_all_at_once_and_one_that_hangs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def health(path: str) -> smart.Health:
        return {"verdict": "failing" if path == "/dev/sda" else "ok", "reallocated": 3, "hours": 12, "worn": None}

    def gathered(readings: Mapping[str, Callable[[], object]], _longest: float) -> tuple[dict[str, object], list[str]]:
        asked.append(list(readings))
        return {path: read() for path, read in readings.items() if path != "/dev/sdb"}, ["/dev/sdb"]

    monkeypatch.setattr(smart, "health", health)
    monkeypatch.setattr(facts, "gathered", gathered)
    seen = [disk("/dev/sda"), disk("/dev/sdb"), disk("/dev/nvme0n1", "nvme"), disk("/dev/vda", "virtio")]
    seen += [disk("/dev/sdc", eligible=False)]
    found = facts.with_health(seen)
    assert asked == [["/dev/sda", "/dev/sdb", "/dev/nvme0n1"]]
    assert [each["path"] for each in found] == [each["path"] for each in seen]
    assert [each.get("smart") for each in found] == ["failing", None, "ok", None, None]
    assert (found[0]["bad"], found[0]["hours"], found[0]["worn"]) == (3, 12, None)


def test_where_no_disk_can_say_anything_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "gathered", None)
    assert facts.with_health([disk("/dev/vda", "virtio")]) == [disk("/dev/vda", "virtio")]


@pytest.mark.parametrize(
    ("marked", "dock"), [({}, False), ({"0000:03:00.0": "removable"}, True), ({"0000:00:1c.0": "fixed"}, False)]
)
def test_a_card_behind_a_port_of_thunderbolt_is_told_as_one(
    tmp_path: Path, marked: Mapping[str, str], dock: bool
) -> None:
    device = tmp_path / "pci0000:00" / "0000:00:1c.0" / "0000:03:00.0" / "0000:04:00.0"
    (device / "net" / "eth7").mkdir(parents=True)
    (device / "net" / "eth7" / "device").symlink_to(device)
    (device / "net" / "eth7" / "address").write_text("a4:ae:12:68:01:01\n")
    for name, value in marked.items():
        (next(each for each in device.parents if each.name == name) / "removable").write_text(f"{value}\n")
    card = facts._card(f"{device}/net/eth7", "eth7")
    assert (card["mac"], card["usb"], card["dock"]) == ("a4:ae:12:68:01:01", False, dock)
