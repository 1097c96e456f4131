"""Whatever comes back from an inventory, of whichever kind: one clear line, nothing lost, and well again afterwards."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from cloned.config_file import parse
from cloned.inventory.sinks import make
from cloned.inventory.sinks.base import Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.http import NOT_THE_RECORDS
from cloned.inventory.sinks.memory import FolderMemory
from tests.servers.devicehub import TOKEN, DeviceHub
from tests.servers.glpi import Glpi
from tests.servers.ocs import Ocs
from tests.servers.snipeit.server import SnipeIt
from tests.wire.inventory.conftest import snipeit as workshop_snipeit
from tests.wire.inventory.test_snipeit_nights import texts

pytestmark = pytest.mark.wire
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
Trouble = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hook:
    """A webhook's other side that takes whatever comes."""

    trouble: Trouble | None = None
    url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Hook]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        return web.Response() if self.trouble is None else await self.trouble(request)


@asynccontextmanager
async def glpi() -> AsyncIterator[Glpi]:
    async with Glpi().serving() as server:
        for kind, name in (("State", "Ready"), ("ComputerModel", "20L6S0ABCD"), ("Manufacturer", "LENOVO")):
            server.add(kind, {"name": name})
        yield server


SERVERS: dict[str, tuple[Callable[[], Any], str]] = {
    "snipeit": (
        asynccontextmanager(workshop_snipeit.__wrapped__),  # type: ignore[attr-defined]
        'token = "TOKEN-ADMIN"\ndone = { name = "Ready to give out", type = "deployable" }\n'
        'fields = { "Clone verdict" = "{verdict}" }',
    ),
    "glpi": (glpi, 'token = "USER-TOKEN"\napp_token = "APP-TOKEN"\ndone = "Ready"'),
    "ocs": (lambda: Ocs().serving(), ""),
    "devicehub": (lambda: DeviceHub().serving(), f'token = "{TOKEN}"'),
    "webhook": (lambda: Hook().serving(), f'secret = "{SECRET}"'),
}
OURS = {SnipeIt: ("TOKEN-ADMIN",), Glpi: ("USER-TOKEN", "APP-TOKEN"), DeviceHub: (TOKEN,), Ocs: (), Hook: (SECRET,)}
PLANTED = ("hunter22", "Bea Borrower", *(each for kind in OURS.values() for each in kind))
TOLD = " ".join(PLANTED)


@pytest.fixture(params=SERVERS)
async def both(request: Any, tmp_path: Any) -> AsyncIterator[tuple[Any, Sink]]:
    """Server and sink of one kind."""
    served, keys = SERVERS[request.param]
    async with served() as server:
        url = f"{server.url}/ocsinventory" if request.param == "ocs" else server.url
        text = f'[[sink]]\nname = "s"\ntype = "{request.param}"\nurl = "{url}"\n{keys}\n'
        sink = make(parse(text).sink[0], Surroundings("W", "http://page", memory=FolderMemory(tmp_path)))
        try:
            yield server, sink
        finally:
            await sink.close()


async def page(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"<html>\n{TOLD}</html>", content_type="text/html")


async def page_500(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"<html>\r\n{TOLD}</html>", content_type="text/html", status=500)


async def elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "https://evil.example/login?token=hunter22"})


async def cut_before(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def cut_half_way(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"total": 1, ')
    return await cut_before(request)


async def long(request: web.Request) -> web.StreamResponse:
    return web.json_response({"rows": ["x" * (10 << 20)]})


async def no_json(request: web.Request) -> web.StreamResponse:
    return web.Response(text="{" + TOLD, content_type="application/json")


async def nothing(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"", content_type="application/json")


async def null(request: web.Request) -> web.StreamResponse:
    return web.json_response(None)


async def a_number(request: web.Request) -> web.StreamResponse:
    return web.json_response(17)


async def words_only(request: web.Request) -> web.StreamResponse:
    return web.json_response(["ERROR", TOLD])


async def an_error_in_200(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "messages": TOLD, "payload": None, "error": TOLD})


async def an_error_in_400(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "messages": {"x": [TOLD]}, "detail": TOLD}, status=400)


async def expired(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": "Unauthorized", "message": TOLD}, status=401)


async def latin(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b'{"status": "\xe9\xff"}', content_type="application/json", charset="utf-8")


TROUBLES = (page, page_500, elsewhere, cut_before, cut_half_way, long, no_json, nothing, null, a_number, words_only,
            an_error_in_200, an_error_in_400, expired, latin)  # fmt: skip
TAKEN = (page, cut_half_way, long, no_json, nothing, null, a_number, words_only, an_error_in_200, latin)
"""A webhook asks for 2xx alone: what else is said is nobody's business."""
IN_WORDS = (words_only, an_error_in_200, an_error_in_400, expired)
"""What the other side says in the way that it says errors is told: an administrator has nothing else. Not what we know to
be a secret: of ours, or (test_snipeit_nights.py) read from a record there."""


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_one_clear_line_and_well_again(
    both: tuple[Any, Sink], deliver: Any, trouble: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server, sink = both
    server.trouble = trouble
    told = await _said(sink.send(deliver()))
    assert told or (isinstance(server, Hook) and trouble in TAKEN)
    told += await _said(sink.known("PF0AAAA1")) + await _said(sink.number(deliver()))
    told += [line.line() for line in await sink.rehearse(deliver())]
    for line in told:
        assert len(line.splitlines()) <= 1, line
        assert len(line) < 500
    for secret in OURS[type(server)] if trouble in IN_WORDS else PLANTED:
        assert not [line for line in (*told, caplog.text, repr(sink)) if secret in line], (secret, told)
    server.trouble = None
    await sink.send(deliver())


@pytest.mark.parametrize("status", sorted(NOT_THE_RECORDS))
@pytest.mark.parametrize("kind", ["json", "page"])
async def test_what_is_not_about_the_record_makes_no_dead_letter(
    both: tuple[Any, Sink], deliver: Any, status: int, kind: str
) -> None:
    server, sink = both

    async def trouble(request: web.Request) -> web.StreamResponse:
        if kind == "json":
            return web.json_response({"detail": "Not here"}, status=status)
        return web.Response(text="<html>", content_type="text/html", status=status)

    server.trouble = trouble
    with pytest.raises(Unavailable):
        await sink.send(deliver())
    server.trouble = None
    await sink.send(deliver())


async def _said(asked: Awaitable[Any]) -> list[str]:
    """What it could not be done for; nothing else is ever raised."""
    try:
        await asked
    except (Unavailable, SinkRefused) as error:
        return [str(error)]
    return []


async def test_one_that_hangs_is_given_up_by_itself(both: tuple[Any, Sink], deliver: Any, monkeypatch: Any) -> None:
    server, sink = both
    hold, asked = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        asked.set()
        await hold.wait()
        return web.Response(status=503)

    server.trouble = hang
    _impatient(sink, monkeypatch)
    [told] = await _said(sink.send(deliver()))
    assert "did not answer in time" in told
    assert asked.is_set()
    hold.set()
    server.trouble = None
    monkeypatch.undo()


def _impatient(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 0.3 s instead of half a minute."""
    from aiohttp import ClientTimeout

    if hasattr(sink, "peer"):
        monkeypatch.setattr(sink.peer, "_timeout", ClientTimeout(total=0.3))
    else:
        monkeypatch.setattr(type(sink), "seconds", 2.3)


KEEPERS = [kind for kind in SERVERS if kind != "webhook"]
"""Those that have a record of each laptop, which is read."""


def records(server: Any) -> int:
    """How many laptops are there."""
    match server:
        case SnipeIt():
            return len(server.state.alive())
        case Glpi():
            return len(server.items["Computer"])
        case Ocs():
            return len(server.computers)
    return len(server.devices)


class Again:
    """A server's own answer, changed on its way by `change`; each request once."""

    def __init__(self, server: Any, change: Callable[[web.Request, Any], Awaitable[web.StreamResponse]]) -> None:
        self._server, self._change = server, change
        self._under_way: set[int] = set()

    async def __call__(self, request: web.Request) -> web.StreamResponse | None:
        if id(request) in self._under_way:
            return None
        self._under_way.add(id(request))
        try:
            return await self._change(request, await self._server.handle(request))
        finally:
            self._under_way.discard(id(request))


async def as_text(request: web.Request, answer: Any) -> web.StreamResponse:
    """Some PHP drivers give every number of a row as a text."""
    if answer.content_type != "application/json":
        return answer  # type: ignore[no-any-return]
    kept = {name: answer.headers[name] for name in answer.headers if name.startswith(("Content-Range", "X-"))}
    return web.json_response(texts(json.loads(answer.body)), status=answer.status, headers=kept)


@pytest.mark.parametrize("both", KEEPERS, indirect=True)
async def test_numbers_as_text_are_numbers(both: tuple[Any, Sink], deliver: Any) -> None:
    server, sink = both
    server.trouble = Again(server, as_text)
    for delivery in (deliver(), deliver(attempt=2, state="aside", verdict="differs"), deliver(attempt=3)):
        await sink.send(delivery)
        assert records(server) == 1
    known = await sink.known("PF0AAAA1", "DM-0412")
    assert known is None or (known.found, known.lent) == (1, False)
    assert [line.line() for line in await sink.rehearse(deliver(attempt=3)) if not line.possible] == []


@pytest.mark.parametrize("both", KEEPERS, indirect=True)
async def test_what_was_done_before_the_line_was_cut_is_not_done_twice(both: tuple[Any, Sink], deliver: Any) -> None:
    """Each call that writes is carried out, and nobody hears of it; the result is sent until it is there."""
    server, sink = both
    cut: set[tuple[str, str]] = set()

    async def lose(request: web.Request, answer: Any) -> web.StreamResponse:
        call = (request.method, request.path)
        if request.method == "GET" or call in cut:
            return answer  # type: ignore[no-any-return]
        cut.add(call)
        return await cut_before(request)

    server.trouble = Again(server, lose)
    for _ in range(12):
        if not await _said(sink.send(deliver())):
            break
    else:
        pytest.fail("it never got through")
    assert cut
    assert records(server) == 1
