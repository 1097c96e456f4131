"""Results on their way to a real receiver and a real file, across outages and kills."""

import asyncio
import base64
import contextlib
import csv
import hashlib
import hmac
import json
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import web

from cloned.destinations import FileSettings, WebhookSettings
from cloned.inventory import offline as commands
from cloned.inventory import outbox
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks import make
from cloned.processes import end_process

pytestmark = pytest.mark.wire
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()

RECORDER = Path(__file__).with_name("recorder.py")


async def until(condition):
    """Wait until `condition()` holds."""
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.02)


async def states(inventory, **wanted):
    return {each["sink"]: each["state"] for each in await inventory.sinks()} == wanted


async def first(inventory, name):
    return any(each[name] for each in await inventory.sinks())


async def counted(receiver, count):
    return len(receiver.requests) >= count


class Receiver:
    """A webhook receiver as the documentation tells people to write one."""

    def __init__(self):
        self.got, self.requests, self.status, self.hold, self.port = {}, [], 200, None, 0
        self.arrived = asyncio.Event()

    async def handle(self, request):
        body = await request.read()
        key, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        digest = hmac.new(base64.b64decode(SECRET[6:]), f"{key}.{at}.".encode() + body, hashlib.sha256).digest()
        assert hmac.compare_digest(f"v1,{base64.b64encode(digest).decode()}", request.headers["webhook-signature"])
        assert abs(time.time() - int(at)) < 300
        assert request.headers["Idempotency-Key"] == key
        self.requests.append((key, body))
        self.arrived.set()
        if self.hold:
            await self.hold.wait()
        if self.status == 200:
            self.got[key] = json.loads(body)
        return web.Response(status=self.status, text="as told")

    async def has(self, count):
        async with asyncio.timeout(30):
            while len(self.got) < count:
                self.arrived.clear()
                await self.arrived.wait()
                await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def serving(self):
        app = web.Application()
        app.router.add_post("/results", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    @property
    def sink(self):
        return WebhookSettings(name="s", type="webhook", url=f"http://127.0.0.1:{self.port}/results", secret=SECRET)


@contextlib.asynccontextmanager
async def opened(place, *settings):
    """Ledger and running outbox, as the daemon has them."""
    ledger = await Ledger.open(place)
    box = Outbox(ledger, [make(each) for each in settings])
    task = asyncio.create_task(box.run())
    try:
        yield SimpleNamespace(record=ledger.record, rows=ledger.rows, sinks=box.status)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ledger.close()


@contextlib.asynccontextmanager
async def child(place, kind, where, first, last):
    words = [RECORDER, place, kind, where, first, last, SECRET]
    process = await asyncio.create_subprocess_exec(sys.executable, *map(str, words), stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        await end_process(process)


def row(attempt, **more):
    return {
        "laptop": "a1b2",
        "attempt": attempt,
        "at": "2026-11-18T19:00:00Z",
        "verdict": "verified",
        "state": "done",
        **more,
    }


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(outbox, "LOOK_AGAIN_SECONDS", 0.05)


@pytest.fixture
async def receiver():
    receiver = Receiver()
    async with receiver.serving():
        yield receiver


async def test_a_result_arrives_signed_and_once(receiver, tmp_path):
    async with opened(tmp_path / "l.sqlite", receiver.sink) as inventory:
        await inventory.record(row(1, serial="B5TO"))
        await inventory.record(row(1, serial="B5TO"))
        await receiver.has(1)
        async with asyncio.timeout(60):
            while any(sink["waiting"] for sink in await inventory.sinks()):
                await asyncio.sleep(0.01)
    assert len(receiver.requests) == 1
    [message] = receiver.got.values()
    assert (message["type"], message["revision"], message["data"]["serial"]) == ("result", 1, "B5TO")


async def test_a_receiver_that_was_down_gets_all_in_order_while_the_file_never_waited(tmp_path):
    receiver = Receiver()
    async with receiver.serving():
        pass  # now its port is known, and closed
    file = FileSettings(name="f", type="csv", path=tmp_path / "f.csv")
    async with opened(tmp_path / "l.sqlite", receiver.sink, file) as inventory:
        for attempt in range(1, 6):
            await inventory.record(row(attempt))
        await until(lambda: states(inventory, f="idle", s="failing"))
        assert "cannot be reached" in (await inventory.sinks())[1]["reason"]
        async with receiver.serving():
            await receiver.has(5)
    assert [message["data"]["attempt"] for message in receiver.got.values()] == [1, 2, 3, 4, 5]


async def test_an_answer_of_503_is_tried_again_with_the_same_bytes(receiver, tmp_path):
    receiver.status = 503
    async with opened(tmp_path / "l.sqlite", receiver.sink) as inventory:
        await inventory.record(row(1))
        await until(lambda: counted(receiver, 3))
        receiver.status = 200
        await receiver.has(1)
    assert len(set(receiver.requests)) == 1


async def test_a_refusal_is_a_dead_letter_that_the_command_line_can_send_again(receiver, tmp_path):
    receiver.status = 422
    async with opened(tmp_path / "l.sqlite", receiver.sink) as inventory:
        await inventory.record(row(1))
        await until(lambda: first(inventory, "refused"))
        status = await commands.status(tmp_path / "l.sqlite", ["s"])
        assert status["sinks"][0]["dead"][0]["reason"] == "it answered 422: as told"
        receiver.status = 200
        assert await commands.retry(tmp_path / "l.sqlite", "s") == 1
        await receiver.has(1)
        assert await commands.export(tmp_path / "l.sqlite", tmp_path / "out.xlsx") == (1, 0, [tmp_path / "out.xlsx"])


async def test_killed_between_commit_and_send_it_is_sent_by_the_next_daemon(receiver, tmp_path):
    async with child(tmp_path / "l.sqlite", "none", tmp_path / "unused.csv", 1, 3) as process:
        assert await process.stdout.readline() == b"recorded 1\n"
        assert await process.stdout.readline() == b"recorded 2\n"
    async with opened(tmp_path / "l.sqlite", receiver.sink):
        await receiver.has(2)
    assert [message["data"]["attempt"] for message in receiver.got.values()] == [1, 2]


async def test_killed_between_send_and_answer_it_is_sent_again_with_the_same_key(receiver, tmp_path):
    receiver.hold = asyncio.Event()
    async with child(tmp_path / "l.sqlite", "webhook", receiver.sink.url, 1, 2):
        async with asyncio.timeout(30):
            await receiver.arrived.wait()
    receiver.hold.set()
    async with opened(tmp_path / "l.sqlite", receiver.sink) as inventory:
        await until(lambda: first(inventory, "sent"))
    assert len(receiver.requests) == 2
    assert len(set(receiver.requests)) == 1


@pytest.mark.slow
async def test_a_file_has_each_line_once_however_often_the_writer_was_killed(tmp_path):
    place, path = tmp_path / "l.sqlite", tmp_path / "f.csv"
    for first in (0, 15, 30):
        async with child(place, "csv", path, first, first + 15) as process:
            for _ in range(random.randrange(1, 15)):
                await process.stdout.readline()
            await asyncio.sleep(random.random() * 0.03)
    async with opened(place, FileSettings(name="s", type="csv", path=path)) as inventory:
        await until(lambda: states(inventory, s="idle"))
        recorded = [each["attempt"] for each in await inventory.rows()]
    with path.open(encoding="utf-8-sig", newline="") as file:
        written = [int(line["attempt"]) for line in csv.DictReader(file, delimiter=";")]
    assert sorted(written) == sorted(recorded)
    assert len(set(written)) == len(written) > 2
