"""An engine to try, with streams and a ledger of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cloned.core.boot import BootRequest
from cloned.core.disks import Disk
from cloned.core.effect_types import OpenStream, Rates
from cloned.core.events import (
    Configured,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    SwitchChanged,
)
from cloned.core.ids import SessionId, clean, token_digest
from cloned.core.laptop import Facts, Laptop, VerdictKind
from cloned.engine import Engine
from cloned.errors import ClonedError
from cloned.journal import Journal
from cloned.tasks import TaskOwner
from tests.waiting import until

IMAGE = ImageInfo("school", "a" * 64, 10**9, 2 * 10**10)
DISK = Disk("/dev/sda", 10**11, serial="S1")


class Streams:
    """Notes which streams are open."""

    def __init__(self) -> None:
        self.open_now: dict[SessionId, OpenStream] = {}

    async def open(self, opened: OpenStream) -> None:
        self.open_now[opened.session] = opened

    async def limit(self, rates: Rates) -> None:
        self.rates = rates

    async def shut(self, session: SessionId) -> None:
        self.open_now.pop(session)

    def address(self, session: SessionId) -> dict[str, Any] | None:
        return {"session": session} if session in self.open_now else None


class Book:
    """A ledger that can be out of order."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}
        self.broken = False
        self.asked = 0

    async def record(self, row: Mapping[str, Any]) -> None:
        self.asked += 1
        if self.broken:
            raise ClonedError("the ledger is locked")
        self.rows[row["laptop"], row["attempt"]] = dict(row)


@asynccontextmanager
async def running(path: Path, streams: Streams, book: Book) -> AsyncIterator[Engine]:
    journal, tasks = Journal(path), TaskOwner("test")
    engine = Engine(journal, streams, book)
    engine.replay()
    tasks.start(engine.run(), "engine", service=True)
    tasks.start(engine.run_effects(), "effects", service=True)
    try:
        yield engine
    finally:
        await tasks.close()
        journal.close()


async def prepared(engine: Engine) -> Laptop:
    await engine.submit(Configured(Settings(confirm="auto", default_image="school")))
    await engine.submit(ImageKnown(IMAGE))
    await engine.submit(SwitchChanged(8, "test", 1000))
    answer = await engine.boot(BootRequest("02:00:00:00:00:01", "10.0.0.5", serial="PF1"))
    facts = Facts(clean(serial="PF1", macs=["02:00:00:00:00:01"]), disks=(DISK,))
    await engine.submit(Hello(token_digest(answer.token), facts, "10.0.0.5"))
    laptop = engine.authorise(answer.token, "10.0.0.5")
    assert laptop is not None
    assert engine.authorise(answer.token, "10.0.0.6") is None
    return laptop


async def verified(engine: Engine, laptop: Laptop) -> None:
    assert laptop.session is not None
    await engine.submit(Ready(laptop.id, laptop.session, "S1", (), False))
    await engine.submit(Judged(laptop.id, laptop.session, 1, VerdictKind.VERIFIED, 0, (), IMAGE.image_hash, IMAGE.used))
    await engine.submit(Finished(laptop.id, ()))


async def settled(engine: Engine) -> None:
    await until(lambda: not engine.workshop.unrecorded)


HONEST = BootRequest("02:00:00:00:00:02", "10.0.0.7", serial="PF7")
