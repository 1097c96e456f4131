import asyncio
import contextlib
import json

import pytest

from cloned.status import live
from cloned.status.live import Hub, Rendered, TooMany
from tests.waiting import until


class Source:
    """A view whose parts a test sets."""

    def __init__(self, **parts):
        self.parts, self.shape, self.renders = parts, "", 0

    async def __call__(self):
        self.renders += 1
        return Rendered(dict(self.parts), self.shape)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(live, "LEAST_SECONDS", 0.01)


@pytest.fixture
async def hub():
    hub = Hub()
    task = asyncio.create_task(hub.run())
    yield hub
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def read(stream):
    """The next event that is no keepalive, as (name, parts)."""
    async with asyncio.timeout(5):
        async for chunk in stream:
            if not chunk.startswith(b":"):
                _, name, data = chunk.decode().strip().split("\n")
                return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))
    return None


async def test_a_watcher_gets_everything_and_then_what_changed(hub):
    source = Source(a=1, b="x\ny")
    stream = hub.watch("v", source)
    assert await read(stream) == ("all", {"a": 1, "b": "x\ny"})
    source.parts["a"] = 2
    assert await read(stream) == ("some", {"a": 2})
    source.parts["c"] = 3
    assert await read(stream) == ("some", {"c": 3})


@pytest.mark.parametrize("change", ["shape", "less"])
async def test_another_shape_sends_everything(hub, change):
    source = Source(a=1, b=2)
    stream = hub.watch("v", source)
    await read(stream)
    if change == "shape":
        source.shape = "other"
    else:
        del source.parts["b"]
    assert await read(stream) == ("all", source.parts)


async def test_ten_screens_cost_one_rendering(hub):
    source = Source(a=1)
    streams = [hub.watch("v", source) for _ in range(10)]
    for stream in streams:
        await read(stream)
    source.parts["a"] = 2
    before = source.renders
    assert [await read(stream) for stream in streams] == [("some", {"a": 2})] * 10
    assert source.renders - before <= 3


async def test_who_reads_too_slowly_gets_everything_instead_of_a_backlog(hub):
    source = Source(a=0, b=0)
    stream = hub.watch("v", source)
    await read(stream)
    for number in range(1, 20):
        source.parts["a"] = number
        drawn = source.renders
        await until(lambda drawn=drawn: source.renders > drawn)
    got = [await read(stream)]
    while got[-1][1].get("a") != 19:
        got.append(await read(stream))
    assert ("all", 0) in [(name, parts.get("b")) for name, parts in got]
    assert len(got) <= live.BACKLOG


async def test_silence_is_broken(hub, monkeypatch):
    monkeypatch.setattr(live, "KEEPALIVE_SECONDS", 0.02)
    stream = hub.watch("v", Source(a=1))
    await anext(stream)
    assert (await anext(stream)).startswith(b":")


async def test_nobody_watching_costs_nothing_and_leaves_nothing(hub):
    source = Source(a=1)
    async with contextlib.aclosing(hub.watch("v", source)) as stream:
        await read(stream)
    assert (hub.watchers, hub._views) == (0, {})
    before, other = source.renders, Source(a=1)
    stream = hub.watch("other", other)
    await read(stream)
    other.parts["a"] = 2
    assert await read(stream) == ("some", {"a": 2})  # it went round all that is watched
    assert source.renders == before


async def test_a_view_that_cannot_be_drawn_stops_neither_others_nor_us(hub, caplog):
    async def broken():
        if len(calls) > 0:
            raise ZeroDivisionError
        calls.append(1)
        return Rendered({})

    calls = []
    bad, source = hub.watch("bad", broken), Source(a=1)
    await read(bad)
    stream = hub.watch("v", source)
    await read(stream)
    source.parts["a"] = 2
    assert await read(stream) == ("some", {"a": 2})
    assert "the view bad cannot be drawn" in caplog.text


async def test_there_is_an_end_to_watchers(hub):
    hub.counted.most = 1
    stream = hub.watch("v", Source(a=1))
    await read(stream)
    with pytest.raises(TooMany):
        await read(hub.watch("w", Source(a=1)))
