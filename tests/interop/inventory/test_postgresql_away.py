"""What only a server can do to the ledger: it is killed, accepts and never answers, or is not there yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloned import ledger_questions
from cloned.inventory.database import LedgerError
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.lab import postgresql
from cloned.numbers import recall
from tests.unit.inventory.outboxes import Recorder, quick  # noqa: F401 - a fixture
from tests.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL is not installed"),
]


async def test_a_server_that_is_killed_under_load_loses_nothing(make_row: Any) -> None:
    """Three times a power cut in the middle of recording and sending: every result is there once, all in order."""
    with postgresql.running() as server:
        place = server.database()
        ledger = await Ledger.open(place)
        sink = Recorder("hook")

        async def record() -> None:
            for attempt in range(1, 31):
                for laptop in range(4):
                    await _until_kept(ledger, make_row(f"l{laptop}", attempt))

        async with _patient(ledger, sink):
            recording = asyncio.create_task(record())
            for _ in range(3):
                before = len(sink.got)
                await until(lambda before=before: len(sink.got) >= before + 15, 120)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await asyncio.wait_for(recording, 120)
            await all_sent(ledger)
        rows = await ledger.rows()
        await ledger.close()
    assert len(rows) == len({(row["laptop"], row["attempt"]) for row in rows}) == 120
    for laptop in range(4):
        got = [attempt for name, attempt, _ in sink.got if name == f"l{laptop}"]
        assert list(dict.fromkeys(got)) == list(range(1, 31))


async def _until_kept(ledger: Ledger, row: dict[str, Any]) -> None:
    """As the engine does: a result that could not be written is written again."""
    while True:
        try:
            return await ledger.record(row)
        except LedgerError:
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _patient(ledger: Ledger, sink: Recorder) -> AsyncIterator[None]:
    """The outbox as the daemon runs it: started again where its database is gone."""
    from cloned.inventory import outbox as module
    from cloned.tasks import TaskOwner

    before, module.LEDGER_WAIT_SECONDS = module.LEDGER_WAIT_SECONDS, 0.1
    owner = TaskOwner("test")
    owner.supervise(Outbox(ledger, [sink]).run, "outbox")
    try:
        yield
    finally:
        module.LEDGER_WAIT_SECONDS = before
        await owner.close()


async def all_sent(ledger: Ledger) -> None:
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(LedgerError):
                if (await ledger.backlog())[0]["sent"] == 120:
                    return
            await asyncio.sleep(0.05)


async def test_a_server_that_accepts_and_never_answers_is_told_and_nothing_waits_for_it(make_row: Any) -> None:
    """It is stopped as a whole: connections are accepted by the kernel, nothing else happens."""
    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        await ledger.record(make_row("l1", 1))
        service = service_of(ledger)
        assert (await service.totals())["rows"] == 1
        server.freeze()
        loop = asyncio.get_running_loop()
        with pytest.raises(LedgerError, match="PostgreSQL did not answer within") as told:
            await ledger.record(make_row("l1", 2))
        assert "start it again: nothing is lost" in told.value.hint
        begun = loop.time()
        assert (await service.totals())["rows"] == 1  # what was true last
        assert await service.rows(limit=5) == []
        assert loop.time() - begun < 60
        assert [each["code"] for each in service.warnings()] == ["ledger-away"]
        server.thaw()
        await _until_kept(ledger, make_row("l1", 2))
        async with asyncio.timeout(60):
            while (await service.totals())["rows"] != 2 or service.away:
                await asyncio.sleep(0.05)
        await ledger.close()


async def test_nobody_who_has_given_up_a_silent_server_waits_for_it_at_the_end(make_row: Any) -> None:
    """The command line ends, and so does a daemon; and what was given up is not done behind anybody's back."""
    with postgresql.running() as server:
        place = server.database()
        ledger = await Ledger.open(place)
        await ledger.record(make_row("l1", 1))
        ledger._patience = 0.5
        server.freeze()
        for asked in (ledger.record(make_row("l1", 2)), ledger.totals(), ledger.rows()):
            with pytest.raises(LedgerError, match="did not answer"):
                await asked
        async with asyncio.timeout(30):
            await ledger.close()
        server.thaw()
        again = await Ledger.open(place)
        assert [row["attempt"] for row in await again.rows()] == [1]
        await again.close()


async def test_an_evening_goes_on_while_the_server_is_gone_and_every_result_is_there_afterwards(tmp_path: Path) -> None:
    """Laptops are done, a daemon is killed and started again, all without a ledger; then it comes back."""
    from cloned.core.events import Command
    from tests.unit.test_engine import Streams, prepared, verified

    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        server.kill()
        async with _engine(tmp_path, ledger) as engine:
            laptop = await prepared(engine)
            await verified(engine, laptop)
            assert str(engine.laptop(laptop.id).state) == "done"
            assert len(engine.workshop.held) == 1, "its id may be another's: who knows, while the ledger is away"
        async with _engine(tmp_path, ledger) as engine:
            assert len(engine.workshop.held) == 1
            await engine.submit(Command("lent", "page", laptop.id, checked=True))
            assert len(engine.workshop.held) == 2
            assert isinstance(engine._casting, Streams)
            server.start()
            await until(lambda: not engine.workshop.unrecorded and not engine.workshop.held, 120)
        assert [row["state"] for row in await ledger.rows()] == ["done", "lent"]
        await ledger.close()


async def test_a_twin_that_comes_while_journal_and_server_are_gone_writes_on_nobodys_row(tmp_path: Path) -> None:
    """The batch's words give both one id; cards and disks tell them apart as soon as the server is there again."""
    from tests.wire.engine.test_lost_journal import twins_without_a_ledger

    with postgresql.running() as server:
        ledger = await Ledger.open(server.database())
        ledger._patience = 0.5
        await twins_without_a_ledger(tmp_path, ledger, server.kill, server.start)
        await ledger.close()


def service_of(ledger: Ledger) -> Any:
    from cloned.config import Config
    from cloned.inventory.service import InventoryService
    from cloned.inventory.sinks.base import Surroundings

    return InventoryService(Config(), ledger, Surroundings())


def ready_with(ledger: Ledger, folder: Path) -> Any:
    from cloned.readiness import Readiness

    nothing = folder / "nothing"
    return Readiness(
        journal=lambda: "", ledger=ledger.totals, listeners=lambda: (), live=lambda: nothing, files=lambda: nothing,
        state=folder,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _engine(folder: Path, ledger: Ledger) -> AsyncIterator[Any]:
    from cloned.engine import Engine
    from cloned.journal import Journal
    from cloned.tasks import TaskOwner
    from tests.unit.test_engine import Streams

    journal, tasks = Journal(folder / "journal"), TaskOwner("test")
    engine = Engine(journal, Streams(), ledger, recall=ledger.known)
    engine.replay()
    tasks.start(engine.run(), "engine", service=True)
    tasks.start(engine.run_effects(), "effects", service=True)
    tasks.start(ledger_questions.run(engine, 0.05), "weighing", service=True)
    try:
        yield engine
    finally:
        await tasks.close()
        journal.close()


async def test_a_daemon_that_starts_before_its_server_goes_on_once_that_is_there(tmp_path: Path, make_row: Any) -> None:
    """Nothing of it is there at the start, not even tables; what was recorded meanwhile waits in the engine."""
    from tests.unit.test_engine import prepared, verified

    with postgresql.running() as server:
        place = server.database()
        server.kill()
        ledger = await Ledger.open(place, wait=True)
        with pytest.raises(LedgerError):
            await ledger.totals()
        service, ready = service_of(ledger), ready_with(ledger, tmp_path)
        assert any("ledger" in each for each in await ready.wrong())
        assert await service.totals() == {"rows": 0, "verdicts": {}, "done_today": 0}
        assert [each["code"] for each in service.warnings()] == ["ledger-away"]
        async with _engine(tmp_path, ledger) as engine:
            with pytest.raises(LedgerError):
                await recall(engine, ledger, tmp_path)
            await verified(engine, await prepared(engine))
            server.start()
            await until(lambda: not engine.workshop.unrecorded and not engine.workshop.held, 120)
            await recall(engine, ledger, tmp_path)
        assert [row["state"] for row in await ledger.rows()] == ["done"]
        assert (await service.totals())["rows"] == 1
        assert service.warnings() == []
        ready._last = (float("-inf"), [])  # what was found a second ago is believed
        assert not any("ledger" in each for each in await ready.wrong())
        await ledger.close()
