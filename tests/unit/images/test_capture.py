"""Captures: written once, proven, or gone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cloned.errors import ClonedError, ImageError, MissingError, UsageError
from cloned.images import capture as module
from cloned.images.capture import Captures, CaptureState, capture_routes
from cloned.images.store import ImageStore
from cloned.tasks import TaskOwner
from tests.images import BIG, Disk, Part
from tests.waiting import until


async def chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.fixture
def captures(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> Captures:
    monkeypatch.setattr(module, "RESERVE_BYTES", 0)
    return Captures(store)


@pytest.mark.wire
async def test_a_capture(captures: Captures, store: ImageStore, memory: Path) -> None:
    source = Disk().write(memory / "source")
    one = captures.begin("master", 10_000_000, "laptop 7")
    for path in source.iterdir():
        assert store.names() == []
        await captures.receive(one, path.name, 0, chunks(path.read_bytes()))
    manifest = await captures.finish(one)
    assert store.names() == ["master"]
    assert store.verify_image("master") == []
    assert captures.to_json()[0]["state"] == "done"
    assert manifest.image_hash == ImageStore(memory / "other").import_image(source).image_hash
    assert not one.directory.exists()


async def test_write_once_and_resume(captures: Captures) -> None:
    one = captures.begin("master", 1000)
    assert await captures.receive(one, "disk", 0, chunks(b"sd")) == 2
    for offset in (0, 1, 3):
        with pytest.raises(UsageError, match="goes on at byte 2"):
            await captures.receive(one, "disk", offset, chunks(b"x"))
    assert await captures.receive(one, "disk", 2, chunks(b"a\n")) == 4
    assert (one.directory / "disk").read_bytes() == b"sda\n"


@pytest.mark.parametrize("file", ["../x", "/etc/passwd", "", ".hidden", "a/b", "a\nb", "x" * 300])
async def test_evil_file_names(file: str, captures: Captures) -> None:
    one = captures.begin("master", 1000)
    with pytest.raises(UsageError):
        await captures.receive(one, file, 0, chunks(b"x"))
    assert list(one.directory.iterdir()) == []


@pytest.mark.wire
async def test_an_incomplete_one_leaves_nothing(captures: Captures, store: ImageStore, memory: Path) -> None:
    one = captures.begin("master", 1000)
    source = Disk([Part(1)]).write(memory / "source")
    for path in source.iterdir():
        data = path.read_bytes()
        await captures.receive(one, path.name, 0, chunks(data[: len(data) // 2] if "ptcl" in path.name else data))
    with pytest.raises(ImageError, match="sda1"):
        await captures.finish(one)
    assert one.state is CaptureState.FAILED
    assert "sda1" in captures.to_json()[0]["why"]
    assert not one.directory.exists()
    assert store.names() == []
    assert captures.begin("master", 1000).state is CaptureState.RECEIVING


@pytest.mark.wire
async def test_no_space_and_taken_names(captures: Captures, store: ImageStore, memory: Path) -> None:
    with pytest.raises(MissingError, match="GB free"):
        captures.begin("master", 10**18)
    captures.begin("master", 10)
    with pytest.raises(UsageError, match="being captured"):
        captures.begin("master", 10)
    store.import_image(Disk([Part(1)]).write(memory / "there"))
    with pytest.raises(ClonedError, match="already"):
        captures.begin("there", 10)
    with pytest.raises(UsageError):
        captures.begin("../x", 10)


async def test_silence_ends_it(captures: Captures, store: ImageStore) -> None:
    one = captures.begin("master", 10)
    (store.root / ".captures" / "left-over").mkdir()
    one.heard -= 1000
    captures.sweep()
    assert one.state is CaptureState.FAILED
    assert list((store.root / ".captures").iterdir()) == []
    with pytest.raises(UsageError, match="failed"):
        await captures.receive(one, "disk", 0, chunks(b"x"))


@pytest.mark.wire
async def test_over_http(captures: Captures, store: ImageStore, memory: Path) -> None:
    app = web.Application(client_max_size=2**20)
    tasks = TaskOwner("test")
    app.add_routes(capture_routes(captures, tasks.start))
    source = Disk([Part(1)]).write(memory / "source")
    one = captures.begin("master", 10)
    async with TestClient(TestServer(app)) as client:
        token = {"Authorization": f"Bearer {one.token}"}
        refused = await client.put("/capture/v1/disk", data=b"x", headers={"Authorization": "Bearer x"})
        assert refused.status == 409
        assert (await client.put("/capture/v1/disk?offset=x", data=b"x", headers=token)).status == 400
        for path in source.iterdir():
            sent = await client.put(f"/capture/v1/{path.name}", data=path.read_bytes(), headers=token)
            assert await sent.json() == {"size": path.stat().st_size}
        there = await client.get("/capture/v1/disk", headers=token)
        assert await there.json() == {"size": (source / "disk").stat().st_size}
        for _ in range(2):
            assert (await client.post("/capture/v1/finish", headers=token)).status == 200
        await until(lambda: one.outcome)
        assert (one.outcome, store.names(), captures.unsettled()) == ("done", ["master"], [one])
        captures.settle(one)
        assert captures.unsettled() == []
        assert (await client.post("/capture/v1/abort", headers=token)).status == 409


def files(store: ImageStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.wire
async def test_a_proof_that_is_stopped_leaves_nothing(captures: Captures, store: ImageStore, memory: Path) -> None:
    source = Disk([Part(number, used=BIG, seed=number) for number in (1, 2, 3)]).write(memory / "source")
    one = captures.begin("master", 10)
    for path in source.iterdir():
        await captures.receive(one, path.name, 0, chunks(path.read_bytes()))
    loop, captures_done = asyncio.get_running_loop(), asyncio.Event()
    work = asyncio.create_task(captures.finish(one, lambda step: stop(step.part)))

    def stop(part: str) -> None:
        if part == "sda2":
            loop.call_soon_threadsafe(captures_done.set)

    await captures_done.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert one.state is CaptureState.FAILED
    assert files(store) == []


@pytest.mark.wire
async def test_what_a_killed_daemon_was_proving_is_swept_away(store: ImageStore, memory: Path) -> None:
    source = Disk([Part(1), Part(2, seed=2)]).write(memory / "source")
    seen: list[str] = []
    with pytest.raises(ClonedError, match="stopped"):  # its traces are those of a killed one
        store.import_image(source, "master", lambda step: seen.append(step.part), should_stop=lambda: "sda2" in seen)
    (store.root / ".captures" / "master").mkdir(parents=True)
    assert files(store)
    Captures(store).sweep()
    assert files(store) == []
    assert list((store.root / ".captures").iterdir()) == []


async def test_more_than_was_announced_ends_it(captures: Captures) -> None:
    one = captures.begin("master", 1000)
    with pytest.raises(UsageError, match="more than the 1000 bytes it announced"):
        await captures.receive(one, "sda1.dd-img", 0, chunks(bytes(module.SLACK_BYTES + 2000), 1 << 20))
    assert one.state is CaptureState.FAILED
    assert not one.directory.exists()


async def test_it_stops_when_the_capture_has_ended(captures: Captures) -> None:
    one = captures.begin("master", 1000)
    written = []

    async def still_coming() -> AsyncIterator[bytes]:
        yield b"first"
        captures.fail(one, "the laptop gave up")
        written.append(1)
        yield b"second"
        written.append(2)

    with pytest.raises(UsageError, match="the capture of master is failed"):
        await captures.receive(one, "sda1.dd-img", 0, still_coming())
    assert written == [1]
    assert one.received == len(b"first")


async def test_a_disk_that_fills_while_it_comes(captures: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    one = captures.begin("master", 1 << 30)
    monkeypatch.setattr(module, "LOOK_BYTES", 4)
    monkeypatch.setattr(module, "RESERVE_BYTES", 0)

    async def filling() -> AsyncIterator[bytes]:
        yield b"first"
        monkeypatch.setattr(module, "RESERVE_BYTES", 1 << 60)
        yield b"second"

    with pytest.raises(MissingError, match="GB free"):
        await captures.receive(one, "sda1.dd-img", 0, filling())
    assert one.state is CaptureState.FAILED
    assert not one.directory.exists()


async def test_what_others_still_bring_is_counted(captures: Captures, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    found = os.statvfs(captures._root.parents[1])
    captures.begin("first", int(found.f_bavail * found.f_frsize * 0.4))
    with pytest.raises(MissingError, match="GB free"):
        captures.begin("second", int(found.f_bavail * found.f_frsize * 0.4))


async def test_a_store_that_cannot_be_made_is_said(store: ImageStore) -> None:
    store.root.write_text("in the way")
    with pytest.raises(MissingError, match="cannot be made"):
        Captures(store).begin("master", 1000)
