"""Snapshots of a workshop, small."""

from __future__ import annotations

from typing import Any

from cloned.lab.laptops import Firmware, LabIdentity, identities


def who(count: int = 2) -> list[LabIdentity]:
    """Laptops of a run."""
    return identities("clab12", count, (Firmware.BIOS, Firmware.UEFI))


def laptop(identity: LabIdentity, state: str = "done", **more: Any) -> dict[str, Any]:
    """One laptop as the daemon shows it."""
    return {
        "id": f"L{identity.number}", "macs": [identity.mac], "boot_mac": identity.mac, "port": None, "state": state,
        "image": "bulk", "image_hash": "ab" * 32, "verdict": "verified", "attempts": 1, "disks": [{}],
        "history": [{"at": "2026-01-01T00:00:00Z", "state": "asking", "why": "", "more": 1}],
        "seconds": {"boot": 1.0, "wait": 0.0, "receive": 5.0, "verify": 1.0, "finish": 0.5},
        "progress": None, "why": "", **more,
    }  # fmt: skip


def snapshot(*laptops: dict[str, Any]) -> dict[str, Any]:
    """The whole."""
    session = {
        "id": "S1", "number": 1, "image": "bulk", "state": "ended", "bytes": 7, "seconds": 2.0, "mbit_s": 3.0,
        "laptops": [each["id"] for each in laptops], "started": "", "ended": "",
    }  # fmt: skip
    return {"laptops": list(laptops), "sessions": [session]}
