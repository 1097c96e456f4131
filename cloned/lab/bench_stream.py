"""Measures the piece stream beside udp-sender and udp-receiver: same bytes, same links, same run.

    python -m cloned.lab.bench_stream [--megabytes 629] [--receivers 1,4,8,24] [CASE …]

Everything happens in network namespaces with a bridge for a switch and `tbf` for its speed. Receivers take
the bytes off the network and check them, without a disk. Needs root; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import queue
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from cloned.agent.receive import Reception, Whole
from cloned.casting.pieces import PieceSender
from cloned.core.manifest import PIECE
from cloned.core.packets import StreamAddress
from cloned.processes import run, spawn

DISTINCT = 16
"""Pieces of random bytes that the image repeats: as hard to compress, and no gigabyte of memory."""

MODULE = ["-m", "cloned.lab.bench_stream"]
UDP_PORT = 2232
CASES = ("stream", "udpcast", "late", "slow", "frozen", "gone", "loss", "burst-loss", "two-images")


# -- the laptops' and the server's processes --------------------------------------------------------


class Pieces:
    """An image of `count` pieces that do not compress."""

    def __init__(self, count: int) -> None:
        self.count = count
        compress = zstandard.ZstdCompressor(level=1).compress
        self._frames = [compress(os.urandom(PIECE)) for _ in range(min(DISTINCT, count))]

    def frame(self, piece: int) -> bytes:
        """The frame of a piece."""
        return self._frames[piece % len(self._frames)]


def serve(count: int, stream: StreamAddress, rate: float) -> None:
    """A sender until standard input ends; then one line of what it did."""

    async def main() -> None:
        sender = PieceSender(Pieces(count), stream, rate=rate)
        before = _cpu()
        task = asyncio.create_task(sender.run())
        await asyncio.sleep(0.2)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await sender.close()
        await task
        stats = sender.stats
        print(
            json.dumps({"packets": stats.packets, "repaired": stats.repaired, "rate": stats.rate, **_cpu(before)}),
            flush=True,
        )

    asyncio.run(main())


def receive(count: int, stream: StreamAddress, slots: int, disk: float, wait: float) -> None:
    """A receiver that begins `wait` seconds after a line on standard input; then one line of how it went.

    `disk`: bytes a second that it can put away; 0 for as fast as they come.
    """
    complete: queue.SimpleQueue[Whole] = queue.SimpleQueue()
    print("ready", flush=True)
    sys.stdin.readline()
    time.sleep(wait)
    began, before = time.monotonic(), _cpu()
    reception = Reception(stream, None, "", "l0", count, range(count), slots, complete.put)

    def put_away() -> None:
        for _ in range(count):
            whole = complete.get()
            length = sum(len(part) for part in iter(whole.read, b""))
            if not whole.sound():
                raise SystemExit(f"piece {whole.piece} is damaged")
            if disk:
                time.sleep(length / disk)
            reception.release(whole.piece)

    thread = threading.Thread(target=put_away)
    thread.start()
    reception.run(threading.Event())
    seconds = time.monotonic() - began
    assembly = reception.assembly
    print(
        json.dumps({"seconds": seconds, "lost": assembly.lost, "received": assembly.received, **_cpu(before)}),
        flush=True,
    )


def _cpu(before: dict[str, float] | None = None) -> dict[str, float]:
    """Seconds of processor used since `before`, and the most memory that was ever held."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    since = before["cpu"] if before else 0.0
    return {"cpu": used.ru_utime + used.ru_stime - since, "memory": used.ru_maxrss * 1024}


# -- the network ----------------------------------------------------------------------------------


@dataclass
class Net:
    """A switch, a server and laptops, each in a namespace of its own."""

    name: str
    laptops: int
    rate: str = "1gbit"
    offload: bool = True

    @property
    def server(self) -> str:
        """The server's namespace."""
        return f"{self.name}s"

    def laptop(self, number: int) -> str:
        """The namespace of laptop 0 …"""
        return f"{self.name}l{number}"

    def build(self) -> None:
        """Make all of it."""
        switch = f"{self.name}b"
        for space in self.spaces():
            run(["ip", "netns", "add", space])
        _in(switch, "ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        _in(switch, "ip", "link", "set", "br0", "up")
        self._cable(switch, self.server, "s0", "p0", "10.99.0.1")
        for number in range(self.laptops):
            self._cable(switch, self.laptop(number), "l0", f"p{number + 1}", f"10.99.1.{number + 1}")

    def _cable(self, switch: str, space: str, here: str, there: str, address: str) -> None:
        run(["ip", "link", "add", here, "netns", space, "type", "veth", "peer", "name", there, "netns", switch])
        if not self.offload:
            for where, card in ((space, here), (switch, there)):
                _in(
                    where, "ethtool", "-K", card, "gso", "off", "tso", "off", "gro", "off", "tx-udp-segmentation", "off"
                )
        _in(space, "ip", "addr", "add", f"{address}/16", "brd", "+", "dev", here)
        _in(space, "ip", "link", "set", here, "up")
        _in(space, "ip", "link", "set", "lo", "up")
        _in(space, "ip", "route", "add", "224.0.0.0/4", "dev", here)
        _in(switch, "ip", "link", "set", there, "master", "br0")
        _in(switch, "ip", "link", "set", there, "up")
        for where, card in ((space, here), (switch, there)):
            _in(
                where,
                "tc",
                "qdisc",
                "add",
                "dev",
                card,
                "root",
                "tbf",
                "rate",
                self.rate,
                "burst",
                "256k",
                "latency",
                "50ms",
            )

    def lose(self, number: int, per_thousand: int) -> None:
        """Have a laptop lose so many of a thousand packets, each by itself."""
        rule = f"udp dport 9123 numgen random mod 1000 < {per_thousand} drop"
        rules = f"table ip l {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}"
        run(["ip", "netns", "exec", self.laptop(number), "nft", "-f", "-"], stdin=rules.encode())

    def spaces(self) -> list[str]:
        """All namespaces."""
        return [f"{self.name}b", self.server, *(self.laptop(number) for number in range(self.laptops))]


def _in(space: str, *command: str) -> None:
    run(["ip", "netns", "exec", space, *command])


@contextlib.contextmanager
def network(laptops: int, rate: str = "1gbit", *, offload: bool = True) -> Iterator[Net]:
    """A network that is gone afterwards."""
    net = Net(f"cl{secrets.token_hex(2)}", laptops, rate, offload)
    try:
        net.build()
        yield net
    finally:
        for space in net.spaces():
            run(["ip", "netns", "delete", space], check=False)


# -- the runs -------------------------------------------------------------------------------------


@dataclass
class Way:
    """How one receiver of a run differs from a healthy one."""

    wait: float = 0.0
    disk: float = 0.0
    freeze: tuple[float, float] | None = None
    """(after, seconds); seconds 0: killed."""
    image: int = 0


@dataclass
class Result:
    """What one run gave."""

    seconds: list[float] = field(default_factory=list)
    """Per receiver from its own beginning; only those that ended."""
    cpu: list[float] = field(default_factory=list)
    sender_cpu: float = 0.0
    packets: int = 0
    repaired: int = 0
    lost: int = 0
    memory: float = 0.0


def stream_run(net: Net, count: int, ways: Sequence[Way], rate: float, slots: int) -> Result:
    """One run of the piece stream."""
    images = max(way.image for way in ways) + 1
    streams = [
        StreamAddress(secrets.randbits(64), f"239.195.9.{n + 1}", 9123, "10.99.0.1", 9200 + n) for n in range(images)
    ]
    senders = [_child(net.server, "serve", count, stream, rate) for stream in streams]
    receivers = [
        _child(net.laptop(number), "receive", count, streams[way.image], slots, way.disk, way.wait)
        for number, way in enumerate(ways)
    ]
    children = [*senders, *receivers]
    try:
        for child in children:
            _line(child)
        for child in receivers:
            _say(child, "go\n")
        _disturb(receivers, ways)
        return _collect(senders, receivers, ways)
    finally:
        for child in children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()


def _disturb(receivers: Sequence[subprocess.Popen[bytes]], ways: Sequence[Way]) -> None:
    began = time.monotonic()
    for child, way in sorted(zip(receivers, ways, strict=True), key=lambda pair: (pair[1].freeze or (0, 0))[0]):
        if way.freeze is None:
            continue
        after, seconds = way.freeze
        time.sleep(max(0.0, began + after - time.monotonic()))
        if seconds:
            child.send_signal(19)
            threading.Timer(seconds, child.send_signal, (18,)).start()
        else:
            child.kill()


def _collect(
    senders: Sequence[subprocess.Popen[bytes]], receivers: Sequence[subprocess.Popen[bytes]], ways: Sequence[Way]
) -> Result:
    result = Result()
    for child, way in zip(receivers, ways, strict=True):
        if way.freeze is not None and way.freeze[1] == 0:
            continue
        told = json.loads(_line(child))
        result.seconds.append(told["seconds"])
        result.cpu.append(told["cpu"])
        result.lost += told["lost"]
    for child in senders:
        assert child.stdin is not None
        child.stdin.close()
        told = json.loads(_line(child))
        result.packets += told["packets"]
        result.repaired += told["repaired"]
        result.sender_cpu += told["cpu"]
        result.memory = max(result.memory, told["memory"])
    return result


def _child(space: str, what: str, count: int, stream: StreamAddress, *more: float) -> subprocess.Popen[bytes]:
    arguments = [what, str(count), json.dumps(stream.to_json()), *map(str, more)]
    command = ["ip", "netns", "exec", space, sys.executable, *MODULE, "--child", *arguments]
    return spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)


def _line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline().decode()
    if not line:
        raise SystemExit("a process of the bench ended early")
    return line


def _say(child: subprocess.Popen[bytes], what: str) -> None:
    assert child.stdin is not None
    child.stdin.write(what.encode())
    child.stdin.flush()


def udpcast_run(net: Net, count: int, receivers: int, file: Path) -> Result:
    """The same bytes by udp-sender, as Clonezilla calls it; receivers wait before the clock starts."""
    common = ["--nokbd", "--mcast-all-addr", "224.0.0.1", "--portbase", str(UDP_PORT), "--ttl", "1"]
    catchers = [
        spawn(["ip", "netns", "exec", net.laptop(n), "udp-receiver", "--interface", "l0", *common])
        for n in range(receivers)
    ]
    time.sleep(1.0)
    began = time.monotonic()
    size = count * PIECE
    sender = spawn(
        [
            "ip",
            "netns",
            "exec",
            net.server,
            "sh",
            "-c",
            f"head -c {size} {file} | exec udp-sender --interface s0 --min-receivers {receivers} {' '.join(common)}",
        ],
    )
    result = Result()
    try:
        for child in catchers:
            _, _, usage = os.wait4(child.pid, 0)
            child.returncode = 0
            result.seconds.append(time.monotonic() - began)
            result.cpu.append(usage.ru_utime + usage.ru_stime)
        _, _, usage = os.wait4(sender.pid, 0)
        sender.returncode = 0
        result.sender_cpu = usage.ru_utime + usage.ru_stime
    finally:
        for child in [*catchers, sender]:
            if child.returncode is None:
                child.kill()
                child.wait()
    return result


# -- the table ------------------------------------------------------------------------------------


class Table:
    """Prints rows as they come."""

    def __init__(self, count: int) -> None:
        self._bits = count * PIECE * 8
        self.alone = 0.0
        self.rows: list[dict[str, object]] = []
        print(
            f"{'case':34} {'seconds':>17} {'Mbit/s':>7} {'x alone':>8} {'x bytes':>8} {'cpu each':>9} {'cpu send':>9} {'lost':>7}"
        )

    def row(self, name: str, result: Result, count: int, others: Sequence[int] | None = None) -> None:
        """One line; `others`: which receivers the ratio is about, if not all."""
        chosen = [result.seconds[n] for n in others] if others is not None else result.seconds
        worst = max(chosen)
        self.alone = self.alone or worst
        span = f"{min(chosen):.2f}-{worst:.2f}"
        once = count * -(-PIECE // 1440)
        more = f"{result.packets / once:.3f}" if result.packets else "-"
        cpu = sum(result.cpu) / max(1, len(result.cpu))
        print(
            f"{name:34} {span:>17} {self._bits / worst / 1e6:7.0f} {worst / self.alone:8.3f} {more:>8} {cpu:9.2f} "
            f"{result.sender_cpu:9.2f} {result.lost:7}",
            flush=True,
        )
        self.rows.append({"case": name, "seconds": chosen, "ratio": worst / self.alone, "lost": result.lost})


def bench(
    megabytes: int, receivers: Sequence[int], cases: Sequence[str], rate: float, slots: int
) -> list[dict[str, object]]:
    """Run the cases; the rows of the table."""
    count = max(4, megabytes * 1_000_000 // PIECE)
    table = Table(count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bytes"
        if "udpcast" in cases:
            _fill(file, count)
        for number in receivers:
            with network(number) as net:
                if "stream" in cases:
                    table.row(f"stream, {number}", stream_run(net, count, [Way()] * number, rate, slots), count)
                if "udpcast" in cases:
                    table.row(f"udpcast, {number}", udpcast_run(net, count, number, file), count)
    _faults(table, count, cases, rate, slots)
    return table.rows


def _fill(file: Path, count: int) -> None:
    with file.open("wb") as out:
        for _ in range(count):
            out.write(os.urandom(PIECE))


def _faults(table: Table, count: int, cases: Sequence[str], rate: float, slots: int) -> None:
    """One of eight differs; the ratio of the seven is to one receiver alone, so measure that first."""
    about = count * PIECE * 8 / rate
    odd = {
        "late": Way(wait=0.6 * about),
        "slow": Way(disk=5e6),
        "frozen": Way(freeze=(0.3 * about, 3.0)),
        "gone": Way(freeze=(0.3 * about, 0.0)),
    }
    for case in [case for case in odd if case in cases]:
        with network(8) as net:
            if case == "slow":  # it alone would take minutes: a quarter of the image shows the same
                result = stream_run(net, count // 4, [*[Way()] * 7, odd[case]], rate, slots)
                table.row("stream, 8, one 5 MB/s disk, 1/4", result, count // 4, range(7))
                continue
            result = stream_run(net, count, [*[Way()] * 7, odd[case]], rate, slots)
            table.row(f"stream, 8, one {case}: the others", result, count, range(7))
            if case != "gone":
                table.row(f"stream, 8, one {case}: that one", result, count, [7])
    _losses(table, count, cases, rate, slots)
    if "two-images" in cases:
        with network(4) as net:
            ways = [Way(image=n % 2) for n in range(4)]
            table.row("stream, two images, 2 + 2", stream_run(net, count // 2, ways, rate / 2, slots), count // 2)


def _losses(table: Table, count: int, cases: Sequence[str], rate: float, slots: int) -> None:
    if "burst-loss" in cases:
        with network(8) as net:
            for number in range(8):
                net.lose(number, 10)
            table.row("stream, 8, each loses 1% of bursts", stream_run(net, count, [Way()] * 8, rate, slots), count)
    if "loss" in cases:  # one by one, packets cost so much processor that the links must be slower
        few, slow = max(8, count // 6), rate / 6
        for per_thousand in (0, 10):
            with network(8, "250mbit", offload=False) as net:
                for number in range(8):
                    net.lose(number, per_thousand)
                result = stream_run(net, few, [Way()] * 8, slow, slots)
                table.row(f"stream, 8, no offload, 1/6, loss {per_thousand / 10}%", result, few)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=629)
    parser.add_argument("--receivers", default="1,4,8,24")
    parser.add_argument("--rate", type=float, default=0.98e9, help="bit/s on the wire")
    parser.add_argument("--slots", type=int, default=24)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", default=CASES)
    given = parser.parse_args()
    if given.child:
        _be_child(given.child)
        return
    rows = bench(
        given.megabytes, [int(n) for n in given.receivers.split(",") if n], given.cases, given.rate, given.slots
    )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


def _be_child(arguments: Sequence[str]) -> None:
    what, count, stream, *more = arguments
    address = StreamAddress.from_json(json.loads(stream))
    if what == "serve":
        serve(int(count), address, float(more[0]))
    else:
        receive(int(count), address, int(float(more[0])), float(more[1]), float(more[2]))


if __name__ == "__main__":
    main()
