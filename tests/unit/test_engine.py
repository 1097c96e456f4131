"""The engine: events in order, streams and results carried out, who may have a token."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from cloned.core.boot import BootRequest
from cloned.core.disks import Disk
from cloned.core.effect_types import OpenStream, Rates
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Failed,
    Hello,
    ImageInfo,
    ImageKnown,
    Settings,
    Stalled,
)
from cloned.core.evidence import Evidence
from cloned.core.ids import LaptopId, SessionId, clean, token_digest
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Facts, State
from cloned.engine import Engine
from cloned.errors import ClonedError, MissingError, UsageError
from cloned.journal import Journal, JournalFull
from cloned.tasks import TaskOwner
from tests.unit.engines import DISK, HONEST, Book, Streams, prepared, running, settled, verified
from tests.waiting import until


async def test_a_laptop_through_the_engine(tmp_path: Path) -> None:
    streams, book = Streams(), Book()
    async with running(tmp_path / "journal", streams, book) as engine:
        laptop = await prepared(engine)
        assert laptop.state is State.READY
        await verified(engine, laptop)
        await settled(engine)
        assert engine.laptop(laptop.id).state is State.DONE
        assert list(book.rows) == [(laptop.id, 1)]
        assert set(streams.open_now) == {laptop.session}


async def test_a_restart_brings_everything_back_and_opens_the_streams_again(tmp_path: Path) -> None:
    book = Book()
    async with running(tmp_path / "journal", Streams(), book) as engine:
        laptop = await prepared(engine)
        before = engine.workshop
    streams = Streams()
    async with running(tmp_path / "journal", streams, book) as engine:
        assert engine.workshop == before
        await settled(engine)
        await until(lambda: streams.open_now and streams.rates)
        assert set(streams.open_now) == {laptop.session}
        assert streams.rates == Rates(1000, ((laptop.session, 1000),))


async def test_a_result_outlives_a_ledger_that_is_down_and_a_restart(tmp_path: Path) -> None:
    book = Book()
    book.broken = True
    async with running(tmp_path / "journal", Streams(), book) as engine:
        laptop = await prepared(engine)
        await verified(engine, laptop)
        await until(lambda: book.asked)
        assert engine.workshop.unrecorded
    book.broken = False
    async with running(tmp_path / "journal", Streams(), book) as engine:
        await settled(engine)
        assert book.rows[laptop.id, 1]["verdict"] == "verified"
        assert not engine.workshop.unrecorded


class NotOpened(Streams):
    """They cannot be opened: the images are on a share that is not there."""

    tried = 0

    async def open(self, opened: OpenStream) -> None:
        self.tried += 1
        raise ClonedError(f"there is no image {opened.image}")

    async def shut(self, session: SessionId) -> None:
        self.open_now[session] = OpenStream(session, 0, "", "")


async def test_a_stream_that_cannot_be_opened_holds_no_result_up(tmp_path: Path) -> None:
    streams, book = NotOpened(), Book()
    async with running(tmp_path / "journal", streams, book) as engine:
        laptop = await prepared(engine)
        await until(lambda: streams.tried)
        await verified(engine, laptop)
        await settled(engine)
        assert list(book.rows) == [(laptop.id, 1)]


async def test_a_stream_of_a_session_that_is_over_is_tried_no_more_and_holds_no_other_up(tmp_path: Path) -> None:
    streams = NotOpened()
    async with running(tmp_path / "journal", streams, Book()) as engine:
        laptop = await prepared(engine)
        await until(lambda: streams.tried)
        await verified(engine, laptop)
        assert laptop.session is not None
        await engine.submit(Command("cancel", "page", laptop.session))
        await until(lambda: laptop.session in streams.open_now)


async def test_a_ledger_that_is_down_holds_no_stream_up(tmp_path: Path) -> None:
    streams, book = Streams(), Book()
    book.broken = True
    async with running(tmp_path / "journal", streams, book) as engine:
        laptop = await prepared(engine)
        await verified(engine, laptop)
        await engine.submit(ImageKnown(ImageInfo("office", "b" * 64, 10**9, 2 * 10**10)))
        answer = await engine.boot(BootRequest("02:00:00:00:00:02", "10.0.0.6", serial="PF2"))
        facts = Facts(clean(serial="PF2", macs=["02:00:00:00:00:02"]), disks=(DISK,))
        await engine.submit(Hello(token_digest(answer.token), facts, "10.0.0.6"))
        other = engine.authorise(answer.token, "10.0.0.6")
        assert other is not None
        state = await engine.submit(Command("move", "page", other.id, "office"))
        await engine.submit(Command("confirm", "page", other.id, "office", disk="S1"))
        session = engine.laptop(other.id).session
        assert session is not None
        await until(lambda: session in streams.open_now)
        assert state.unrecorded
        book.broken = False
        await until(lambda: book.rows)


@pytest.mark.parametrize("trouble", [MissingError("the ledger cannot be used"), TimeoutError()])
async def test_a_newcomer_boots_though_the_ledger_cannot_be_asked_who_it_is(tmp_path: Path, trouble: Exception) -> None:
    async def away(_sight: Evidence, _own: LaptopId | None) -> KnownToLedger:
        raise trouble

    journal, tasks = Journal(tmp_path / "journal"), TaskOwner("test")
    engine = Engine(journal, Streams(), Book(), recall=away)
    tasks.start(engine.run(), "engine", service=True)
    laptop = await prepared(engine)
    assert laptop.state is State.READY
    await tasks.close()
    journal.close()


async def test_a_newcomer_that_the_ledger_knows_gets_its_id_back(tmp_path: Path) -> None:
    async def knows(sight: Evidence, _own: LaptopId | None) -> KnownToLedger:
        known = sight.identity.serial == "PF1"
        return KnownToLedger("drawn", 2, 0, "DM-1", weighed=True) if known else KnownToLedger(weighed=True)

    journal, tasks = Journal(tmp_path / "journal"), TaskOwner("test")
    engine = Engine(journal, Streams(), Book(), recall=knows)
    tasks.start(engine.run(), "engine", service=True)
    laptop = await prepared(engine)
    assert (laptop.id, laptop.job.number, laptop.tag, laptop.state) == ("drawn", 2, "DM-1", State.ASKING)
    await tasks.close()
    journal.close()


@pytest.mark.wire
async def test_a_full_disk_stops_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await prepared(engine)
        blocker = sqlite3.connect(tmp_path / "journal")
        engine._journal._db.execute("PRAGMA max_page_count=1")
        waiting = asyncio.ensure_future(engine.submit(Command("pause", "page", text="x" * 5000)))
        await until(lambda: engine.problem)
        blocker.close()
        assert "cannot be written" in engine.problem
        assert not engine.workshop.paused
        engine._journal._db.execute("PRAGMA max_page_count=1000000")
        assert (await waiting).paused
        assert engine.problem == ""


@pytest.mark.wire
async def test_on_a_full_disk_whoever_waits_is_told_and_it_never_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloned.engine.WRITTEN_SECONDS", 0.05)
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await prepared(engine)
        engine._journal._db.execute("PRAGMA max_page_count=1")
        with pytest.raises(MissingError, match="cannot be written"):
            await engine.command(Command("pause", "page", text="x" * 5000))
        with pytest.raises(MissingError, match="cannot be written"):
            await engine.boot(BootRequest("02:00:00:00:00:07", "10.0.0.7", product="y" * 5000))
        reported = asyncio.ensure_future(engine.submit(Configured(Settings(default_image="z" * 5000))))
        await until(lambda: not engine.backlog)
        engine._journal._db.execute("PRAGMA max_page_count=1000000")
        assert (await reported).settings.default_image == "z" * 5000  # who can wait loses nothing
        assert not engine.workshop.paused
        assert "02:00:00:00:00:07" not in {laptop.facts.boot_mac for laptop in engine.workshop.laptops.values()}


@pytest.mark.wire
async def test_what_the_disk_is_taking_nobody_is_told_to_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloned.engine.WRITTEN_SECONDS", 0.05)
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await prepared(engine)
        engine._full = JournalFull("full a moment ago")
        append, taking, go_on = engine._journal.append, threading.Event(), threading.Event()

        def slowly(entries: list[Any]) -> None:
            taking.set()
            assert go_on.wait(60)
            append(entries)

        monkeypatch.setattr(engine._journal, "append", slowly)
        asked = asyncio.ensure_future(engine.command(Command("pause", "page")))
        assert await asyncio.to_thread(taking.wait, 60)
        done, _ = await asyncio.wait([asked], timeout=0.3)  # several times as long as anybody waits
        go_on.set()
        assert not done
        await asked
        assert engine.workshop.paused


async def test_commands_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        laptop = await prepared(engine)
        with pytest.raises(UsageError, match="no laptop is called nobody"):
            await engine.command(Command("retry", "page", "nobody"))
        with pytest.raises(UsageError, match="is at work"):
            await engine.command(Command("confirm", "page", laptop.id))


async def test_an_event_that_cannot_be_written_fails_its_caller_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        laptop = await prepared(engine)
        asked = [engine.submit(Failed(laptop.id, "internal", text)) for text in ("\ud800", "a fault")]
        bad, good = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(bad, ClonedError)
        assert not isinstance(good, BaseException)
        assert engine.laptop(laptop.id).detail == "a fault"
        with pytest.raises(ClonedError):
            await engine.submit(Stalled(laptop.id, float("inf")))
        state = engine.workshop
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        assert engine.workshop == state


async def test_an_event_that_cannot_be_gone_through_changes_nothing_now_and_later(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        laptop = await prepared(engine)
        with pytest.raises(ClonedError):
            await engine.submit(Configured(None))  # type: ignore[arg-type]
        await engine.submit(Command("tag", "somebody", laptop.id, text="42"))
        state = engine.workshop
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        assert engine.workshop == state
        assert engine.laptop(laptop.id).tag == "42"


async def test_a_listener_that_fails_ends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        engine.subscribe(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
        await prepared(engine)


async def test_a_stranger_takes_no_token_of_a_laptop_that_is_starting(tmp_path: Path) -> None:
    """Both asked in one moment, or one after the other: between its boot script and its hello a laptop says nothing."""
    stranger = BootRequest(HONEST.mac, "10.0.9.9", uuid="x", proven=False)
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await engine.submit(Configured(Settings()))
        answer, refused = await asyncio.gather(engine.boot(HONEST), engine.boot(stranger), return_exceptions=True)
        assert not isinstance(answer, BaseException)
        assert isinstance(refused, ClonedError)
        journalled = len(list(engine._journal.entries()))
        with pytest.raises(ClonedError, match="just starting at another address"):
            await engine.boot(stranger)
        assert len(list(engine._journal.entries())) == journalled
        assert engine.authorise(answer.token, HONEST.address) is not None


async def test_twins_that_start_together_keep_their_tokens(tmp_path: Path) -> None:
    """A dozen laptops that tell one serial number, none of which was heard yet."""
    twins = [BootRequest(f"02:00:00:00:09:{n:02x}", f"10.0.9.{n}", serial="PF7") for n in range(12)]
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await engine.submit(Configured(Settings()))
        answers = await asyncio.gather(*map(engine.boot, twins))
        rows = [engine.authorise(each.token, twin.address) for each, twin in zip(answers, twins, strict=True)]
        assert len({row.id for row in rows if row is not None}) == len(twins)
        for twin, answer in zip(twins, answers, strict=True):
            disk = Disk("/dev/sda", 10**11, serial=twin.mac)
            facts = Facts(clean(serial="PF7", macs=[twin.mac]), disks=(disk,))
            await engine.submit(Hello(token_digest(answer.token), facts, twin.address))
        assert len([each for each in engine.workshop.laptops.values() if each.contact.hellos == 1]) == len(twins)


async def test_a_laptop_that_got_another_address_while_starting_is_believed_by_its_card(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", Streams(), Book()) as engine:
        await engine.submit(Configured(Settings()))
        first = await engine.boot(BootRequest(HONEST.mac, "10.0.9.9", proven=False))  # by a stranger
        answer = await engine.boot(HONEST)
        assert engine.authorise(first.token, "10.0.9.9") is None
        assert engine.authorise(answer.token, HONEST.address) is not None


async def test_of_two_laptops_that_get_one_number_in_the_same_moment_one_has_it(tmp_path: Path) -> None:
    async with running(tmp_path / "j", Streams(), Book()) as engine:
        for number in (1, 2):
            identity = clean(
                f"{number:08x}-1111-2222-3333-444455556666", f"S{number}", "Dell", "X", [f"02:00:00:00:00:0{number}"]
            )
            token = token_digest(str(number))
            await engine.submit(Booted(token, identity, f"02:00:00:00:00:0{number}", f"10.0.0.{number}"))
            await engine.submit(Hello(token, Facts(identity, f"02:00:00:00:00:0{number}", "uefi"), f"10.0.0.{number}"))
        for turn in range(20):
            asked = [
                engine.command(Command("tag", "page", ident, text=f"A-{turn}")) for ident in engine.workshop.laptops
            ]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(each, UsageError) for each in answers].count(True) == 1, answers
            assert sum(each.tag == f"A-{turn}" for each in engine.workshop.laptops.values()) == 1
