"""Clients that say nothing, half of it, or read nothing, and floods of them: real sockets, the real kernel's limits."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, web

from cloned import connections, wire
from cloned.connections import CountedHandler, CountedSite, Crowd, runner
from tests.waiting import until

pytestmark = pytest.mark.wire
LARGE = 64 * 1024 * 1024


class Port:
    """A port with a small answer and one that is larger than any buffer."""

    def __init__(self, port: int, counted: Crowd, running: web.AppRunner) -> None:
        self.port, self.counted, self.runner = port, counted, running
        self.gate = asyncio.Event()

    def connect(self, said: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(address, 0))
        if said:
            client.sendall(said)
        return client

    async def until(self, count: int, seconds: float = 20) -> None:
        await until(lambda: self.counted.all == count, seconds)

    async def answers(self, address: str = "127.0.0.1") -> bool:
        """Whether who comes from there is answered at once, without a second try."""
        async with (
            ClientSession(connector=TCPConnector(local_addr=(address, 0))) as session,
            session.get(f"http://127.0.0.1:{self.port}/small") as answer,
        ):
            return answer.status == 200


async def small(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def broken(_request: web.Request) -> web.Response:
    raise RuntimeError("a bug")


async def body(request: web.Request) -> web.Response:
    await wire.body(request)
    return web.Response()


async def large(_request: web.Request) -> web.Response:
    return web.Response(body=bytes(LARGE))


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Port]:
    monkeypatch.setattr(connections, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 1.0)
    app = web.Application()
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGE)
    app.add_routes(
        [
            web.get("/small", small),
            web.get("/large", large),
            web.post("/body", body),
            web.get("/broken", broken),
            web.static("/files", tmp_path),
        ]
    )
    gates: list[asyncio.Event] = []

    async def waits(_request: web.Request) -> web.Response:
        await gates[0].wait()
        return web.Response()

    app.router.add_get("/waits", waits)
    running, counted = runner(app), Crowd(8, 12)
    await running.setup()
    await CountedSite(running, "127.0.0.1", 0, crowd=counted).start()
    made = Port(running.addresses[0][1], counted, running)
    gates.append(made.gate)
    yield made
    await running.cleanup()


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    found: list[socket.socket] = []
    yield found
    for client in found:
        client.close()


def told(client: socket.socket) -> bytes:
    """All that a connection is told until its end, which comes; blocking."""
    client.settimeout(20)
    heard = b""
    with suppress(ConnectionError):
        while part := client.recv(1 << 16):
            heard += part
    return heard


def cut_off(client: socket.socket) -> bool:
    """Whether the other end closed or reset it, and said no more than that it has no room; blocking."""
    return told(client)[:12] in (b"", b"HTTP/1.1 503")


def flood(port: Port, clients: list[socket.socket], count: int) -> None:
    """So many half heads; those that are cut off at once are no error here."""
    for _ in range(count):
        with suppress(ConnectionError):
            clients.append(port.connect(b"GET / HTTP/1.1\r\nHost:"))


@pytest.mark.parametrize("said", [b"", b"GET /small HT", b"GET /small HTTP/1.1\r\nHost: x\r\nA: "])
async def test_who_says_nothing_or_half_is_closed(port: Port, clients: list[socket.socket], said: bytes) -> None:
    clients.append(port.connect(said))
    await port.until(1)
    assert await asyncio.to_thread(cut_off, clients[0])
    await port.until(0)


async def test_who_drips_a_head_byte_by_byte_is_closed(port: Port, clients: list[socket.socket]) -> None:
    client = port.connect(b"GET /small HTTP/1.1\r\nX: ")
    clients.append(client)

    def drip() -> float:
        began = time.monotonic()
        while time.monotonic() - began < 20:
            try:
                client.sendall(b"x")
            except OSError:
                break
            time.sleep(0.05)
        return time.monotonic() - began

    assert await asyncio.to_thread(drip) < 15
    await port.until(0)


@pytest.mark.parametrize("path", [b"/large", b"/files/file"])
async def test_who_reads_nothing_is_closed(
    port: Port, clients: list[socket.socket], path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """And is no fault of ours that would be in the log."""
    clients.append(port.connect(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
    await port.until(1)
    await port.until(0, 60)
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_who_goes_in_the_middle_of_a_body_is_no_fault_of_ours(
    port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    client = port.connect(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    await port.until(1)
    client.close()
    await port.until(0)
    assert await port.answers()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_fault_of_ours_is_in_the_log(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port.port}/broken") as answer:
        assert answer.status == 500
    assert [str(each.exc_info[1]) for each in caplog.records if each.exc_info] == ["a bug"]


async def test_a_crowd_is_taken_in_by_parts_and_may_wait_outside(
    port: Port, clients: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, loop = [0], asyncio.get_running_loop()

    def turn() -> None:
        turns.append(0)
        ticking[0] = loop.call_soon(turn)

    def take(_: str) -> bool:
        turns[-1] += 1
        return False

    ticking = [loop.call_soon(turn)]
    monkeypatch.setattr(port.counted, "take", take)
    [listener] = [sock for site in port.runner.sites for sock in site._server.sockets]  # type: ignore[attr-defined]
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    may_wait = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert int.from_bytes(info[28:32], "little") == min(connections.QUEUE, may_wait)  # tcpi_sacked of one that listens
    clients += [port.connect() for _ in range(100)]
    async with asyncio.timeout(20):
        while sum(turns) < 100:
            await asyncio.sleep(0)
    ticking[0].cancel()
    assert max(turns) <= connections.AT_ONCE


async def test_whoever_has_enough_is_told_so_and_costs_nothing(
    port: Port, clients: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight of an address are being answered: 300 more are each told, with nothing made for them, and others served."""
    monkeypatch.setattr(connections, "place", str)
    made = [0]

    class Made(CountedHandler):
        def __init__(self, *args: Any, **more: Any) -> None:
            made[0] += 1
            super().__init__(*args, **more)

    monkeypatch.setattr(connections, "CountedHandler", Made)
    clients += [port.connect(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(8)]
    await port.until(8)
    more = [port.connect(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(300)]
    clients += more
    assert await port.answers("127.0.1.1")
    for answer in await asyncio.to_thread(lambda: [told(each) for each in more]):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1\r\n" in head
        assert b"\r\nContent-Length: %d\r\n" % len(body) in head
        assert json.loads(body)["error"] == "there are too many connections from your address"
    assert (made[0], port.counted.all) == (9, 8)
    port.gate.set()
    assert {(await asyncio.to_thread(each.recv, 100))[:12] for each in clients[:8]} == {b"HTTP/1.1 200"}


@pytest.mark.parametrize("said", [b"", b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_200_at_once_are_each_answered_or_closed_again_and_again(port: Port, said: bytes) -> None:
    """None is left to the kernel's repetitions, which take two minutes."""

    def come_and_go(_: int) -> list[bytes]:
        heard = []
        for _ in range(3):
            with suppress(ConnectionError), port.connect(said) as client:
                heard.append(told(client)[:12])
        return heard

    with ThreadPoolExecutor(200) as many:
        loop = asyncio.get_running_loop()
        heard = await asyncio.gather(*(loop.run_in_executor(many, come_and_go, number) for number in range(200)))
    answers = Counter(each for of_one in heard for each in of_one)
    assert set(answers) <= {b"HTTP/1.1 503", b"HTTP/1.1 200", b""}
    assert answers[b"HTTP/1.1 503"] > answers[b""]
    await port.until(0)
    assert await port.answers()


def test_an_address_of_ipv6_leaves_the_port_of_ipv4_to_others() -> None:
    with (
        connections.AdmittingSocket(("::", 0), lambda where: True) as first,
        connections.AdmittingSocket(("0.0.0.0", first.getsockname()[1]), lambda where: True) as other,
    ):
        assert other.getsockname()[1] == first.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            connections.AdmittingSocket(("::", first.getsockname()[1]), lambda where: True)


async def test_who_reads_nothing_does_not_keep_us_from_ending(
    port: Port, clients: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 60.0)
    clients += [port.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(4)]
    await port.until(4)
    async with asyncio.timeout(5):
        await port.runner.cleanup()


async def test_a_flood_of_one_address_is_cut_off_and_others_are_served(
    port: Port, clients: list[socket.socket]
) -> None:
    await asyncio.to_thread(flood, port, clients, 60)
    assert port.counted.all <= 8
    assert await asyncio.to_thread(lambda: all(map(cut_off, clients)))  # none waits to be accepted any more
    await port.until(0)
    assert await port.answers()


@pytest.mark.parametrize(
    "said", [b"", b"GET /small HT", b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"]
)
async def test_one_machine_with_many_addresses_does_not_close_the_port(
    port: Port, clients: list[socket.socket], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Whoever has been silent longest makes room; who is being answered stays."""
    monkeypatch.setattr(connections, "place", str)
    monkeypatch.setattr(connections, "SILENT_SECONDS", 60.0)
    monkeypatch.setattr(connections, "PAUSE_SECONDS", 0.0)
    first = port.connect(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
    clients.append(first)
    await port.until(1)
    for number in range(30):
        clients.append(port.connect(said, f"127.0.1.{number % 5 + 1}"))
        assert await port.answers()
    assert port.counted.all <= port.counted.most
    port.gate.set()
    first.settimeout(10)
    assert (await asyncio.to_thread(first.recv, 100)).startswith(b"HTTP/1.1 200")


async def test_600_half_heads_leave_descriptors_for_others(port: Port, clients: list[socket.socket]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    await asyncio.to_thread(flood, port, clients, 600)
    assert port.counted.all <= 8
    assert connections.affordable(0.9) <= max(16, soft - connections.RESERVE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        assert connections.affordable(0.6) + connections.affordable(0.3) <= 512 - connections.RESERVE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
