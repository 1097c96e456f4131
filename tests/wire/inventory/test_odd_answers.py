"""Answers whose every part in turn has another form: one sentence, never a fault, and well again afterwards."""

from __future__ import annotations

import copy
import json
import logging
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.config_file import parse
from cloned.inventory.sinks import make
from cloned.inventory.sinks.asked import rehearsed, understood
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.memory import FolderMemory
from tests.wire.inventory.test_bad_nights import KEEPERS, SERVERS, Again, records

pytestmark = pytest.mark.wire
ABSENT = object()
OTHERS = (None, [], {}, "x", 7, [None], ABSENT, [[]], "", -1)
CHANGES = 60
"""For each kind and run; of all parts, drawn by a seed."""
MORE = {
    "snipeit": 'audit = true\ncategory = "Laptops"\ncompany = "Refurbishers"\nlocation = "Workshop"',
    "glpi": 'make = true\ncomment = "{date}: {verdict}"\nnote = "{verdict}"',
    "ocs": 'api = "%s/ocsapi"',
}
Place = tuple[str, tuple[str | int, ...]]
"""Method and path of a call, and the way to a part of its answer."""


def parts(node: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The ways to all parts of an answer, of a list to those of its first two."""
    yield way
    inner = node.items() if isinstance(node, dict) else enumerate(node[:2]) if isinstance(node, list) else ()
    for name, each in inner:
        yield from parts(each, (*way, name))


def changed(node: Any, way: tuple[str | int, ...], other: object) -> Any:
    """An answer with one part in another form. LookupError or TypeError where it has no such part."""
    if not way:
        return None if other is ABSENT else other
    node = copy.deepcopy(node)
    at = node
    for name in way[:-1]:
        at = at[name]
    at[way[-1]]  # must be there
    if other is ABSENT:
        del at[way[-1]]
    else:
        at[way[-1]] = other
    return node


def call(request: web.Request) -> str:
    return f"{request.method} {re.sub('[0-9]+', 'N', request.path)}"


class Scene:
    """One kind of inventory with its sink, and all that is asked of it."""

    def __init__(self, kind: str, folder: Path, deliver: Callable[..., Delivery]) -> None:
        self.kind, self.folder, self.deliver = kind, folder, deliver
        self.there = 0
        """How many records it then had of the one laptop."""

    async def play(self, change: Callable[[web.Request, Any], Any]) -> list[str]:
        """What was said meanwhile; afterwards it takes a result."""
        served, keys = SERVERS[self.kind]
        async with served() as server:
            server.per_minute = 10**6
            url = f"{server.url}/ocsinventory" if self.kind == "ocs" else server.url
            more = MORE.get(self.kind, "").replace("%s", server.url)
            text = f'[[sink]]\nname = "s"\ntype = "{self.kind}"\nurl = "{url}"\n{keys}\n{more}\n'
            memory = FolderMemory(self.folder / str(random.random()))
            sink = make(parse(text).sink[0], Surroundings("W", "http://page", memory=memory))
            server.trouble = Again(server, change)
            try:
                told = [line.line() for line in await rehearsed(sink, None)]
                for each in (self.deliver(), self.deliver(attempt=2, state="aside", verdict="differs")):
                    told += await self._all(sink, each)
                server.trouble = None
                self.there = records(server)
                await sink.send(self.deliver(laptop="b1b2c3d4", serial="PF0CCCC3", tag="DM-0413"))
            finally:
                await sink.close()
        return told

    async def _all(self, sink: Sink, delivery: Delivery) -> list[str]:
        told = [line.line() for line in await rehearsed(sink, delivery)]
        for asked in (sink.known("PF0AAAA1", "DM-0412"), sink.number(delivery), sink.send(delivery)):
            try:
                await understood("s", asked)
            except (Unavailable, SinkRefused) as error:
                told.append(str(error))
        return told


@pytest.mark.parametrize("kind", KEEPERS)
async def test_whatever_part_of_an_answer_is_otherwise(
    kind: str, tmp_path: Path, deliver: Callable[..., Delivery], monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("cloned.inventory.sinks.snipeit_api.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("cloned.inventory.sinks.snipeit.random.uniform", lambda *_: 0.0)
    scene, seen = Scene(kind, tmp_path, deliver), dict[Place, None]()

    async def note(request: web.Request, answer: Any) -> Any:
        if "json" in answer.content_type:
            seen.update(dict.fromkeys((call(request), way) for way in parts(json.loads(answer.body))))
        return answer

    await scene.play(note)
    drawn = random.Random(1)
    assert seen
    for place, way in drawn.sample(list(seen), min(CHANGES, len(seen))):
        other = drawn.choice(OTHERS)

        async def change(request: web.Request, answer: Any, where: Any = (place, way, other)) -> Any:
            if call(request) != where[0] or "json" not in answer.content_type:
                return answer
            try:
                body = changed(json.loads(answer.body), *where[1:])
            except (LookupError, TypeError):
                return answer
            return web.json_response(body, status=answer.status)

        for line in await scene.play(change):
            assert 0 < len(line) < 500, (place, way, other, line)
            assert len(line.splitlines()) == 1, (place, way, other, line)
        none = other == [] or (other is ABSENT and way[-1:] == (0,))  # an empty list says that there is none
        assert scene.there <= 1 or none, (place, way, other)
    assert "Traceback" not in caplog.text
