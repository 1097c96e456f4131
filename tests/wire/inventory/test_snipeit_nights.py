"""The Snipe-IT sink on bad nights: throttled, refused, odd answers, nobody there."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from aiohttp import web

from cloned.inventory.sinks.base import SinkRefused, Unavailable
from tests.wire.inventory.snipeit_assets import put

pytestmark = pytest.mark.wire


async def test_throttled_without_a_word_waits_the_minute(snipeit, snipeit_sink, deliver):
    snipeit.per_minute = 0
    with pytest.raises(Unavailable, match="no more calls in this minute") as caught:
        await snipeit_sink().send(deliver())
    assert caught.value.after == 60


async def test_it_slows_down_before_the_throttle(snipeit, snipeit_sink, deliver):
    snipeit.per_minute = 12
    sink = snipeit_sink()
    begin = asyncio.get_running_loop().time()
    await sink.send(deliver())
    assert asyncio.get_running_loop().time() - begin > 1


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"maintenance": True}, "maintenance mode"),
        ({"broken": True}, "302, a redirect to http://127.0.0.1:8801/setup, which is not followed"),
    ],
)
async def test_a_bad_night_is_named_and_passes(snipeit, snipeit_sink, deliver, turn, said):
    sink = snipeit_sink()
    for name, value in turn.items():
        setattr(snipeit, name, value)
    with pytest.raises(Unavailable, match=said):
        await sink.send(deliver())
    with pytest.raises(Unavailable, match=said):
        await sink.known("PF0AAAA1")
    for name in turn:
        setattr(snipeit, name, False)
    await sink.send(deliver())


@pytest.mark.parametrize("token", ["wrong-token", "TOKEN-REVOKED"])
async def test_a_token_that_is_not_accepted_is_never_shown(snipeit, snipeit_sink, deliver, token):
    with pytest.raises(Unavailable, match="does not accept the token") as caught:
        await snipeit_sink(token=token).send(deliver())
    assert token not in str(caught.value)


async def answer_html(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>hunter22</html>", content_type="text/html")


async def answer_500(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>DB_PASSWORD=hunter22</html>", content_type="text/html", status=500)


async def answer_sql(request: web.Request) -> web.StreamResponse:
    """Laravel with debugging on: the query that failed, with the values of somebody's record."""
    said = "SQLSTATE[22001]: update `assets` set `_snipeit_bios_password_5` = hunter22"
    return web.json_response({"message": said, "exception": "QueryException"}, status=500)


async def answer_elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=301, headers={"Location": "https://evil.example/api?token=hunter22"})


async def answer_error_in_200(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "messages": {"serial": ["no good"]}, "payload": None})


async def answer_half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"total": 1, ')
    assert request.transport is not None
    request.transport.close()
    return response


async def answer_10_mb(request: web.Request) -> web.StreamResponse:
    return web.json_response({"total": 1, "rows": ["x" * (10 << 20)]})


async def answer_deep(request: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 100_000, content_type="application/json")


async def answer_list(request: web.Request) -> web.StreamResponse:
    return web.json_response([1, 2, 3])


async def answer_odd_rows(request: web.Request) -> web.StreamResponse:
    return web.json_response({"total": 1, "rows": [{"id": "x"}]})


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (answer_html, Unavailable, "200 with a page instead of JSON"),
        (answer_500, Unavailable, "500 with a page instead of JSON"),
        (answer_sql, Unavailable, "Snipe-IT answered 500: see storage/logs/laravel.log there"),
        (answer_elsewhere, Unavailable, "a redirect to https://evil.example/api, which is not followed"),
        (answer_error_in_200, SinkRefused, "Snipe-IT did not take it: serial: no good"),
        (answer_half, Unavailable, "cut the connection before its answer was whole"),
        (answer_10_mb, Unavailable, "longer than 8 MB"),
        (answer_deep, Unavailable, "JSON that is broken"),
        (answer_list, Unavailable, "something else than Snipe-IT does"),
        (answer_odd_rows, Unavailable, "another form than expected"),
    ],
)
async def test_odd_answers_have_one_clear_line(snipeit, snipeit_sink, deliver, trouble, kind, said):
    snipeit.trouble = trouble
    with pytest.raises(kind, match=said) as caught:
        await snipeit_sink().send(deliver())
    assert "hunter22" not in str(caught.value)


async def test_one_that_hangs_ends_by_itself(snipeit, snipeit_sink, deliver, monkeypatch):
    hold = asyncio.Event()

    async def hang(request: web.Request) -> None:
        await hold.wait()

    snipeit.trouble = hang
    sink = snipeit_sink()
    monkeypatch.setattr(sink.peer, "_timeout", sink.peer._timeout.__class__(total=0.2))
    with pytest.raises(Unavailable, match="did not answer in time"):
        await sink.send(deliver())
    hold.set()


async def test_nobody_there(snipeit_sink, deliver):
    with pytest.raises(Unavailable, match="cannot be reached"):
        await snipeit_sink(url="http://127.0.0.1:1").send(deliver())


async def test_a_planted_password_and_the_borrowers_name_are_never_told(snipeit, snipeit_sink, deliver, caplog):
    """The server answers with the whole asset in its error message; nothing of it gets out."""
    caplog.set_level(logging.DEBUG)
    asset = put(snipeit, status_id=2)
    asset |= {"_snipeit_bios_password_5": "hunter22", "notes": "pin is 'tr0ub4dor'"}
    snipeit.state.checkout(asset, "user", 3, None, snipeit.state.users["TOKEN-ADMIN"])

    async def echo(request: web.Request) -> web.StreamResponse | None:
        if request.method != "PATCH":
            return None
        said = "hunter22 Bea Borrower bea@x pin is 'tr0ub4dor' TOKEN-ADMIN"
        return web.json_response({"status": "error", "messages": {"serial": [said]}, "payload": {"x": said}})

    snipeit.trouble = echo
    sink = snipeit_sink()
    with pytest.raises(SinkRefused) as caught:
        await sink.send(deliver())
    told = [str(caught.value), caplog.text, repr(sink), repr(sink.settings), repr(await sink.known("PF0AAAA1"))]
    told += [line.line() for line in await sink.rehearse(deliver())]
    for secret in ("hunter22", "Borrower", "tr0ub4dor", "TOKEN-ADMIN"):
        assert not [text for text in told if secret in text]


async def test_one_whose_clock_is_a_day_off_is_waited_for_by_ours(snipeit, snipeit_sink, deliver):
    """A time of day says nothing where clocks differ: then the outbox's own waits count."""
    snipeit.trouble = answer_tomorrow
    with pytest.raises(Unavailable) as caught:
        await snipeit_sink().send(deliver())
    assert caught.value.after is None


async def answer_tomorrow(request: web.Request) -> web.StreamResponse:
    headers = {"Date": "Sun, 29 Nov 2026 10:00:00 GMT", "Retry-After": "Mon, 30 Nov 2026 10:00:00 GMT"}
    return web.json_response({"message": "Service Unavailable"}, status=503, headers=headers)


async def test_numbers_as_text_are_numbers(snipeit, snipeit_sink, deliver):
    """Some PHP drivers give every number of a row as a text."""
    again: set[int] = set()

    async def as_text(request: web.Request) -> web.StreamResponse | None:
        if id(request) in again:
            return None
        again.add(id(request))
        answer = await snipeit.handle(request)
        again.discard(id(request))
        return web.json_response(texts(json.loads(answer.body)), status=answer.status)

    snipeit.trouble = as_text
    sink = snipeit_sink()
    await sink.send(deliver())
    await sink.send(deliver(attempt=2, state="aside", verdict="differs"))
    [asset] = snipeit.state.alive()
    assert (asset["serial"], asset["_snipeit_clone_verdict_2"]) == ("PF0AAAA1", "differs")


def texts(data: Any) -> Any:
    """The same with each number as a text."""
    if isinstance(data, dict):
        return {key: texts(value) for key, value in data.items()}
    if isinstance(data, list):
        return [texts(each) for each in data]
    return str(data) if isinstance(data, int) and not isinstance(data, bool) else data
