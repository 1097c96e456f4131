"""Clients that say nothing, half of it, or read nothing, and floods of them: real sockets, the real kernel's limits."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from aiohttp import ClientSession, web

from cloned import connections
from cloned.connections import Counted, CountedSite, runner

pytestmark = pytest.mark.wire
LARGE = 64 * 1024 * 1024


class Port:
    """A port with a small answer and one that is larger than any buffer."""

    def __init__(self, port: int, counted: Counted, running: web.AppRunner) -> None:
        self.port, self.counted, self.runner = port, counted, running

    def connect(self, said: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        if said:
            client.sendall(said)
        return client

    async def until(self, count: int, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while self.counted.all != count:
                await asyncio.sleep(0.02)

    async def answers(self) -> bool:
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/small") as answer:
            return answer.status == 200


async def small(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def large(_request: web.Request) -> web.Response:
    return web.Response(body=bytes(LARGE))


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Port]:
    monkeypatch.setattr(connections, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 1.0)
    app = web.Application()
    app.add_routes([web.get("/small", small), web.get("/large", large)])
    running, counted = runner(app), Counted(8, 12)
    await running.setup()
    await CountedSite(running, "127.0.0.1", 0, counted=counted).start()
    yield Port(running.addresses[0][1], counted, running)
    await running.cleanup()


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    found: list[socket.socket] = []
    yield found
    for client in found:
        client.close()


def cut_off(client: socket.socket) -> bool:
    """Whether the other end closed or reset it; blocking."""
    client.settimeout(10)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


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


async def test_who_reads_nothing_is_closed(port: Port, clients: list[socket.socket]) -> None:
    clients.append(port.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
    await port.until(1)
    await port.until(0, 60)


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
