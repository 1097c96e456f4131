"""Rates and names; the network itself is in tests/wire."""

from __future__ import annotations

import pytest

from cloned.errors import UsageError
from cloned.lab.laptops import Firmware, identities
from cloned.lab.network import LabNetwork, laptop_mac, parse_rate
from cloned.lab.wiring import burst


def test_rates() -> None:
    rates = {"1gbit": 10**9, "2.5Gbit": 2_500_000_000, "100mbit": 10**8, "1000kbit": 10**6}
    assert {text: parse_rate(text) for text in rates} == rates
    for text in ("", "1", "1g", "0gbit", "999kbit", "fast", "-1gbit"):
        with pytest.raises(UsageError):
            parse_rate(text)


def test_a_bucket_never_holds_less_than_an_offloaded_segment() -> None:
    assert (burst(10**7), burst(10**9)) == (131_072, 250_000)


def test_names() -> None:
    network = LabNetwork("clab12", 3)
    assert (network.server, network.switch, network.laptop(2)) == ("clab12-server", "clab12-switch", "clab12-2")
    assert network.server_port == 4


def test_laptops_are_one_model_and_differ_in_what_tells_them_apart() -> None:
    several = identities("clab12", 5, (Firmware.BIOS, Firmware.UEFI, Firmware.SECUREBOOT))
    assert [each.firmware.value for each in several] == ["bios", "uefi", "secureboot", "bios", "uefi"]
    assert len({each.product for each in several}) == 1
    for key in ("mac", "uuid", "serial", "disk_serial"):
        assert len({getattr(each, key) for each in several}) == 5
    assert len(several[0].disk_serial) <= 20  # virtio-blk cuts longer ones
    assert laptop_mac("clab12", 258) == "52:54:ab:12:01:02"
