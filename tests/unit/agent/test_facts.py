"""What a laptop says first: nothing that hangs holds up more than itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
