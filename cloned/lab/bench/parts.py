"""The processes of a stream bench: a server and a receiver without a disk. Started by bench_stream.py."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import resource
import sys
import threading
import time

import zstandard
from aiohttp import web

from cloned.agent.receive import Reception, Whole
from cloned.casting.link import LinkBudget
from cloned.casting.pieces import PieceSender
from cloned.casting.unicast import piece_routes
from cloned.disk.manifest import PIECE
from cloned.stream.packets import StreamAddress

DISTINCT = 16
"""Pieces of random bytes that the image repeats: as hard to compress, and no gigabyte of memory."""

HTTP_PORT = 8069


class RandomPieces:
    """An image of `count` pieces that do not compress."""

    def __init__(self, count: int) -> None:
        self.count = count
        compress = zstandard.ZstdCompressor(level=1, write_checksum=True).compress
        self._frames = [compress(os.urandom(PIECE)) for _ in range(min(DISTINCT, count))]

    def frame(self, piece: int) -> bytes:
        """The frame of a piece."""
        return self._frames[piece % len(self._frames)]

    def source(self, session: str) -> RandomPieces:
        """The pieces of any session."""
        return self


def serve(count: int, stream: StreamAddress, rate: float, *, unicast: bool) -> None:
    """A sender, until standard input ends; then one line of what it did."""
    asyncio.run(_serve(RandomPieces(count), stream, rate, unicast=unicast))


async def _serve(pieces: RandomPieces, stream: StreamAddress, rate: float, *, unicast: bool) -> None:
    link = LinkBudget(rate)
    sender = PieceSender(pieces, stream, rate=rate, link=link)
    task = asyncio.create_task(sender.run())
    app = web.Application()
    app.add_routes(piece_routes(pieces, link, lambda request, session: True))
    runner = web.AppRunner(app)
    await runner.setup()
    if unicast:
        await web.TCPSite(runner, stream.server, HTTP_PORT).start()
    before = _cpu()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await sender.close()
    await task
    await runner.cleanup()
    stats = sender.stats
    _tell({"packets": stats.packets, "repaired": stats.repaired, "rate": stats.rate, **_cpu(before)})


def receive(count: int, stream: StreamAddress, slots: int, disk: float, wait: float, *, unicast: bool) -> None:
    """A receiver that begins `wait` seconds after a line on standard input; then one line of how it went.

    `disk`: bytes a second that it can put away; 0 for as fast as they come.
    """
    complete: queue.SimpleQueue[Whole] = queue.SimpleQueue()
    url = f"http://{stream.server}:{HTTP_PORT}/agent/v1/pieces/s" if unicast else None
    print("ready", flush=True)
    sys.stdin.readline()
    time.sleep(wait)
    began, before = time.monotonic(), _cpu()
    reception = Reception(
        stream=stream,
        fetch_url=url,
        token="",
        interface="l0",
        pieces=count,
        wanted=range(count),
        slots=slots,
        deliver=complete.put,
    )
    thread = threading.Thread(target=_put_away, args=(count, complete, reception, disk))
    thread.start()
    reception.run(threading.Event())
    seconds, assembly = time.monotonic() - began, reception.assembly
    _tell({"seconds": seconds, "lost": assembly.lost, "via": reception.via, **_cpu(before)})


def _put_away(count: int, complete: queue.SimpleQueue[Whole], reception: Reception, disk: float) -> None:
    """Take every frame out of its packets, as the decompressor would, and let it go."""
    for _ in range(count):
        whole = complete.get()
        length = sum(len(part) for part in iter(whole.read, b""))
        if disk:
            time.sleep(length / disk)
        reception.release(whole.piece)


def _cpu(before: dict[str, float] | None = None) -> dict[str, float]:
    """Seconds of processor used since `before`, and the most memory that was ever held."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    since = before["cpu"] if before else 0.0
    return {"cpu": used.ru_utime + used.ru_stime - since, "memory": used.ru_maxrss * 1024}


def _tell(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """`serve|receive COUNT STREAM UNICAST NUMBER…`"""
    what, count, stream, unicast, *numbers = sys.argv[1:]
    address = StreamAddress.from_json(json.loads(stream))
    if what == "serve":
        serve(int(count), address, float(numbers[0]), unicast=unicast == "1")
    else:
        slots, disk, wait = map(float, numbers)
        receive(int(count), address, int(slots), disk, wait, unicast=unicast == "1")


if __name__ == "__main__":
    main()
