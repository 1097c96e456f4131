"""A real daemon, and real requests of somebody who has no business there or says more than a laptop does."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import re
import secrets
import signal
import socket
import tempfile
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cloned import client, monitor, processes
from cloned.lab import stock as stocks
from cloned.lab.daemon import PAGE, DaemonProcess, DaemonSettings
from cloned.lab.hostile.packets import asks, repairs
from cloned.lab.kernel import in_namespace
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import NETWORK, NIC, SERVER, LabNetwork, laptop_mac
from cloned.stream.packets import StreamAddress
from tests.lab.run.labs import needs_root

pytestmark = [pytest.mark.lab, pytest.mark.slow, needs_root]
BOOT = 8069
HALF = "\ud800"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Machine:
    """Behind one cable, with an address and a MAC of its own; `token` as its last boot gave it."""

    network: LabNetwork
    number: int
    token: str = ""

    @property
    def mac(self) -> str:
        return laptop_mac(self.network.run, self.number)

    async def ask(self, method: str, path: str, body: object = None, port: int = BOOT, **headers: str) -> Answer:
        def work() -> Answer:
            connection = http.client.HTTPConnection(str(SERVER.ip), port, timeout=30)
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            sent = {
                "Content-Type": "application/json",
                **{name.replace("_", "-"): text for name, text in headers.items()},
            }
            connection.request(method, path, data, sent)
            got = connection.getresponse()
            answer = Answer(got.status, dict(got.getheaders()), got.read())
            connection.close()
            return answer

        return await asyncio.to_thread(in_namespace, self.network.path(self.network.laptop(self.number)), work)

    async def call(self, name: str, body: object) -> Answer:
        return await self.ask("POST", f"/agent/v1/{name}", body, Authorization=f"Bearer {self.token}")

    async def boot(self, mac: str, serial: str) -> bytes:
        """Ask for a boot script; the token that it has is ours from now on."""
        query = f"mac={mac}&platform=efi&serial={serial}&product=Workshop+14&manufacturer=Lab"
        script = (await self.ask("GET", f"/boot.ipxe?{query}")).text
        if found := re.search(rb"cloned\.boot=http://[^/\s]+/([\w-]+)", script):
            self.token = found[1].decode()
        return script

    async def hello(self, serial: str, **more: object) -> Answer:
        disk = {"path": "/dev/sda", "size": 10**12, "serial": f"D{serial}", "eligible": True}
        told = {"serial": serial, "vendor": "Lab", "product": "Workshop 14", "macs": [self.mac], "boot_mac": self.mac}
        return await self.call("hello", {**told, "firmware": "uefi", "disks": [disk], **more})

    async def come(self, serial: str) -> str:
        """Boot and say hello; the id that it has from now on."""
        await self.boot(self.mac, serial)
        said = await self.hello(serial)
        assert said.status == 200, said.text
        return str(said.json["laptop"])

    async def send(self, port: int, packets: list[bytes]) -> None:
        def work() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for packet in packets:
                    sock.sendto(packet, (str(SERVER.ip), port))

        await asyncio.to_thread(in_namespace, self.network.path(self.network.laptop(self.number)), work)


@dataclass
class Workshop:
    daemon: DaemonProcess
    honest: Machine
    stranger: Machine

    async def seen(self) -> dict[str, Any]:
        return await self.daemon.state()

    async def laptop(self, ident: str) -> dict[str, Any]:
        return next(each for each in (await self.seen())["laptops"] if each["id"] == ident)

    async def clock(self) -> datetime:
        """The daemon's own."""
        return datetime.fromisoformat((await self.seen())["now"])

    async def command(self, do: str, **words: object) -> Any:
        return await client.call(self.daemon.settings.runtime, "POST", "/api/v1/commands", {"do": do, **words})

    async def well(self) -> None:
        """Whatever was tried, the page is there and nothing of ours failed."""
        assert (await self.stranger.ask("GET", "/", port=PAGE)).status == 200
        json.dumps(await self.seen(), allow_nan=False)
        assert "Traceback" not in self.daemon.log.read_text("utf-8", "replace")


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    stock = stocks.prepare("sample", lambda words: None)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-stranger-")))
        network = LabNetwork(f"cl{secrets.token_hex(2)}", 2)
        stack.callback(network.close)
        network.build()
        network.plug_server()
        for number in (1, 2):
            network.plug_thin(number, laptop_mac(network.run, number))
            network.link(number, up=True)
            inside = ["ip", "netns", "exec", network.laptop(number), "ip"]
            processes.run([*inside, "addr", "add", f"{NETWORK[1005 + number]}/{NETWORK.prefixlen}", "dev", NIC])
        images = folder / "state" / "images"
        images.mkdir(parents=True)
        (images / ".pieces").symlink_to(stock.store.root / ".pieces")
        (images / "sample").symlink_to(stock.store.root / "sample")
        settings = DaemonSettings(
            state=folder / "state", runtime=folder / "run", live=stock.live, boot=stock.boot, image="sample",
            kind=LaptopKind.THIN, mbit_s=None, webhook="http://127.0.0.1:9/", webhook_secret=secrets.token_hex(16),
            classic=(), gates={}, confirm="ask",
        )  # fmt: skip
        daemon = DaemonProcess(settings, network.server, folder / "daemon.log")
        stack.push_async_callback(daemon.stop)
        daemon.start()
        await daemon.ready()
        yield Workshop(daemon, Machine(network, 1), Machine(network, 2))


async def test_nobody_speaks_for_another(workshop: Workshop) -> None:
    honest, stranger = workshop.honest, workshop.stranger
    ident = await honest.come("HONEST")
    assert b"is running at" in await stranger.boot(honest.mac, "HONEST")  # its MAC stands on the page for everybody
    assert (await honest.call("report", {"state": "idle"})).status == 200
    stranger.token = honest.token
    assert (await stranger.call("report", {"state": "idle"})).status == 401

    await stranger.boot(stranger.mac, "OTHER")
    assert (await stranger.hello("HONEST")).status == 409  # a hello fits its boot
    other = await stranger.come("HONEST")  # a boot that claims it from the beginning is somebody else
    assert other != ident
    await stranger.call("report", {"state": "idle"})
    offer = (await stranger.call("report", {"state": "idle"})).json["offer"]
    assert (await stranger.call("confirm", {"image": offer["image"], "disk": offer["disk"]})).status == 200
    given = (await workshop.seen())["confirmations"]
    assert [each["laptop"] for each in given] == [other]
    await honest.come("HONEST")  # its next network boot: nobody confirmed this one
    assert (await honest.call("report", {"state": "idle"})).json["do"] == "wait"
    await workshop.well()


async def test_halves_of_characters_and_many_hellos_break_nothing(workshop: Workshop) -> None:
    honest = workshop.honest
    await honest.come("HONEST")
    texts = dict.fromkeys(
        ("state", "detail", "code", "session", "image", "name", "result", "pieces", "layout", "gap", "want", HALF), HALF
    )
    body = {**texts, "cleared": [HALF], "steps": [{"name": HALF, "detail": HALF}], "disk": {"serial": HALF}, "round": 1}
    for name in ("report", "ready", "readback", "finished", "failed", "confirm", "test", "media", "erasing", "erase"):
        assert (await honest.call(name, body)).status < 500
    for path in ("/api/v1/sign-in", "/api/v1/commands"):
        assert (await honest.ask("POST", path, {**body, "pin": HALF}, port=PAGE)).status < 500
    await honest.boot(honest.mac, "HONEST")
    many = [(await honest.hello("HONEST", cpu=HALF, macs=[honest.mac, HALF])).status for _ in range(23)]
    assert set(many) <= {200, 503}
    assert len((await workshop.seen())["laptops"]) == 1
    await workshop.well()


async def test_what_inflates_or_nests_is_refused_before_it_costs_anything(workshop: Workshop) -> None:
    stranger, before = workshop.stranger, workshop.daemon.peak_memory()
    bomb = zlib.compress(b" " * 60_000_000, 9)
    for port, path in ((BOOT, "/agent/v1/hello"), (PAGE, "/api/v1/sign-in")):
        for packed in ("deflate", "gzip", "br"):
            assert (await stranger.ask("POST", path, bomb, port, Content_Encoding=packed)).status == 415
    quadratic = {"Content_Type": "application/json; charset=punycode"}
    assert (await stranger.ask("POST", "/api/v1/sign-in", b"a" * 60_000 + b"-b", PAGE, **quadratic)).status == 400
    for body in (b"[" * 60_000, b'{"a":' * 9000, b"9" * 60_000, b'{"pin": 1e999}', b'{"pin": NaN}', b"\xff\xfe"):
        assert (await stranger.ask("POST", "/api/v1/sign-in", body, port=PAGE)).status == 400
    assert workshop.daemon.peak_memory() - before < 100_000_000
    for name in ("evil.example", "169.254.1.1", ""):
        assert (await stranger.ask("GET", "/api/v1/state", port=PAGE, Host=name)).status == 421
    out = await stranger.ask("POST", "/api/v1/sign-out", {}, PAGE, Origin="http://evil.example")
    assert out.status == 403
    await workshop.well()


async def test_a_capture_ends_at_what_was_announced(workshop: Workshop) -> None:
    honest, stranger = workshop.honest, workshop.stranger
    ident = await honest.come("MASTER")
    await workshop.command("capture", target=ident, image="taken")
    opened = (await honest.call("capture", {"image": "taken", "expected": 1000})).json
    stranger.token = honest.token

    async def put(machine: Machine, name: str, data: bytes, offset: int = 0) -> Answer:
        path = f"{opened['upload']}/{name}?offset={offset}"
        return await machine.ask("PUT", path, data, Authorization=f"Bearer {opened['token']}")

    assert (await put(honest, "parts", b"sda1\n")).status == 200
    assert (await put(stranger, "disk", b"sda\n")).status != 200  # the token is bound to its address
    assert (await put(honest, "..%2f..%2fevil", b"x")).status != 200
    sent, answer = 0, await put(honest, "sda1.img", bytes(16 << 20))
    while answer.status == 200:
        sent += 16 << 20
        assert sent < 200 << 20
        answer = await put(honest, "sda1.img", bytes(16 << 20), sent)
    assert b"announced" in answer.text
    assert (await put(honest, "more", b"x")).status == 409  # it is over
    assert [each["name"] for each in (await workshop.seen())["images"]] == ["sample"]
    await workshop.well()


async def test_a_stream_is_heard_out_by_nobody(workshop: Workshop) -> None:
    honest = workshop.honest
    ident = await honest.come("HONEST")
    await workshop.command("confirm", target=ident)
    async with asyncio.timeout(60):
        while not (order := (await honest.call("report", {"state": "idle"})).json).get("stream"):
            await asyncio.sleep(0.2)
    stream, chance = StreamAddress.from_json(order["stream"]), random.Random(7)
    noise = [*asks(stream.session, chance, 300), *repairs(stream.session, chance, 200)]
    for machine in (honest, workshop.stranger):
        await machine.send(stream.request_port, [*noise, *(chance.randbytes(200) for _ in range(100))])
    await workshop.well()
    [session] = (await workshop.seen())["sessions"]
    assert (session["ended"], session["sender"]["trouble"]) == (None, "")


async def test_nobody_is_gone_after_the_daemon_itself_was_suspended(workshop: Workshop) -> None:
    ident = await workshop.honest.come("HONEST")
    assert (await workshop.honest.call("report", {"state": "idle"})).status == 200
    os.kill(workshop.daemon.pid, signal.SIGSTOP)
    await asyncio.sleep(12)  # longer than a laptop may be silent: nothing to wait for
    os.kill(workshop.daemon.pid, signal.SIGCONT)
    before, begun = (await workshop.laptop(ident))["history"], await workshop.clock()
    async with asyncio.timeout(60):
        while (await workshop.clock() - begun).total_seconds() < 2 * monitor.EVERY_SECONDS:  # it looked, then answered
            await asyncio.sleep(0.1)
    assert (await workshop.laptop(ident))["state"] == "asking"
    assert (await workshop.laptop(ident))["history"] == before
