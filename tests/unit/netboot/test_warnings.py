import time
from ipaddress import IPv4Address, IPv4Network

import pytest

from cloned.netboot.choices import Choices
from cloned.netboot.dhcp import Mode, Segment
from cloned.netboot.history import History
from cloned.netboot.listener import DhcpServer
from cloned.netboot.warnings import warnings_of
from cloned.netboot.watch import ForeignServer

PLACE = Segment("eth9", IPv4Address("10.77.0.1"), IPv4Network("10.77.0.0/22"), 8069)
OTHER = IPv4Address("10.77.0.3")


@pytest.fixture
async def listener():
    return lambda mode: DhcpServer(PLACE, "52:54:00:00:00:01", mode, History())


def codes(*listeners, choices=None, history=None, missing=()):
    found = warnings_of(listeners, choices or Choices(), history or History(), missing)
    assert all(set(each) == {"code", "text", "hint"} and all(each.values()) for each in found)
    return [each["code"] for each in found]


def seen(listener, **known):
    listener.watch._servers[OTHER] = ForeignServer(OTHER, "52:54:00:fe:00:03", time.time(), **known)
    return listener


async def test_nothing_to_say(listener):
    assert codes(listener(Mode.LEASE), listener(Mode.PROXY), seen(listener(Mode.AUTO), leases=True)) == []


async def test_auto_without_a_server(listener):
    assert codes(listener(Mode.AUTO)) == ["no-dhcp"]


async def test_leasing_stopped_names_the_other(listener):
    made = seen(listener(Mode.LEASE), leases=True)
    assert codes(made) == ["leasing-stopped"]
    assert "10.77.0.3 (52:54:00:fe:00:03), is on eth9" in warnings_of([made], Choices(), History())[0]["text"]


async def test_servers_in_the_way(listener):
    network = IPv4Network("192.168.1.0/24")
    made = seen(listener(Mode.AUTO), leases=True, boots="pxelinux.0", fills_file=True, network=network)
    assert codes(made) == ["other-pxe", "dhcp-fills-file", "other-network"]


async def test_conflicts_are_old_news_after_an_hour(listener):
    made = listener(Mode.LEASE)
    made.state.conflicts = {"10.77.1.1": ("a", time.time()), "10.77.1.2": ("b", time.time() - 4000)}
    assert codes(made) == ["address-in-use"]


async def test_laptops_that_cannot_boot():
    choices, history = Choices(), History()
    for _ in range(3):
        choices.fetched("a", "undionly.kpxe")
        choices.fetched("b", "shimx64.efi")
    history.add("c", "DHCP DISCOVER", why="ARM64 (architecture 11) is not supported: boot files are there for BIOS")
    assert codes(choices=choices, history=history, missing=["live/initrd"]) == [
        "files-missing", "no-further", "no-further", "not-supported",
    ]  # fmt: skip


async def test_a_dead_link(listener):
    made = listener(Mode.PROXY)
    made.state.probe_failed = "Network is down"
    assert codes(made) == ["no-link"]
