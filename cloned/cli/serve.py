"""`cloned serve` and what goes with running it: check, backup, restore."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloned import logs
from cloned.cli.common import config_option, echo, words
from cloned.config import LEDGER_FILE, Config
from cloned.config_file import load
from cloned.errors import ClonedError, Exit, MissingError, UsageError
from cloned.logs import LogFormat
from cloned.memory import few_heaps
from cloned.ownership import hand_over, open_again
from cloned.processes import come_first, run
from cloned.saying import Phrase
from cloned.scratch import scratch
from cloned.systemd import ending

if TYPE_CHECKING:
    from cloned.app import Daemon
    from cloned.core.answer_data import CheckLine

log = logging.getLogger(__name__)

LONGEST_END_SECONDS = 3.0
"""Seconds until we are gone, whatever a client, a disk or a thread still holds."""
CHECK_SECONDS = 60.0
"""Until the looks must be through on a busy server; each of them ends by itself long before."""


@click.command()
@config_option
@click.option("--log-format", type=click.Choice(["auto", "text", "json", "journal"]), help="As `cloned --log-format`.")
def serve(config: Path | None, log_format: LogFormat | None) -> None:
    """Run the daemon: boot laptops, send images, verify disks, show the page."""
    if log_format:
        logs.start(log_format, logging.getLogger().level)
    come_first()
    few_heaps()
    from cloned.connections import raise_limit
    from cloned.safekeeping import alone

    settings = load(config)
    raise_limit()
    open_again(Path.home())
    with _end_told(), _files_named(), alone(settings.workshop.state):
        _keep_safe(settings)
        asyncio.run(_begun(settings, config))


async def _begun(settings: Config, config: Path | None) -> None:
    """What waits for an inventory is on its way while the rest of the daemon is still read in."""
    from cloned.outset import Outset

    outset = Outset(settings)
    try:
        if await outset.begin_early():
            await asyncio.to_thread(importlib.import_module, "cloned.app")
        from cloned.app import Daemon

        await _until_told(Daemon(settings, outset, config, _examined))
    finally:
        await outset.close()


@contextmanager
def _end_told() -> Iterator[None]:
    """Why the daemon ends is told to systemd too, which must not start it for ever where that mends nothing."""
    try:
        yield
    except ClonedError as error:
        error.exit = ending(error)
        raise


@contextmanager
def _files_named() -> Iterator[None]:
    """A file that cannot be used ends the daemon with one line, whichever part it was that wanted it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        said = Phrase("{path} cannot be used: {error}", path=error.filename, error=error)
        raise MissingError(
            said,
            "see that the service's user may write there, that there is room, and that it is not mounted read-only",
        ) from error


def _keep_safe(settings: Config) -> None:
    """A copy of what another version left, before anything of it is touched. PostgreSQL's own tools copy its ledger."""
    from cloned.safekeeping import keep_safe

    made = keep_safe(settings.workshop.state)
    if made is not None:
        log.info("a copy of the state as it was is in %s", made)


async def _examined(config: Config) -> list[CheckLine]:
    """What `cloned check` finds, from a process of its own: the looks import and hold what the daemon need not keep."""
    command = [sys.executable, "-m", "cloned.check"]
    done = await asyncio.to_thread(run, command, stdin=pickle.dumps(config), timeout=CHECK_SECONDS)
    return [
        {
            "name": each["name"],
            "state": each["state"],
            "said": Phrase.read(each["said"]),
            "next": Phrase.read(each["next"]),
            "seconds": each["seconds"],
        }
        for each in json.loads(done.stdout)
    ]


async def _until_told(daemon: Daemon) -> None:
    """Run until SIGTERM or SIGINT, or until a part ends; then end in order, but soon."""
    work = asyncio.ensure_future(daemon.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        _gone_soon(Exit.OK, "")
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    asked = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    daemon.tasks.start(_reloads(daemon, asked), "reload", service=True)
    daemon.ending = lambda error: _gone_soon(ending(error), f"cloned: {error}")
    try:
        await work
    except asyncio.CancelledError:
        echo("stopped", err=True)


async def _reloads(daemon: Daemon, asked: asyncio.Event) -> None:
    """Read the configuration again at SIGHUP; many at once are one. A wrong one is told, and the old stays."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            await daemon.reload()
        except ClonedError as error:
            log.error("the configuration stays as it was: %s", error)


def _gone_soon(status: int, why: str) -> None:
    """Be gone within LONGEST_END, in order or not: systemd starts us again only then. Nothing is lost by it."""

    def end() -> None:
        print(why or "stopped, with something still open", file=sys.stderr, flush=True)
        os._exit(status)

    timer = threading.Timer(LONGEST_END_SECONDS, end)
    timer.daemon = True
    timer.start()


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="An array of findings on standard output.")
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
def check(config: Path | None, *, as_json: bool, strict: bool) -> int:
    """Say what would go wrong, before it does."""
    from cloned.check import LOOKS, examine, exit_of, left_seconds, lines

    found = asyncio.run(examine(LOOKS, load(config), left_seconds()))
    if as_json:
        click.echo(json.dumps([each.to_json() for each in found], indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(lines(found, words())))
    return exit_of(found, strict=strict)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
def backup(file: Path, config: Path | None) -> None:
    """Save journal, ledger and who may sign in into FILE (.tar.gz); of images what each must hash to."""
    from cloned.backup import backup as save
    from cloned.inventory.transfer import copy

    settings = load(config)
    state, place = settings.workshop.state, settings.ledger_place
    with scratch("backup") as folder:
        ledger = None if isinstance(place, Path) else folder / LEDGER_FILE
        if ledger is not None:
            copy(place, ledger)
        echo(Phrase("{file}: {names}", file=file, names=", ".join(save(state, file, ledger))))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
@click.option(
    "--keep-ledger", is_flag=True, help="All but its ledger: the results that are there stay, newer ones too."
)
def restore(file: Path, config: Path | None, *, keep_ledger: bool) -> None:
    """Bring a backup back, into a state directory that holds no workshop."""
    from cloned.backup import DATABASES, missing
    from cloned.backup import restore as bring_back
    from cloned.safekeeping import LOCK, alone

    settings = load(config)
    state, place = settings.workshop.state, settings.ledger_place
    with alone(state, 0.0) if (state / LOCK).exists() else nullcontext():
        lost = 0 if (state / DATABASES[0]).exists() else _compared(place, file, keep_ledger)
        names = bring_back(state, file, keep_ledger=keep_ledger)
        if not isinstance(place, Path) and LEDGER_FILE in names:
            _into_postgresql(state, place, names)
    echo(Phrase("restored: {names}", names=", ".join(names)))
    if lost:
        echo(Phrase("results of the backup that the kept ledger lacks: {n}", n=lost))
    for text, hint in missing(state):
        echo(Phrase("{what}: {next}", what=text, next=hint))
    hand_over(state)


def _compared(place: Path | str, file: Path, keep_ledger: bool) -> int:
    """How many results of the backup the ledger lacks that stays. UsageError where one is in the way, or none stays."""
    from cloned.backup import ledger_of
    from cloned.inventory.transfer import Held, held, lacking

    there = Held(frozenset(), "") if isinstance(place, Path) and not place.exists() else held(place)
    if not keep_ledger:
        if there.keys:
            raise _in_the_way(place, len(there.keys), there.last[:10])
        return 0
    with scratch("restore") as folder:
        saved = ledger_of(file, folder)
        return lacking(there, None if saved is None else held(saved))


def _in_the_way(place: Path | str, count: int, last: str) -> UsageError:
    told = Phrase(
        "the ledger holds results already ({n}, the last of {last}): the backup's own would take their place, and "
        "what came since would be lost",
        n=count,
        last=last,
    )
    empty = (
        Phrase("move {path} away", path=place)
        if isinstance(place, Path)
        else Phrase("name an empty database in [ledger] url")
    )
    hint = Phrase(
        "to keep them and bring back all else: cloned restore FILE --keep-ledger; to go back to the backup's: {empty}",
        empty=empty,
    )
    return UsageError(told, hint)


def _into_postgresql(state: Path, place: str, names: list[str]) -> None:
    """Bring the restored ledger there; where that fails nothing stays restored, so that it can be done again whole."""
    from cloned.backup import take_back
    from cloned.inventory.transfer import copy

    try:
        count = copy(state / LEDGER_FILE, place)
    except BaseException:
        take_back(state, names)
        raise
    (state / LEDGER_FILE).unlink()
    echo(Phrase("{run} {run:result|results} brought into PostgreSQL", run=count))
