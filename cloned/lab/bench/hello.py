"""What triage and tests cost a laptop before anything else: its first word, the rules, and fetching the test pack.

    python -m cloned.lab.bench.hello            (as root: the pack goes over a gigabit of namespaces)

The first word is timed with and without what triage wants to know of the machine it runs on, and once more with a
sensor that hangs; the pack is the one that the lab built, fetched, mounted and laid out as on a laptop.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import click
from aiohttp import web

from cloned import live, processes
from cloned.agent import facts, parts
from cloned.agent.attended_ui import PersonUi
from cloned.agent.disks import DiskFacts
from cloned.agent.inputs import Inputs
from cloned.agent.options import AgentOptions
from cloned.agent.test_pack import PATH, TestPack, lay_out
from cloned.agent.trial_tools import Cancelled, Hands
from cloned.lab.bench.evening import laptops
from cloned.lab.bench.net import SERVER, network
from cloned.lab.stock import cache_root
from cloned.live import pack

PORT = 8068
_WATCHED_SECONDS = 5.0
"""Seconds that a test with a person is watched."""


def median(work: Callable[[], object], turns: int) -> float:
    """Seconds that `work` takes, as a rule."""
    took = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def first_word(turns: int) -> dict[str, float]:
    """Seconds that gathering takes: bare, with all that triage wants, and with a sensor that hangs."""
    options = AgentOptions(f"http://{SERVER}:1/t")

    def as_they_are(seen: list[DiskFacts]) -> list[DiskFacts]:
        return seen

    facts.gather(options)  # what is imported late
    with patch.object(parts, "gather", dict), patch.object(facts, "with_health", as_they_are):
        bare = median(lambda: facts.gather(options), turns)
    whole = median(lambda: facts.gather(options), turns)
    with patch.dict(parts._READINGS, {"hangs": lambda: time.sleep(60) or {}}):  # type: ignore[func-returns-value]
        hangs = median(lambda: facts.gather(options), 1)
    given = laptops(100, 1)
    rules = median(lambda: [each.judged(tested=True) for each in given], turns) / len(given)
    return {"bare": bare, "with triage": whole, "a sensor hangs": hangs, "rules": rules}


def beside_a_session(turns: int) -> dict[str, float]:
    """Seconds until a test that needs nobody is gone once there is real work; share of a core that one with a person
    takes while it waits for keys."""
    gone = []
    for _ in range(turns):
        hands, began = Hands(), threading.Event()
        work = threading.Thread(target=_busy, args=(hands, began))
        work.start()
        began.wait()
        at = time.perf_counter()
        hands.cancel()
        work.join()
        gone.append(time.perf_counter() - at)
    with Inputs() as opened:
        ui = PersonUi(opened, lambda _lines: None)
        used, at = time.process_time(), time.perf_counter()
        while time.perf_counter() - at < _WATCHED_SECONDS:
            ui.answered(["a question"], ["yes", "no"])
        share = (time.process_time() - used) / (time.perf_counter() - at)
    return {"gone": statistics.median(gone), "share": share}


def _busy(hands: Hands, began: threading.Event) -> None:
    """A program that keeps a core busy until it is cancelled."""
    with suppress(Cancelled):
        hands.run(["sh", "-c", "while :; do :; done"], 60, began.set)


def fetched(folder: Path) -> dict[str, float]:
    """In a laptop's namespace: seconds for fetching the pack, and for mounting it and laying it out."""
    home = TestPack(AgentOptions(f"http://{SERVER}:{PORT}/t"), str(folder / "root"), str(folder))
    file, mount = folder / "tests.squashfs", folder / "tests"
    mount.mkdir()
    hands, began = Hands(), time.perf_counter()
    home._fetch(file, lambda: hands.pause(0))
    there = time.perf_counter()
    processes.run(["mount", "-t", "squashfs", "-o", "ro", str(file), str(mount)])
    try:
        lay_out(mount, folder / "root")
        laid = time.perf_counter()
    finally:
        processes.run(["umount", str(mount)])
    return {"fetch": there - began, "lay out": laid - there, "bytes": float(file.stat().st_size)}


def over_a_gigabit(turns: int) -> list[dict[str, float]]:
    """The pack from a server of aiohttp, as ours is, to a laptop on a link of 1 Gbit/s."""
    packed = pack.build(live.build(cache_root() / "live"))
    program = [sys.executable, "-m", "cloned.lab.bench.hello"]
    found: list[dict[str, float]] = []
    with network(1) as net, tempfile.TemporaryDirectory() as folder:
        inside = ["ip", "netns", "exec"]
        server = processes.spawn([*inside, net.server, *program, "--serve", packed.squashfs], stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            for turn in range(turns):
                place = Path(folder) / str(turn)
                place.mkdir()
                laptop: list[str | Path] = [*inside, net.laptop(0), "unshare", "--mount", *program, "--fetch", place]
                found.append(json.loads(processes.run(laptop).stdout))
        finally:
            server.kill()
            server.wait()
    return found


async def _serve(file: Path) -> None:
    async def give(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get(PATH, give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, SERVER, PORT).start()
    click.echo("ready")
    await asyncio.Event().wait()


@click.command()
@click.option("--turns", default=5, show_default=True, help="How often each is done; medians are shown.")
@click.option("--serve", type=click.Path(path_type=Path), hidden=True)
@click.option("--fetch", type=click.Path(path_type=Path), hidden=True)
def main(turns: int, serve: Path | None, fetch: Path | None) -> None:
    """Time a laptop's first word with and without triage, and the test pack over a gigabit."""
    if serve is not None:
        asyncio.run(_serve(serve))
    elif fetch is not None:
        click.echo(json.dumps(fetched(fetch)))
    else:
        _all(turns)


def _all(turns: int) -> None:
    said = first_word(turns)
    later = said["with triage"] - said["bare"]
    click.echo(f"first word: {said['bare']:.3f} s bare, {said['with triage']:.3f} s with triage: {later:.3f} s later")
    click.echo(f"the same where a sensor hangs: {said['a sensor hangs'] - said['bare']:.3f} s later")
    click.echo(f"the rules that ship, held against one laptop: {said['rules'] * 1000:.2f} ms")
    beside = beside_a_session(turns)
    click.echo(f"a test that needs nobody is gone {beside['gone']:.3f} s after real work came")
    click.echo(f"a test with a person takes {beside['share']:.2%} of a core while it waits for keys")
    if os.geteuid() == 0:
        packs = over_a_gigabit(turns)
        fetch, laid = (statistics.median(each[name] for each in packs) for name in ("fetch", "lay out"))
        size = packs[0]["bytes"] / 1e6
        click.echo(f"test pack of {size:.1f} MB over 1 Gbit/s: fetched in {fetch:.2f} s, laid out in {laid:.2f} s more")


if __name__ == "__main__":
    main()
