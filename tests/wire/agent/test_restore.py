"""The whole way: sender, loopback or HTTP, decompression, disk, read-back."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import zstandard
from aiohttp import web

from cloned.agent.blockio import DiskError
from cloned.agent.restore import Restore
from cloned.agent.restore_progress import RestoreProgress
from cloned.agent.verify import Stopped
from cloned.casting.link import LinkBudget
from cloned.casting.pieces import PieceSender
from cloned.casting.unicast import piece_routes
from cloned.disk.manifest import PIECE, Layer, Plan
from cloned.stream.packets import StreamAddress

pytestmark = pytest.mark.wire


@dataclass
class Image:
    """Two partitions, one of them in many extents."""

    plan: Plan
    data: list[bytes]
    frames: list[bytes] = field(default_factory=list)
    served: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.frames)

    def frame(self, piece: int) -> bytes:
        self.served.append(piece)
        return self.frames[piece]

    @property
    def digests(self) -> list[bytes]:
        return [hashlib.sha256(data).digest() for data in self.data]


@pytest.fixture(scope="module")
def image() -> Image:
    scattered = tuple((n * 40960, 20480) for n in range(500))
    layers = (
        Layer(1, "sda1", "ext4", 1 << 20, 40 << 20, ((0, 2 * PIECE + 512 * 5), (12 << 20, PIECE))),
        Layer(2, "sda2", "ext4", 64 << 20, 40 << 20, scattered),
    )
    plan = Plan("", 512, 128 << 20, None, None, layers)
    random = Random(3)
    data = [random.randbytes(plan.map.place(n).length) for n in range(plan.map.count)]
    data[1] = bytes(len(data[1]))
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    return Image(plan, data, [compress(each) for each in data])


@pytest.fixture
def disk(tmp_path: Path) -> str:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(128 << 20)
    return str(path)


@pytest.fixture
def stream(unused_udp_port_factory: Callable[[], int]) -> StreamAddress:
    session = Random().getrandbits(64)
    return StreamAddress(session, "239.195.7.7", unused_udp_port_factory(), "127.0.0.1", unused_udp_port_factory())


def ignore(progress: RestoreProgress) -> None:
    """Nobody looks."""


def never() -> bool:
    return False


async def fetched(
    restore: Restore, sender: PieceSender | None, wanted: list[int], gate: Callable[[list[int]], None] | None = None
) -> None:
    """Fetch with a sender running beside."""
    task = asyncio.create_task(sender.run()) if sender else None
    await asyncio.wait_for(asyncio.to_thread(restore.fetch, wanted, ignore, never, gate), 30)
    if sender and task:
        await sender.close()
        await task


async def test_everything_arrives_and_is_read_back(image: Image, disk: str, stream: StreamAddress) -> None:
    restore = Restore(image.plan, disk, stream, interface="lo")
    await fetched(restore, PieceSender(image, stream), list(range(image.count)))
    assert restore.digests == image.digests
    held = await asyncio.to_thread(Path(disk).read_bytes)
    for number, data in enumerate(image.data):
        ranges = image.plan.map.place(number).ranges()
        assert b"".join(held[offset : offset + length] for offset, length in ranges) == data
    assert restore.survey() == image.digests


async def test_only_what_is_wanted_is_written(image: Image, disk: str, stream: StreamAddress) -> None:
    restore = Restore(image.plan, disk, stream, interface="lo", rotational=True)
    before = list(restore.survey())
    await fetched(restore, PieceSender(image, stream), [0, 3])
    right = [n for n, digest in enumerate(restore.digests) if digest == image.digests[n]]
    assert right == [0, 1, 3]  # 1 is all zeros, and so was the disk
    assert restore.digests[2] == before[2]


async def test_with_a_gate_nothing_is_read_back_before_it_opens(image: Image, disk: str, stream: StreamAddress) -> None:
    restore = Restore(image.plan, disk, stream, interface="lo")

    def gate(unread: list[int]) -> None:
        assert unread == list(range(image.count))
        assert not any(restore.digests)
        with Path(disk).open("r+b") as file:
            file.seek((1 << 20) + 10)
            file.write(b"flip")

    await fetched(restore, PieceSender(image, stream), list(range(image.count)), gate)
    wrong = [n for n, (got, right) in enumerate(zip(restore.digests, image.digests, strict=True)) if got != right]
    assert wrong == [0]


async def test_a_sender_started_anew_is_only_a_pause(image: Image, disk: str, stream: StreamAddress) -> None:
    restore = Restore(image.plan, disk, stream, interface="lo")
    half = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look(progress: RestoreProgress) -> None:
        if progress.bytes > PIECE:
            loop.call_soon_threadsafe(half.set)

    first = PieceSender(image, stream, rate=0.15e9)
    running = asyncio.create_task(first.run())
    work = asyncio.create_task(asyncio.to_thread(restore.fetch, range(image.count), look, never))
    await asyncio.wait_for(half.wait(), 20)
    await first.close()
    await running
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind((stream.server, stream.request_port))
        asked.setblocking(False)
        for _ in range(5):  # it goes on asking where nobody answers
            await asyncio.wait_for(loop.sock_recv(asked, 2048), 20)
    assert not work.done()
    second = PieceSender(image, stream)
    running = asyncio.create_task(second.run())
    await asyncio.wait_for(work, 20)
    await second.close()
    await running
    assert restore.digests == image.digests


class Shop:
    """What piece_routes wants to know of sessions."""

    def __init__(self, image: Image) -> None:
        self.image = image

    def source(self, session: str) -> Image | None:
        return self.image if session == "s1" else None


@pytest.fixture
def turned_away() -> asyncio.Event:
    """Set once a request came with a token that opens nothing."""
    return asyncio.Event()


@pytest.fixture
async def url(image: Image, turned_away: asyncio.Event) -> AsyncIterator[str]:
    def may(request: web.Request, session: str) -> bool:
        good = request.headers.get("Authorization") == "Bearer good"
        if not good:
            turned_away.set()
        return good

    app = web.Application()
    app.add_routes(piece_routes(Shop(image), LinkBudget(1e9), may))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/agent/v1/pieces/s1"
    await runner.cleanup()


async def test_pieces_come_one_by_one_where_there_is_no_stream(image: Image, disk: str, url: str) -> None:
    restore = Restore(image.plan, disk, None, url, "good")
    await fetched(restore, None, list(range(image.count)))
    assert restore.digests == image.digests


async def test_a_group_that_brings_nothing_is_given_up_for_http(
    image: Image, disk: str, url: str, stream: StreamAddress
) -> None:
    """The sender answers, but sends to another group: as behind a switch that forwards no multicast."""
    elsewhere = StreamAddress(stream.session, "239.195.7.8", stream.port, stream.server, stream.request_port)
    restore = Restore(image.plan, disk, stream, url, "good", interface="lo")
    ways: list[str] = []
    sender = PieceSender(image, elsewhere)
    task = asyncio.create_task(sender.run())
    look = lambda progress: ways.append(progress.via)  # noqa: E731
    await asyncio.wait_for(asyncio.to_thread(restore.fetch, range(image.count), look, never), 30)
    await sender.close()
    await task
    assert restore.digests == image.digests
    assert (ways[0], ways[-1]) == ("multicast", "unicast")


async def test_a_wrong_token_gets_nothing_and_the_order_can_be_taken_back(
    image: Image, disk: str, url: str, turned_away: asyncio.Event
) -> None:
    restore = Restore(image.plan, disk, None, url, "stale")
    stop = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(restore.fetch, range(image.count), ignore, stop.is_set))
    await asyncio.wait_for(turned_away.wait(), 60)
    assert not work.done()
    stop.set()
    with pytest.raises(Stopped):
        await asyncio.wait_for(work, 60)
    assert not any(restore.digests)


async def test_a_disk_that_is_too_small_is_a_write_error(
    image: Image, tmp_path: Path, stream: StreamAddress, url: str
) -> None:
    full = Path("/dev/full")
    restore = Restore(image.plan, str(full), None, url, "good")
    with pytest.raises((DiskError, OSError)):
        await asyncio.wait_for(asyncio.to_thread(restore.fetch, range(image.count), ignore, never), 20)
