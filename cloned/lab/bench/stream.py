"""Measures the piece stream beside udp-sender and udp-receiver: same bytes, same links, same run.

    python -m cloned.lab.bench.stream [--megabytes 629] [--receivers 1,4,8,24] [CASE …]

Everything happens in network namespaces with a bridge for a switch and `tbf` for the speed of its links.
Receivers take the bytes off the network and out of their packets, without a disk; udp-receiver writes to
/dev/null. Needs root; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloned.disk.manifest import PIECE
from cloned.lab.bench.net import SERVER, Net, network
from cloned.processes import spawn
from cloned.stream.packets import PAYLOAD_BYTES, StreamAddress

PARTS = ["-m", "cloned.lab.bench.parts"]
DATA_PORT = 9123
UDPCAST_PORT = 2232
CASES = ("stream", "udpcast", "late", "slow", "frozen", "gone", "slow-port", "loss", "burst-loss", "two-images")


@dataclass
class Contender:
    """How one receiver of a run differs from a healthy one."""

    wait: float = 0.0
    disk: float = 0.0
    freeze: tuple[float, float] | None = None
    """(after, seconds); seconds 0: killed."""
    image: int = 0


@dataclass
class StreamResult:
    """What one run gave."""

    count: int
    seconds: list[float] = field(default_factory=list)
    """Per receiver from its own beginning; only those that ended."""
    cpu: list[float] = field(default_factory=list)
    sender_cpu: float = 0.0
    packets: int = 0
    lost: int = 0
    memory: float = 0.0
    """Bytes; the most that a sender held."""


@dataclass
class Bench:
    """What all runs have in common, and the table."""

    count: int
    rate: float
    slots: int
    rows: list[dict[str, object]] = field(default_factory=list)

    def stream(
        self, net: Net, ways: Sequence[Contender], *, part: int = 1, rate: float = 0.0, unicast: bool = False
    ) -> StreamResult:
        """One run of the piece stream with the `part`th part of the image; a sender for each image."""
        count, rate = self.count // part, rate or self.rate
        images = range(max(way.image for way in ways) + 1)
        streams = [
            StreamAddress(secrets.randbits(64), f"239.195.9.{n + 1}", DATA_PORT, SERVER, 9200 + n) for n in images
        ]
        senders = [_child(net.server, "serve", count, stream, unicast, rate / len(images)) for stream in streams]
        receivers = [
            _child(net.laptop(n), "receive", count, streams[way.image], unicast, self.slots, way.disk, way.wait)
            for n, way in enumerate(ways)
        ]
        with contextlib.ExitStack() as stack:
            for child in [*senders, *receivers]:
                stack.callback(_end, child)
            for child in [*senders, *receivers]:
                _line(child)
            for child in receivers:
                _say(child)
            _disturb(receivers, ways)
            return _collect(StreamResult(count), senders, receivers, ways)

    def udpcast(self, net: Net, receivers: int, file: Path) -> StreamResult:
        """The same bytes by udp-sender, as Clonezilla calls it; the receivers wait before the clock starts."""
        common = ["--nokbd", "--mcast-all-addr", "224.0.0.1", "--portbase", str(UDPCAST_PORT), "--ttl", "1"]
        catch = ["udp-receiver", "--interface", "l0", *common]
        catchers = [spawn(["ip", "netns", "exec", net.laptop(n), *catch]) for n in range(receivers)]
        time.sleep(1.0)
        began = time.monotonic()
        send: list[str | Path] = [
            "udp-sender",
            "--file",
            file,
            "--interface",
            "s0",
            "--min-receivers",
            str(receivers),
            *common,
        ]
        sender = spawn(["ip", "netns", "exec", net.server, *send])
        result = StreamResult(self.count)
        with contextlib.ExitStack() as stack:
            for child in [*catchers, sender]:
                stack.callback(_end, child)
            for child in catchers:
                result.cpu.append(_reap(child))
                result.seconds.append(time.monotonic() - began)
            result.sender_cpu = _reap(sender)
        return result

    def row(
        self,
        name: str,
        result: StreamResult,
        beside: float,
        which: Sequence[int] | None = None,
        aim: float | None = None,
    ) -> float:
        """Print one line and return the slowest's seconds.

        `beside`: what to compare with; `which`: only these receivers; `aim`: what the ratio should at most be.
        """
        chosen = [result.seconds[n] for n in which] if which is not None else result.seconds
        worst = max(chosen)
        once = result.count * -(-PIECE // PAYLOAD_BYTES)
        cells = [
            f"{name:38}", f"{min(chosen):7.2f} … {worst:6.2f}", f"{result.count * PIECE * 8 / worst / 1e6:7.0f}",
            f"{worst / beside if beside else 1:7.3f}", f"{result.packets / once if result.packets else 0:7.3f}",
            f"{sum(result.cpu) / max(1, len(result.cpu)):7.2f}", f"{result.sender_cpu:7.2f}", f"{result.lost:8}",
            f"{result.memory / 1e6:6.0f}", f"{aim:5.2f}" if aim else "",
        ]  # fmt: skip
        print(" ".join(cells), flush=True)
        ratio = worst / beside if beside else 1.0
        self.rows.append(
            {
                "case": name,
                "seconds": chosen,
                "cpu": result.cpu,
                "sender": result.sender_cpu,
                "ratio": ratio,
                "aim": aim,
            }
        )
        return worst


HEADER = (
    f"{'case':38} {'seconds':>16} {'Mbit/s':>7} {'ratio':>7} {'x bytes':>7} {'cpu one':>7} {'sender':>7} "
    f"{'lost':>8} {'MB':>6} {'aim':>5}"
)


def bench(bench: Bench, receivers: Sequence[int], cases: Sequence[str]) -> None:
    """Run the cases. Ratios: of `stream` and `udpcast` to one receiver alone; of faults to eight healthy ones."""
    print(HEADER)
    alone = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bytes"
        if "udpcast" in cases:
            _fill(file, bench.count)
        for number in receivers:
            with network(number) as net:
                if "stream" in cases:
                    slowest = bench.row(f"stream, {number}", bench.stream(net, [Contender()] * number), alone, aim=1.05)
                    alone = alone or slowest
                if "udpcast" in cases:
                    bench.row(f"udpcast, {number}", bench.udpcast(net, number, file), alone)
    if {"late", "frozen", "gone", "slow", "slow-port"} & set(cases):
        _faults(bench, cases)
    _losses(bench, cases)
    if "two-images" in cases:
        with network(4) as net:
            ways = [Contender(image=n % 2) for n in range(4)]
            bench.row("stream, two images, 2 + 2, half each", bench.stream(net, ways, part=2), 0.0)


def _faults(bench: Bench, cases: Sequence[str]) -> None:
    """One of eight differs."""
    about = bench.count * PIECE * 8 / bench.rate
    ways = {
        "late": Contender(wait=0.6 * about),
        "frozen": Contender(freeze=(0.3 * about, 3.0)),
        "gone": Contender(freeze=(0.3 * about, 0.0)),
    }
    with network(8) as net:
        healthy = bench.row("stream, 8 healthy", bench.stream(net, [Contender()] * 8), 0.0)
        for case in [case for case in ways if case in cases]:
            result = bench.stream(net, [*[Contender()] * 7, ways[case]])
            bench.row(f"one {case}: the others", result, healthy, range(7), aim=1.02)
            if case != "gone":
                bench.row(f"one {case}: that one", result, healthy, [7], aim=1.1 if case == "late" else None)
        if "slow" in cases:  # to its end it would take minutes: a quarter of the image shows the same
            healthy = bench.row("stream, 8 healthy, 1/4", bench.stream(net, [Contender()] * 8, part=4), 0.0)
            result = bench.stream(net, [*[Contender()] * 7, Contender(disk=5e6)], part=4)
            bench.row("one 5 MB/s disk, 1/4: the others", result, healthy, range(7), aim=1.02)
    if "slow-port" in cases:
        with network(8, slow_ports={7: "100mbit"}) as net:
            result = bench.stream(net, [Contender()] * 8, unicast=True)
            bench.row("one port at 100 Mbit/s: the others", result, healthy if "slow" not in cases else 0.0, range(7))
            bench.row("one port at 100 Mbit/s: that one", result, 0.0, [7])


def _losses(bench: Bench, cases: Sequence[str]) -> None:
    if "burst-loss" in cases:
        with network(8) as net:
            before = bench.row("stream, 8, no loss", bench.stream(net, [Contender()] * 8), 0.0)
            for number in range(8):
                net.lose(number, DATA_PORT, 10)
            bench.row("stream, 8, 1 % of bursts of 44", bench.stream(net, [Contender()] * 8), before, aim=1.15)
    if "loss" in cases:  # one by one, packets cost so much processor that the links must be slower
        with network(8, "250mbit", offload=False) as net:
            rate = bench.rate / 6
            before = bench.row(
                "stream, 8, no offload, 1/6", bench.stream(net, [Contender()] * 8, part=6, rate=rate), 0.0
            )
            for number in range(8):
                net.lose(number, DATA_PORT, 10)
            result = bench.stream(net, [Contender()] * 8, part=6, rate=rate)
            bench.row("stream, 8, 1 % of packets, 1/6", result, before, aim=1.15)


# -- children ---------------------------------------------------------------------------------------


def _child(
    space: str, what: str, count: int, stream: StreamAddress, unicast: bool, *more: float
) -> subprocess.Popen[bytes]:
    arguments = [what, str(count), json.dumps(stream.to_json()), str(int(unicast)), *map(str, more)]
    command = ["ip", "netns", "exec", space, sys.executable, *PARTS, *arguments]
    return spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)


def _disturb(receivers: Sequence[subprocess.Popen[bytes]], ways: Sequence[Contender]) -> None:
    """Freeze or kill who is to be; only the last one of a run ever is."""
    freeze = ways[-1].freeze
    if freeze is None:
        return
    after, seconds = freeze
    time.sleep(after)
    if seconds:
        receivers[-1].send_signal(signal.SIGSTOP)
        threading.Timer(seconds, receivers[-1].send_signal, (signal.SIGCONT,)).start()
    else:
        receivers[-1].kill()


def _collect(
    result: StreamResult,
    senders: Sequence[subprocess.Popen[bytes]],
    receivers: Sequence[subprocess.Popen[bytes]],
    ways: Sequence[Contender],
) -> StreamResult:
    for child, way in zip(receivers, ways, strict=True):
        if way.freeze is None or way.freeze[1]:
            told = json.loads(_line(child))
            result.seconds.append(told["seconds"])
            result.cpu.append(told["cpu"])
            result.lost += told["lost"]
    for child in senders:
        assert child.stdin is not None
        child.stdin.close()
        told = json.loads(_line(child))
        result.packets += told["packets"]
        result.sender_cpu += told["cpu"]
        result.memory = max(result.memory, told["memory"])
    return result


def _line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline().decode()
    if not line:
        raise SystemExit("a process of the bench ended early")
    return line


def _say(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.write(b"go\n")
    child.stdin.flush()


def _reap(child: subprocess.Popen[bytes]) -> float:
    """Wait for a process; the seconds of processor it used."""
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime + usage.ru_stime


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is None:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(BrokenPipeError):
            if pipe is not None:
                pipe.close()


def _fill(file: Path, count: int) -> None:
    with file.open("wb") as out:
        for _ in range(count):
            out.write(os.urandom(PIECE))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=629)
    parser.add_argument("--receivers", default="1,4,8,24")
    parser.add_argument("--rate", type=float, default=0.98e9, help="bit/s on the wire")
    parser.add_argument("--slots", type=int, default=24)
    parser.add_argument("--json", type=Path)
    parser.add_argument("cases", nargs="*", default=CASES)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that all is cleaned up
    runs = Bench(max(6, given.megabytes * 1_000_000 // PIECE), given.rate, given.slots)
    bench(runs, [int(number) for number in given.receivers.split(",") if number], given.cases)
    if given.json:
        given.json.write_text(json.dumps(runs.rows, indent=1))


if __name__ == "__main__":
    main()
