"""Whatever a laptop sends becomes clean values or a ValueError."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core.disks import Disk
from cloned.core.hello import facts, read_back
from cloned.core.ids import Identity
from cloned.core.laptop import Facts
from cloned.disk.signed import KEY

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KEYS = ["uuid", "serial", "vendor", "product", "macs", "boot_mac", "firmware", "cpu", "memory", "disks", "nics"]


MAC, DONGLE = "aa:bb:cc:dd:ee:00", "aa:bb:cc:dd:ee:01"
EVERYTHING = {
    "uuid": "4c4c4544-0039-4210-8052-b7c04f4e3732", "serial": "PF12", "vendor": "LENOVO", "product": "T480",
    "macs": [MAC], "boot_mac": MAC, "firmware": "uefi", "cpu": "i5", "memory": 8 << 30, "want": "erase", "clock": 1_700_000_000,
    "nics": [{"mac": MAC, "speed_mbps": 100, "duplex": "half"}, {"mac": DONGLE, "usb": True}],
    "hardware": {"camera": True}, "keys": {"trusted": ["ab" * (KEY // 2)]},
    "disks": [{
        "path": "/dev/sda", "size": 10, "sector_size": 4096, "serial": "S", "wwn": "W", "model": "M", "transport": "usb",
        "eligible": False, "why_not": "USB", "smart": "ok", "asks": "removable", "hours": 7, "worn": 1, "bad": 2,
    }],
}  # fmt: skip


def test_every_fact_that_is_told_is_heard() -> None:
    """A field that nobody fills has its default, and nothing else would say so."""
    told, [disk] = facts(EVERYTHING), facts(EVERYTHING).disks
    for heard, silent in ((told, Facts(Identity())), (told.identity, Identity()), (disk, Disk("", 0))):
        missing = [each.name for each in fields(heard) if getattr(heard, each.name) == getattr(silent, each.name)]
        assert missing == [], type(heard)


def test_a_real_hello() -> None:
    found = facts(
        {
            "uuid": "4c4c4544-0039-4210-8052-b7c04f4e3732",
            "serial": "To be filled by O.E.M.",
            "macs": ["AA:BB:CC:DD:EE:00"],
            "boot_mac": "aa:bb:cc:dd:ee:00",
            "firmware": "uefi",
            "memory": 8 << 30,
            "disks": [{"path": "/dev/sda", "size": 10, "serial": "S", "eligible": True}],
            "nics": [{"mac": "aa:bb:cc:dd:ee:00", "speed_mbps": 100, "duplex": "half"}],
        }
    )
    assert found.identity.serial == ""
    assert found.identity.macs == ("aa:bb:cc:dd:ee:00",)
    assert (found.speed_mbps, found.half_duplex, found.memory, found.disks[0].key) == (100, True, 8 << 30, "S")


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_object_is_understood_or_left_out(data: dict[str, Any]) -> None:
    assert facts(data).memory >= 0


@given(JSON.filter(lambda value: not isinstance(value, dict)))
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="object"):
        facts(data)


def test_a_read_back() -> None:
    pieces = base64.b64encode(bytes(32) + b"x" * 32).decode()
    found = read_back({"layout": "l", "boot_code": None, "gap": "00" * 32, "pieces": pieces})
    assert found.pieces == (b"", b"x" * 32)
    assert found.gap == bytes(32)


@given(st.dictionaries(st.sampled_from(["layout", "boot_code", "gap", "pieces"]), JSON))
def test_a_malformed_one_is_a_value_error(data: dict[str, Any]) -> None:
    with suppress(ValueError):
        read_back(data)


@pytest.mark.parametrize("pieces", [b"x" * 31, b"x" * 33, b"x" * 63])
def test_half_a_digest_is_no_read_back(pieces: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        read_back({"layout": "l", "pieces": base64.b64encode(pieces).decode()})


@pytest.mark.parametrize("layout", [None, 7, ["l"]])
def test_a_layout_is_a_text(layout: Any) -> None:
    with pytest.raises(ValueError, match="layout"):
        read_back({"layout": layout, "pieces": base64.b64encode(bytes(32)).decode()})


def test_cards_that_are_plugged_in_are_told_apart() -> None:
    macs = [f"aa:bb:cc:dd:ee:0{n}" for n in range(4)]
    nics = [{"mac": macs[0], "usb": True}, {"mac": macs[1], "dock": True}, {"mac": macs[2], "dock": "yes"}, {}, 7]
    assert facts({"macs": macs, "nics": nics}).dongles == (macs[0], macs[1])
