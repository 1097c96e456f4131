"""The sender on real sockets: what it does with packets that are foreign, forged, damaged or too many."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from cloned.agent import receive
from cloned.agent.receive import Reception, Whole
from cloned.casting.group_socket import GroupSocket
from cloned.casting.pieces import PieceSender
from cloned.errors import ImageError, MissingError
from cloned.stream import packets
from cloned.stream import transport as ways
from cloned.stream.packets import PACKET, Ask, StreamAddress
from cloned.stream.receivers import MOST_RECEIVERS
from tests.waiting import unread, until

pytestmark = pytest.mark.wire
COUNT = 12
IP_MULTICAST_ALL = 49


class Frames:
    """Pieces of noise; some cannot be read."""

    count = COUNT

    def __init__(self) -> None:
        random = Random(4)
        self.frames = [random.randbytes(random.choice((100, 1440, 700_000))) for _ in range(COUNT)]
        self.broken: set[int] = set()

    def frame(self, piece: int) -> bytes:
        if piece in self.broken:
            raise ImageError(f"piece {piece} is damaged")
        return self.frames[piece]


@pytest.fixture
def frames() -> Frames:
    return Frames()


@pytest.fixture
def stream(unused_udp_port_factory: Callable[[], int]) -> StreamAddress:
    session = Random().getrandbits(64)
    return StreamAddress(session, "239.195.7.9", unused_udp_port_factory(), "127.0.0.1", unused_udp_port_factory())


@pytest.fixture
async def sender(frames: Frames, stream: StreamAddress) -> AsyncIterator[PieceSender]:
    sender = PieceSender(frames, stream, rate=0.5e9)
    task = asyncio.create_task(sender.run())
    await until(lambda: sender._work._bell.fileno() >= 0)
    yield sender
    await sender.close()
    await task


async def received(
    stream: StreamAddress,
    frames: Frames,
    seconds: float = 20.0,
    fetch_url: str | None = None,
    prepare: Callable[[Reception], None] = lambda _: None,
) -> dict[int, bytes]:
    """What a receiver gets that wants everything and never comes to an end by itself."""
    found: dict[int, bytes] = {}
    stop = threading.Event()

    def deliver(whole: Whole) -> None:
        found[whole.piece] = b"".join(iter(whole.read, b""))
        if whole.sound():
            reception.release(whole.piece)
        else:
            reception.again(whole.piece)

    reception = Reception(
        stream=stream, fetch_url=fetch_url, token="", interface="lo",
        pieces=COUNT, wanted=range(COUNT), slots=8, deliver=deliver,
    )  # fmt: skip
    prepare(reception)
    work = asyncio.create_task(asyncio.to_thread(reception.run, stop))
    _, waiting = await asyncio.wait([work], timeout=seconds)
    stop.set()
    await work
    assert not waiting or len(found) < COUNT
    return found


async def test_frames_arrive_as_they_are(sender: PieceSender, stream: StreamAddress, frames: Frames) -> None:
    found = await received(stream, frames)
    assert [found[n] for n in range(COUNT)] == frames.frames
    assert sender.stats.trouble == ""


async def test_rubbish_on_the_group_and_at_the_request_port(
    sender: PieceSender, stream: StreamAddress, frames: Frames
) -> None:
    random = Random(9)
    noise = GroupSocket("127.0.0.1", stream.group, stream.port)
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stop = threading.Event()
    top = packets.prefix(stream.session, 2, 3, 12345)
    forged = packets.packetize(top, random.randbytes(4000))

    def disturb() -> None:
        while not stop.wait(0.002):
            noise.send([random.randbytes(random.randrange(1, PACKET))], 1)
            noise.send([bytes(forged[:PACKET])], 1)
            noise.send([bytes(16)], 1)
            head = struct.pack("!2sBBQ", b"cl", 1, random.randrange(8), stream.session)
            for body in (random.randbytes(random.randrange(200)), head + random.randbytes(random.randrange(200))):
                asking.sendto(body, (stream.server, stream.request_port))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        found = await received(stream, frames)
    finally:
        stop.set()
        thread.join()
        noise.close()
        asking.close()
    assert [found[n] for n in range(COUNT)] == frames.frames


async def test_a_flood_of_receivers_that_do_not_exist(
    sender: PieceSender, stream: StreamAddress, frames: Frames
) -> None:
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for receiver in range(3000):
        ask = Ask(stream.session, receiver, 1, 0, 0, 0, 0, 0, wants=0)
        asking.sendto(packets.ask(ask), (stream.server, stream.request_port))
    asking.close()
    await until(lambda: unread(stream.request_port) == 0)
    seen = sender.stats
    await until(lambda: sender.stats is not seen and sender.stats.receivers)
    assert len(sender.stats.receivers) <= MOST_RECEIVERS


async def test_a_piece_that_cannot_be_read_is_named_and_tried_again(
    sender: PieceSender, stream: StreamAddress, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloned.casting.pieces.RETRY_SECONDS", 0.3)
    frames.broken = {3}
    work = asyncio.create_task(received(stream, frames))
    await until(lambda: "piece 3 is damaged" in sender.stats.trouble)
    frames.broken = set()
    found = await work
    assert found[3] == frames.frames[3]


async def test_who_left_the_group_comes_back_and_counts_nothing_of_what_passed_meanwhile(
    frames: Frames,
    stream: StreamAddress,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    unused_tcp_port: int,
) -> None:
    def by_itself(address: StreamAddress, interface: str) -> socket.socket:
        data = open_data_socket(address, interface)
        data.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)  # or it hears what others here have joined
        return data

    open_data_socket = receive._data_socket
    monkeypatch.setattr(receive, "_data_socket", by_itself)
    monkeypatch.setattr(ways, "AWAY", 1.0)
    begun: list[Reception] = []

    def prepare(reception: Reception) -> None:
        begun.append(reception)
        flood = iter([True])
        monkeypatch.setattr(reception._ways, "_hopeless", lambda seen, _: seen.received > 500 and next(flood, False))

    sender = PieceSender(frames, stream, rate=10e6)
    task = asyncio.create_task(sender.run())
    others = asyncio.create_task(received(stream, frames))  # for whom it goes on meanwhile
    nowhere = f"http://127.0.0.1:{unused_tcp_port}/pieces"
    found = await received(stream, frames, fetch_url=nowhere, prepare=prepare)
    await others
    await sender.close()
    await task
    assert [found[n] for n in range(COUNT)] == frames.frames
    steps = [f"multicast: {step.value}" for step in (ways.TransportStep.LEAVE, ways.TransportStep.COME_BACK)]
    assert [message for message in caplog.messages if message.startswith("multicast")] == steps
    assert begun[0].assembly.lost < 100


async def test_a_port_that_is_taken_is_named(frames: Frames, stream: StreamAddress) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((stream.server, stream.request_port))
        with pytest.raises(MissingError, match=str(stream.request_port)):
            await PieceSender(frames, stream).run()


async def test_a_stream_runs_where_a_thousand_descriptors_are_in_use(stream: StreamAddress, frames: Frames) -> None:
    """Connections have them: the stream's own have numbers that select(2) does not know."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    sender = PieceSender(frames, stream, rate=0.5e9)
    task = asyncio.create_task(sender.run())
    try:
        await until(lambda: sender._work._bell.fileno() > 1024)
        found = await received(stream, frames)
        assert [found[n] for n in range(COUNT)] == frames.frames
        await sender.close()
        await task
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_open(frames: Frames, stream: StreamAddress) -> None:
    before = open_files()
    threads = threading.active_count()
    for _ in range(3):
        sender = PieceSender(frames, stream)
        task = asyncio.create_task(sender.run())
        await until(lambda work=sender._work: work._bell.fileno() >= 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert open_files() <= before
    assert threading.active_count() <= threads + 2  # idle workers of the loop


def test_packets_leave_one_by_one_where_the_kernel_cannot_segment(stream: StreamAddress) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((stream.group, stream.port))
    membership = socket.inet_aton(stream.group) + socket.inet_aton("127.0.0.1")
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    listening.settimeout(2)
    group = GroupSocket("127.0.0.1", stream.group, stream.port)
    group._segmenting = False  # as after the kernel's refusal
    buffer = packets.packetize(packets.prefix(1, 0, 3, 0), bytes(3000))
    assert group.send([buffer], 3)
    assert [len(listening.recv(9000)) for _ in range(3)] == [PACKET, PACKET, 32 + 120]
    group.close()
    listening.close()
