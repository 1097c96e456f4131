"""Measures how fast switches are read, through snmpsim's responder, and what that does to the daemon's loop.

    python -m cloned.lab.bench.switch [--recordings DIR] [--rounds 5]

DIR holds snmpsim recordings; the 48-port one is `zyxel-gs1900-48`. Without them a switch of 48 ports is made up.
One responder for each switch, as each switch has a processor of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cloned.errors import MissingError
from cloned.processes import spawn
from cloned.switch.snmp.credentials import Community, Credentials, Secret, User, parse_address
from cloned.switch.snmp.presence import Presence, presence
from cloned.switch.worker import SwitchWorker, Watched

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "switches"
LARGE = "zyxel-gs1900-48"
FOUR = (LARGE, "dlink-des-3028", "mikrotik-css326-24g-2s", "tplink-sg2218p")
WORD = "not a secret: bench"
"""Keys of the responder's v3 user."""


def made_up(ports: int) -> str:
    """A recording of a plain switch: IF-MIB, ifXTable, BRIDGE-MIB, a forwarding table of one station a port."""
    lines = {"1.3.6.1.2.1.1.1.0": "4|a switch of the bench"}
    for port in range(1, ports + 1):
        base = "1.3.6.1.2.1"
        lines[f"{base}.2.2.1.2.{port}"] = lines[f"{base}.31.1.1.1.1.{port}"] = f"4|GigabitEthernet{port}"
        lines[f"{base}.2.2.1.6.{port}"] = f"4x|0200000001{port:02x}"
        for column, value in ((3, 6), (7, 1), (8, 1)):
            lines[f"{base}.2.2.1.{column}.{port}"] = f"2|{value}"
        lines[f"{base}.31.1.1.1.15.{port}"] = "66|1000"
        lines[f"{base}.10.7.2.1.19.{port}"] = "2|3"
        lines[f"{base}.17.1.4.1.2.{port}"] = f"2|{port}"
        lines[f"{base}.17.7.1.2.2.1.2.1.152.250.155.0.0.{port}"] = f"2|{port}"
    ordered = sorted(lines.items(), key=lambda line: tuple(map(int, line[0].split("."))))
    return "".join(f"{oid}|{value}\n" for oid, value in ordered)


@dataclass(frozen=True)
class Agent:
    """A responder: its port, and the recording it answers with."""

    port: int
    name: str

    def watched(self, *, v3: bool = False) -> Watched:
        """The switch of the recording, by SNMP v2c or v3."""
        credentials: Credentials = Community(Secret(self.name))
        if v3:
            credentials = User("bench", "SHA256", Secret(WORD), "AES", Secret(WORD), self.name)
        return Watched(parse_address(f"127.0.0.1:{self.port}"), credentials)


@contextlib.contextmanager
def responders(folder: Path, names: Sequence[str]) -> Iterator[list[Agent]]:
    """One responder for each of `names`, ended afterwards."""
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloned-bench-"))
        agents = [Agent(free_port(), name) for name in names]
        for agent in agents:
            process = spawn(
                [
                    Path(sys.executable).with_name("snmpsim-command-responder"),
                    "--process-user=root",
                    "--process-group=root",
                    "--logging-method=null",
                    f"--data-dir={folder}",
                    f"--cache-dir={cache}/{agent.port}",
                    f"--agent-udpv4-endpoint=127.0.0.1:{agent.port}",
                    "--v3-user=bench",
                    f"--v3-auth-key={WORD}",
                    "--v3-auth-proto=SHA256",
                    f"--v3-priv-key={WORD}",
                    "--v3-priv-proto=AES",
                ]
            )
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
        asyncio.run(_all_answer(agents))
        yield agents


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _all_answer(agents: Sequence[Agent]) -> None:
    end = time.monotonic() + 120
    for agent in agents:
        while await presence(parse_address(f"127.0.0.1:{agent.port}")) is not Presence.SPEAKS:
            if time.monotonic() > end:
                raise MissingError("snmpsim's responder does not answer", "pip install snmpsim pysmi")
            await asyncio.sleep(0.3)


async def timed(work: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Seconds of each round; one before them does not count (imports, sockets, v3's first exchange)."""
    await work()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - began)
    return seconds


async def lateness(until: asyncio.Event) -> float:
    """How late, at most, the loop came back to a task that sleeps for 1 ms; seconds."""
    worst = 0.0
    while not until.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - began - 0.001)
    return worst


async def with_lateness(work: Awaitable[object]) -> float:
    """The worst lateness while `work` is done."""
    over = asyncio.Event()
    watching = asyncio.ensure_future(lateness(over))
    await work
    over.set()
    return await watching


async def measure(agents: Sequence[Agent], rounds: int) -> list[tuple[str, list[float], float | None]]:
    """What is measured, the seconds of each round, and the aim; all as the daemon does it, through the worker."""
    worker = SwitchWorker()
    four = [agent.watched() for agent in agents]

    async def look(watched: Watched, *, whole: bool = True) -> None:
        answer = await worker.look(watched, whole=whole)
        if answer.view is None:
            raise MissingError(answer.error, answer.hint)

    async def together() -> None:
        await asyncio.gather(*(look(watched) for watched in four))

    rows: list[tuple[str, list[float], float | None]] = []
    try:
        rows.append(("48 ports, v2c: ports, stations, LLDP", await timed(lambda: look(four[0]), rounds), 0.3))
        fast = agents[0].watched(v3=True)
        rows.append(("48 ports, v3 (SHA-256, AES)", await timed(lambda: look(fast), rounds), None))
        changes = await timed(lambda: look(four[0], whole=False), rounds)
        rows.append(("48 ports: what changes, every 5 s", changes, None))
        rows.append((f"together: {', '.join(agent.name for agent in agents)}", await timed(together, rounds), 0.5))
        idle = [await with_lateness(asyncio.sleep(0.5)) for _ in range(rounds)]
        rows.append(("the loop's lateness without reading", idle, None))
        reading = [await with_lateness(together()) for _ in range(rounds)]
        rows.append(("the loop's lateness while four are read", reading, 0.02))
    finally:
        await worker.close()
    return rows


def shown(rows: Sequence[tuple[str, list[float], float | None]]) -> Table:
    """The table: milliseconds, best, median and worst of the rounds."""
    table = Table(box=None, header_style="bold")
    for heading in ("switch", "best ms", "median ms", "worst ms", "aim ms"):
        table.add_column(heading, justify="left" if heading == "switch" else "right")
    for name, seconds, aim in rows:
        figures = (min(seconds), statistics.median(seconds), max(seconds))
        table.add_row(
            name, *(f"{figure * 1000:.0f}" for figure in figures), "" if aim is None else f"≤ {aim * 1000:.0f}"
        )
    return table


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, default=RECORDINGS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, names = options.recordings, list(FOUR)
        if not all((folder / f"{name}.snmprec").exists() for name in names):
            folder, names = Path(stack.enter_context(tempfile.TemporaryDirectory())), ["made-up-48"] * 4
            (folder / "made-up-48.snmprec").write_text(made_up(48))
        agents = stack.enter_context(responders(folder, names))
        Console().print(shown(asyncio.run(measure(agents, options.rounds))))


if __name__ == "__main__":
    main()
