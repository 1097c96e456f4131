"""What the inventory's tests share: a clock that moves by hand, a realistic row and its delivery, a ledger on disk."""

from __future__ import annotations

import pytest

from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.base import Delivery
from tests.unit.inventory.ledgers import empty


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_row():
    def make(laptop="a1b2c3d4", attempt=1, **more):
        row = {
            "laptop": laptop,
            "attempt": attempt,
            "session": "5e551011",
            "at": "2026-11-18T19:04:05+00:00",
            "image": "school-2026",
            "image_hash": "ab" * 32,
            "verdict": "verified",
            "state": "done",
            "why": "",
            "uuid": "4c4c4544-0042-3510-8054-b7c04f303233",
            "serial": "B5TO023",
            "vendor": "Dell Inc.",
            "product": "Latitude 5490",
            "macs": ["d8:9e:f3:00:00:01"],
            "tag": "0042",
            "disk": {"serial": "S3Z9", "wwn": "eui.0025", "model": "SAMSUNG MZVLB256", "size": 256060514304},
            "discarded": True,
            "bytes": 7_340_032_000,
            "seconds": {"boot": 31.04, "receive": 71.5, "verify": 40.0},
            "steps": [{"name": "grow", "result": "done", "detail": ""}],
        }
        return row | more

    return make


@pytest.fixture
def deliver(make_row):
    def make(attempt=1, key=None, laptop="a1b2c3d4", **more):
        return Delivery(key or f"cl_{attempt}", laptop, attempt, 1, make_row(laptop, attempt=attempt, **more))

    return make


@pytest.fixture
async def ledger(tmp_path, clock):
    ledger = await Ledger.open(empty(tmp_path / "ledger.sqlite"), clock=clock)
    yield ledger
    await ledger.close()
