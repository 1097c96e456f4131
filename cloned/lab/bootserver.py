"""The netboot room alone, in the network namespace it is started in: `python -m cloned.lab.bootserver FILE OUT`.

FILE is a configuration; the boot decisions are those of a real engine with an empty workshop. OUT gets the
state as JSON twice a second and at the end: `{"ready", "log", "warnings"}`. Ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TypedDict

from cloned import config_file
from cloned.config import Config
from cloned.core.answer_data import BootLogEntry
from cloned.core.effect_types import OpenStream, Rates, SetReceivers
from cloned.core.ids import SessionId
from cloned.engine import Engine
from cloned.errors import ClonedError, MissingError
from cloned.journal import Journal
from cloned.json_data import JsonObject
from cloned.netboot.service import Netboot
from cloned.order_types import StreamPlace
from cloned.tasks import TaskOwner


class NothingElse:
    """The rooms that a server which only boots has not."""

    async def open(self, opened: OpenStream) -> None:
        """Refuse: nothing is sent from here."""
        raise MissingError(f"session {opened.session} needs the whole daemon", "run cloned serve")

    async def settle(self, receivers: SetReceivers) -> None:
        """There is nobody."""

    async def limit(self, rates: Rates) -> None:
        """Nothing is sent."""

    async def shut(self, session: SessionId) -> None:
        """There is none."""

    def address(self, session: SessionId) -> StreamPlace | None:
        """Nowhere."""
        return None

    async def record(self, row: JsonObject) -> None:
        """Refuse: no ledger is kept here."""
        raise MissingError("a result needs the whole daemon", "run cloned serve")


async def serve(settings: Config, out: Path) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    journal = Journal(settings.workshop.state / "journal.db")
    engine = Engine(journal, NothingElse(), NothingElse())
    owner = TaskOwner("bootserver")
    owner.start(engine.run(), "engine", service=True)
    netboot = Netboot(settings, engine)
    try:
        await netboot.start()
        while not stop.is_set():
            await asyncio.to_thread(_write, _state(netboot), out)  # renaming waits for the disk
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)
        _write(_state(netboot), out)
    finally:
        await netboot.close()
        await owner.close()
        journal.close()


class BootServerState(TypedDict):
    """What is written down for whoever runs it."""

    ready: bool
    log: list[BootLogEntry]
    warnings: list[dict[str, str]]


def _state(netboot: Netboot) -> BootServerState:
    return {"ready": True, "log": netboot.log(), "warnings": netboot.warnings()}


def _write(state: BootServerState, out: Path) -> None:
    fresh = out.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    fresh.replace(out)


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    try:
        settings = config_file.load(Path(arguments[0]))
        settings.workshop.state.mkdir(parents=True, exist_ok=True)
        asyncio.run(serve(settings, Path(arguments[1])))
    except ClonedError as error:
        print(error, file=sys.stderr)
        return int(error.exit)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
