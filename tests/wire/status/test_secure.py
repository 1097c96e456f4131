"""The page over TLS: real certificates, real sockets, one port."""

from __future__ import annotations

import asyncio
import datetime
import gc
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from contextlib import AsyncExitStack, ExitStack

import pytest
import trustme
from aiohttp import ClientSession, TCPConnector, web

from cloned import connections
from cloned.connections import Crowd, runner
from cloned.errors import ClonedError, MissingError
from cloned.status import secure
from cloned.status.secure import RECORDS_BYTES, Certificate, open_door
from cloned.tasks import TaskOwner

pytestmark = pytest.mark.wire


def issue(authority, folder, **more):
    """A certificate for loopback, written as a renewal does it: new files in the old ones' place."""
    made = authority.issue_cert("127.0.0.1", "localhost", **more)
    for name, pem in (("page.pem", made.cert_chain_pems[0]), ("page.key", made.private_key_pem)):
        pem.write_to_path(folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)
    return folder / "page.pem", folder / "page.key"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


class Door:
    def __init__(self, port, certificate, counted):
        self.port, self.certificate, self.counted = port, certificate, counted
        self.url, self.plain = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}"


@pytest.fixture
async def door(tmp_path, authority):
    async def said(request):
        return web.Response(text=f"{request.scheme} {request.secure}")

    app, tasks = web.Application(), TaskOwner("test")
    app.router.add_get("/where", said)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tasks.close)
        page = runner(app)
        await page.setup()
        stack.push_async_callback(page.cleanup)
        certificate, counted = Certificate(*issue(authority, tmp_path)), Crowd(8, 16)
        made = await open_door(page, ("127.0.0.1", 0), certificate, counted, ["localhost"], tasks, stack)
        yield Door(made.port, certificate, counted)


@pytest.fixture
async def client(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with ClientSession(connector=TCPConnector(ssl=context, force_close=True)) as session:
        yield session


def serial(port, authority):
    """Of the certificate that is shown now."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return wrapped.getpeercert()["serialNumber"]


async def test_one_port_speaks_tls_and_leads_http_to_it(door, client):
    async with client.get(f"{door.url}/where") as answer:
        assert await answer.text() == "https True"
    async with client.get(f"{door.plain}/where?x=1", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, f"{door.url}/where?x=1")
    async with client.get(f"{door.plain}/where") as answer:
        assert await answer.text() == "https True"


async def test_a_connection_that_says_nothing_costs_little(door):
    """A thousand of them are not a quarter of a gigabyte."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as silent:
        silent.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        found = []
        async with asyncio.timeout(20):
            while not found:
                await asyncio.sleep(0.01)
                found = [each for each in gc.get_objects() if isinstance(each, SSLProtocol)]
        assert all(len(each._ssl_buffer) <= RECORDS_BYTES for each in found)


async def test_another_name_is_not_led_anywhere(door, client):
    headers = {"Host": "evil.example"}
    async with client.get(f"{door.plain}/where", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 421
        assert "Location" not in answer.headers


async def test_a_certificate_that_was_renewed_is_shown_without_a_restart(door, client, authority, tmp_path):
    before = await asyncio.to_thread(serial, door.port, authority)
    issue(authority, tmp_path)
    after = await asyncio.to_thread(serial, door.port, authority)
    assert before != after
    (tmp_path / "page.pem").write_text("half a renewal")
    assert await asyncio.to_thread(serial, door.port, authority) == after
    assert "keeps its old certificate" in door.certificate.warnings()[0]["text"]
    issue(authority, tmp_path)
    assert await asyncio.to_thread(serial, door.port, authority) not in (before, after)
    assert door.certificate.warnings() == []


async def test_who_says_nothing_or_nonsense_keeps_nobody_out(door, client, monkeypatch):
    monkeypatch.setattr(secure, "SECONDS", 0.3)
    silent = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(12)]
    nonsense = socket.create_connection(("127.0.0.1", door.port))
    nonsense.sendall(b"\x16\x03\x01" + bytes(range(200)))
    async with asyncio.timeout(20):
        while True:
            try:
                async with client.get(f"{door.url}/where") as answer:
                    assert await answer.text() == "https True"
                    break
            except OSError:
                await asyncio.sleep(0.05)
    for sock in (*silent, nonsense):
        sock.close()


async def test_a_crowd_at_the_door_lets_others_have_their_turn_and_is_closed(door, monkeypatch):
    """Each of 200 is let wait or closed, and of no turn of the loop is more taken than so many."""
    turns, loop = [0], asyncio.get_running_loop()

    def turn():
        turns.append(0)
        ticking[0] = loop.call_soon(turn)

    def taken(self):
        self._admits = lambda where: True
        sock, peer = waiting_at(self)
        turns[-1] += 1
        return sock, peer

    waiting_at, ticking = connections.AdmittingSocket.accept, [loop.call_soon(turn)]
    monkeypatch.setattr(connections.AdmittingSocket, "accept", taken)
    monkeypatch.setattr(secure, "SECONDS", 0.3)
    with ExitStack() as stack:
        where = ("127.0.0.1", door.port)
        crowd = [stack.enter_context(socket.create_connection(where, timeout=20)) for _ in range(200)]
        assert [await asyncio.to_thread(each.recv, 1) for each in crowd] == [b""] * 200
    ticking[0].cancel()
    assert sum(turns) == 200
    assert max(turns) <= connections.AT_ONCE


def test_files_that_cannot_be_used_are_told_with_the_next_step(tmp_path, authority):
    with pytest.raises(MissingError, match=r"page\.pem cannot be read"):
        Certificate(tmp_path / "page.pem", tmp_path / "page.key")
    certificate, key = issue(authority, tmp_path)
    with pytest.raises(ClonedError, match="cannot be used"):
        Certificate(key, certificate)


def test_a_certificate_that_ended_or_ends_soon_is_told(tmp_path, authority):
    now = datetime.datetime.now(datetime.UTC)
    soon = Certificate(*issue(authority, tmp_path, not_after=now + datetime.timedelta(days=3)))
    assert "ends on" in soon.warnings()[0]["text"]
    past = Certificate(*issue(authority, tmp_path, not_after=now - datetime.timedelta(days=3)))
    assert "has ended" in past.warnings()[0]["text"]
