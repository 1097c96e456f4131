"""The kernel's word on links, addresses and neighbours, in namespaces of our own."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from cloned import netlink
from cloned.errors import MissingError
from cloned.lab.kernel import in_namespace
from cloned.lab.network import NIC, SERVER, LabNetwork, ip, laptop_mac
from cloned.netboot.interfaces import describe
from cloned.netlink import NetlinkWatch
from tests.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
LAPTOP = "10.77.0.50"


@pytest.fixture
def network() -> Iterator[LabNetwork]:
    """A server and a laptop that has an address and a link."""
    made = LabNetwork(f"cl{secrets.token_hex(2)}", 1)
    try:
        made.build()
        made.plug_thin(1, laptop_mac(made.run, 1))
        made.plug_server()
        ip(made.laptop(1), f"addr add {LAPTOP}/22 brd + dev {NIC}", f"link set {NIC} up")
        yield made
    finally:
        made.close()


def on_server(network: LabNetwork, work: Callable[[], Any]) -> Any:
    return in_namespace(network.path(network.server), work)


def follow(network: LabNetwork, story: Callable[[NetlinkWatch], Coroutine[Any, Any, None]]) -> None:
    """Run a story on the server while a watch follows."""

    async def main() -> None:
        watch = NetlinkWatch()
        await watch.start()
        task = asyncio.create_task(watch.run())
        try:
            async with asyncio.timeout(30):
                await story(watch)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await watch.close()

    on_server(network, lambda: asyncio.run(main()))


def speak(network: LabNetwork) -> None:
    """The laptop says something to the server, so that both know each other."""

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("10.77.0.1", 9))

    in_namespace(network.path(network.laptop(1)), send)


def test_what_is_asked(network: LabNetwork) -> None:
    found = on_server(network, lambda: describe(NIC))
    assert (str(found.address), str(found.network), found.mtu) == ("10.77.0.1", "10.77.0.0/22", 1500)
    assert on_server(network, lambda: netlink.link(NIC)).mac == found.mac
    with pytest.raises(MissingError, match="there is no network interface eth7"):
        on_server(network, lambda: describe("eth7"))
    with pytest.raises(MissingError, match="there is no network interface"):
        on_server(network, lambda: describe("a-name-longer-than-any-interface"))
    ip(network.server, f"addr flush dev {NIC}")
    with pytest.raises(MissingError, match="eth0 has no IPv4 address"):
        on_server(network, lambda: describe(NIC))


def test_neighbours_that_are_asked_for(network: LabNetwork) -> None:
    assert on_server(network, lambda: netlink.neighbour(LAPTOP)) is None
    speak(network)

    async def story(watch: NetlinkWatch) -> None:
        await until(lambda: netlink.neighbour(LAPTOP) == laptop_mac(network.run, 1))

    follow(network, story)


def test_neighbours_that_change(network: LabNetwork) -> None:
    mac = laptop_mac(network.run, 1)

    async def story(watch: NetlinkWatch) -> None:
        assert watch.mac_at(LAPTOP) == ""
        await asyncio.to_thread(speak, network)
        await until(lambda: watch._neighbours.get(LAPTOP) == mac)
        assert watch.mac_at(LAPTOP) == mac
        watch._neighbours[LAPTOP] = "02:00:00:00:00:66"  # as if the change had not come yet
        assert watch.now_at(LAPTOP) == mac
        watch._neighbours[LAPTOP] = mac
        ip(network.server, f"neigh replace {LAPTOP} lladdr 02:00:00:00:00:07 dev {NIC}")
        await until(lambda: watch.mac_at(LAPTOP) == "02:00:00:00:00:07")
        ip(network.server, f"neigh del {LAPTOP} dev {NIC}")
        await until(lambda: LAPTOP not in watch._neighbours)

    follow(network, story)


def test_links_and_addresses_that_change(network: LabNetwork) -> None:
    async def story(watch: NetlinkWatch) -> None:
        link = watch.link(NIC)
        assert link is not None
        assert link.carrier
        assert watch.has(NIC, "10.77.0.1")
        ip(network.switch, f"link set {network.port(2)} down")
        await until(lambda: not (watch.link(NIC) or link).carrier)
        ip(network.switch, f"link set {network.port(2)} up")
        await until(lambda: (watch.link(NIC) or link).carrier)
        ip(network.server, f"addr del 10.77.0.1/22 dev {NIC}")
        await until(lambda: not watch.has(NIC, "10.77.0.1"))
        ip(network.server, f"addr add 10.77.0.1/22 dev {NIC}")
        await until(lambda: watch.has(NIC, "10.77.0.1"))
        ip(network.switch, f"link del {network.port(2)}")
        await until(lambda: watch.link(NIC) is None)

    follow(network, story)


def test_it_asks_for_everything_again_when_the_socket_breaks(
    network: LabNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netlink, "AGAIN_SECONDS", 0.0)

    class Broken:
        def get(self) -> Any:
            raise OSError(105, "No buffer space available")

        def close(self) -> None:
            pass

    async def main() -> None:
        watch = NetlinkWatch()
        watch._socket = Broken()
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(30):
            await until(lambda: watch.link(NIC) is not None and watch.has(NIC, "10.77.0.1"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.close()

    on_server(network, lambda: asyncio.run(main()))


def test_nobody_is_asked_who_has_an_address_of_our_own(network: LabNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("a request of our own costs an exchange with the kernel")

    async def story(watch: NetlinkWatch) -> None:
        monkeypatch.setattr(netlink, "neighbour", asked)
        assert watch.mac_at(str(SERVER.ip)) == ""

    follow(network, story)
