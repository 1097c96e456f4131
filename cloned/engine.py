"""Owns all state. One queue of events in; effects out, after the journal holds what caused them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import assert_never

from cloned.core.boot import STARTING_SECONDS, BootAnswer, BootRequest, answer_kind, identity_of, taken_for, unbelieved
from cloned.core.commands import VERBS, accept
from cloned.core.effect_types import CloseStream, Effect, OpenStream, Rates, Record, SetReceivers
from cloned.core.events import Booted, Command, Event
from cloned.core.evidence import Evidence
from cloned.core.ids import LaptopId, token_digest
from cloned.core.laptop import Laptop
from cloned.core.ledger_events import Disowned, Recorded, TagsUsed
from cloned.core.reducer import resume, step
from cloned.core.refusals import Refusal
from cloned.core.row_types import as_row
from cloned.core.workshop import Workshop
from cloned.effect_parts import AnothersRow, Casting, ResultStore
from cloned.errors import ClonedError, MissingError, RefusedError, UsageError
from cloned.journal import Journal, JournalEntry, JournalFull, UnwritableEvent
from cloned.newcomers import Newcomers
from cloned.remembering import Recall, Remembering
from cloned.saying import Phrase
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

Listener = Callable[[], None]
Follower = Callable[[Workshop, Workshop, Event, tuple[Effect, ...]], None]
"""Hears of each event: the state before and after it, and what is to be done."""
_Queued = tuple[JournalEntry, "asyncio.Future[Workshop]"]

WRITTEN_SECONDS = 5.0
"""How long somebody at a laptop or at the page waits until the disk takes what he asked for."""
TRIES = 6
"""So often an effect is tried that meets a fault of ours; one that the disk or network refuses is tried for ever."""

CHECKPOINT = 1000
"""Events after which the journal keeps the state, as soon as no laptop is at work: seconds of a start."""


class Engine:
    """The workshop's only writer.

    `submit` queues an event; it is journalled, in groups and off the loop, then takes effect. Effects run
    after that and may run again after a restart, so all of them are idempotent.
    """

    def __init__(
        self,
        journal: Journal,
        casting: Casting,
        ledger: ResultStore,
        clock: Callable[[], float] = time.time,
        recall: Recall | None = None,
    ) -> None:
        """`recall`: what the ledger knows of a machine that is not on the screen."""
        self.workshop = Workshop()
        self.clock = clock
        self._full: JournalFull | None = None
        self._appending = False
        """Whether the disk is being asked right now: what it may be taking nobody is told to be refused."""
        self._journal, self._casting, self._ledger = journal, casting, ledger
        self.remembering = Remembering(recall, lambda: self.workshop)
        self._writer = ThreadPoolExecutor(1, "journal")
        """Its own: whoever keeps the common threads busy must not hold up the workshop."""
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue()
        self._live = True
        """Whether what follows from an event is to be done: not while events are replayed."""
        self._effects: asyncio.Queue[Effect] = asyncio.Queue()
        self._results: asyncio.Queue[Effect] = asyncio.Queue()
        """Those for the ledger: one that is away must not hold streams up."""
        self._listeners: list[Listener] = []
        self.followers: list[Follower] = []
        """Called in order for each event that takes effect now, not for those that are replayed."""
        self._newcomers = Newcomers()
        self._faults = 0
        """Of one effect, one after the other."""
        self._unchecked = 0
        """Events since the journal's last checkpoint."""
        self._turn = asyncio.Lock()
        """Held while events are written down and take effect."""
        self.turns = 0
        """Groups of events gone through: whoever watches over us sees by it that we do not stand still."""

    @property
    def problem(self) -> str:
        """Why the journal cannot be written, while it cannot; else empty."""
        return "" if self._full is None else str(self._full)

    @property
    def backlog(self) -> int:
        """Events waiting to be written down."""
        return self._queue.qsize()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called after every change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def replay(self) -> int:
        """Bring the state back from the journal; returns the number of events gone through. Call before `run`."""
        self._live = False
        after, self.workshop = self._journal.restored()
        count = 0
        for entry in self._journal.entries(after):
            count += 1
            self._unchecked += _weight(entry.event)
            self._step(entry)
        self._live = True
        self._put_by(resume(self.workshop))
        return count

    async def submit(self, event: Event) -> Workshop:
        """Queue an event and wait until it is journalled and in effect; returns the state right after it.

        ClonedError where this event cannot be written down or gone through: that is its caller's trouble alone.
        """
        return await self._queued(event)

    def _queued(self, event: Event) -> asyncio.Future[Workshop]:
        done: asyncio.Future[Workshop] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((JournalEntry(self.clock(), secrets.token_hex(16), event), done))
        return done

    async def _in_time(self, event: Event) -> Workshop:
        """As `submit`, for somebody who waits: on a full disk JournalFull after a while, and it never happened."""
        done = self._queued(event)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITTEN_SECONDS):
                    return await asyncio.shield(done)
            if self._full is not None and not self._appending and not done.done():
                done.set_exception(self._full)
                raise done.exception() or self._full

    async def run(self) -> None:
        """Write events down and let them take effect, until cancelled."""
        while True:
            group = [await self._queue.get()]
            while not self._queue.empty() and len(group) < 500:
                group.append(self._queue.get_nowait())
            async with self._turn:
                for entry, done in await self._write(group):
                    self._apply(entry, done)
                self._changed()
                self._unchecked += sum(_weight(entry.event) for entry, _ in group)
                if self._unchecked >= CHECKPOINT and not self.workshop.active():
                    await self._checkpoint()

    def _changed(self) -> None:
        self.turns += 1
        for listener in list(self._listeners):
            _call(listener)

    async def rewrite(self, work: Callable[[Workshop], tuple[int, Workshop]]) -> int:
        """Have the journal changed while no event is written; `work`, in a thread, gives a count and the same state."""
        async with self._turn:
            count, self.workshop = await asyncio.to_thread(work, self.workshop)
            self._changed()
        return count

    async def close(self) -> None:
        """At an orderly end: keep the state, so that the next start need not go through the evening again."""
        async with self._turn:
            if self._unchecked:
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Keep the state while nobody is at work, so that the next start is quick."""
        try:
            await self._in_own_thread(self._journal.checkpoint, self.workshop)
        except MissingError as error:
            log.error("no checkpoint: %s", error)
        self._unchecked = 0

    def _apply(self, entry: JournalEntry, done: asyncio.Future[Workshop]) -> None:
        error = self._step(entry)
        if done.done():
            return
        if error is None:
            done.set_result(self.workshop)
        else:
            said = Phrase("{kind} could not be gone through ({error})", kind=entry.event.kind, error=error)
            done.set_exception(ClonedError(said, "see the log"))

    def _step(self, entry: JournalEntry) -> Exception | None:
        """Go through one event. One that cannot be gone through changes nothing, now and at each replay."""
        before = self.workshop
        try:
            self.workshop, effects = step(before, entry.event, entry.at, entry.entropy)
        except Exception as error:  # the boundary: one event must not end the evening for all
            log.exception("%s changes nothing: it cannot be gone through", entry.event.kind)
            return error
        if self._live:
            self._put_by(effects)
            for follower in self.followers:
                _call(partial(follower, before, self.workshop, entry.event, effects))
        return None

    async def _write(self, group: list[_Queued]) -> list[_Queued]:
        """Append to the journal, and return what was; on a full disk, say so and try again until there is room."""
        while group := [each for each in group if each[1].cancelled() or not each[1].done()]:  # not: told of the disk
            try:
                await self._append([entry for entry, _ in group])
            except JournalFull as error:
                self._full = error
                log.error("%s", error)
                await asyncio.sleep(1)
            except UnwritableEvent as error:
                _, done = group.pop(error.number)
                log.error("%s", error)
                if not done.done():
                    done.set_exception(error)
            else:
                self._full = None
                break
        return group

    async def _append(self, entries: list[JournalEntry]) -> None:
        self._appending = True
        try:
            await self._in_own_thread(self._journal.append, entries)
        finally:
            self._appending = False

    async def _in_own_thread(self, work: Callable[..., None], *args: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work, *args)

    def _put_by(self, effects: Iterable[Effect]) -> None:
        """To be carried out: a result waits for no stream that cannot be opened, and no stream for the ledger."""
        for effect in effects:
            (self._results if isinstance(effect, Record) else self._effects).put_nowait(effect)

    async def run_effects(self) -> None:
        """Carry effects out, until cancelled: results in their order, and all others in theirs."""
        owner = TaskOwner("effects")
        owner.start(self._carry_out_all(self._results), "results", service=True)
        try:
            await self._carry_out_all(self._effects)
        finally:
            await owner.close()

    async def _carry_out_all(self, queue: asyncio.Queue[Effect]) -> None:
        """In order. One that fails is tried again; the others of its queue wait."""
        while True:
            effect = await queue.get()
            pause = 1.0
            while not (await self._perform(effect) or self._moot(effect)):
                await asyncio.sleep(pause)
                pause = min(30.0, pause * 2)

    async def catch_up(self) -> None:
        """Carry out once what the replay left to do: streams are open again before a laptop can ask for them."""
        for _ in range(self._effects.qsize()):
            effect = self._effects.get_nowait()
            if not await self._perform(effect):
                self._effects.put_nowait(effect)

    def _moot(self, effect: Effect) -> bool:
        """Whether it is of a session that is over meanwhile: its image is gone, say, which it waits for."""
        if not isinstance(effect, OpenStream | SetReceivers):
            return False
        session = self.workshop.sessions.get(effect.session)
        return session is None or not session.open

    async def _perform(self, effect: Effect) -> bool:
        """Carry one effect out; False if it is to be tried again."""
        try:
            await self._carry_out(effect)
        except (ClonedError, OSError) as error:
            log.error("%s: %s; trying again", type(effect).__name__, error)
            return False
        except Exception:  # the boundary: what one effect met must not keep the others from being carried out
            self._faults += 1
            log.exception("%s failed%s", type(effect).__name__, "" if self._faults % TRIES else "; it is given up")
            return self._faults % TRIES == 0
        self._faults = 0
        return True

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case OpenStream():
                await self._casting.open(effect)
            case SetReceivers():
                await self._casting.settle(effect)
            case Rates():
                await self._casting.limit(effect)
            case CloseStream():
                await self._casting.shut(effect.session)
            case Record():
                await self._record(effect.row)
            case _:
                assert_never(effect)

    async def _record(self, row: Mapping[str, object]) -> None:
        ident, attempt = LaptopId(as_row(row)["laptop"]), int(as_row(row)["attempt"])
        try:
            await self._ledger.record(row)
        except AnothersRow as error:
            log.warning("%s: the result waits for an id of its own", error)
            await self.submit(Disowned(ident, attempt))
        else:
            await self.submit(Recorded(ident, attempt))

    # What the rooms ask of the engine

    def laptop(self, ident: str) -> Laptop:
        """The laptop with this id; UsageError if there is none."""
        found = self.workshop.laptops.get(LaptopId(ident))
        if found is None:
            raise UsageError(Phrase("there is no laptop {ident}", ident=ident), "see `cloned laptops`")
        return found

    async def boot(self, request: BootRequest) -> BootAnswer:
        """Decide what a laptop boots, and give it a token that revokes its older ones.

        ClonedError where too many come that nobody has seen before, or this laptop is just starting elsewhere.
        """
        token, identity = secrets.token_urlsafe(24), identity_of(request)
        event = Booted(token_digest(token), identity, request.mac, request.address, request.proven)
        if unbelieved(self.workshop, event, self.clock()):
            raise _starting()
        known = self.admit(taken_for(self.workshop, event, self.clock()), request.address)
        if known is None:
            event = replace(event, known=await self.remembering.of(Evidence(identity)))
        state = await self._in_time(event)
        boot = state.boots.get(event.token)
        if boot is None:  # two asked at once
            raise _starting()
        laptop = state.laptops[boot.laptop] if boot.laptop is not None else known
        if laptop is None:
            said = Phrase("a boot request of {mac} came to nothing", mac=request.mac)
            raise ClonedError(said, "switch the laptop off and on again")
        kind, why = answer_kind(state, laptop, self.clock())
        return BootAnswer(kind, token, why, laptop.tag, str(laptop.state), laptop.goal.image)

    def admit(self, known: Laptop | None, address: str) -> Laptop | None:
        """Let `known` in, or a new one where it is None; ClonedError where too many come that nobody has seen."""
        if known is None:
            self._newcomers.admit(address)
        return known

    def authorise(self, token: str, address: str) -> Laptop | None:
        """The laptop that holds this boot token at this address; None if the token is unknown or revoked."""
        boot = self.workshop.boots.get(token_digest(token))
        if boot is None or boot.address != address or boot.laptop is None:
            return None
        return self.workshop.laptops.get(boot.laptop)

    async def command(self, asked: Command) -> Mapping[str, object]:
        """Have a command obeyed, and return what whoever asked is told; RefusedError says why not."""
        command = accept(self.workshop, asked)
        if isinstance(command, Refusal):
            raise RefusedError(command)
        told = VERBS[command.do].answer(await self._in_time(command), command)
        if isinstance(told, Refusal):
            raise RefusedError(told)
        return told


def _weight(event: Event) -> int:
    """How long it takes to go through, in events: one that names thousands of numbers is worth a checkpoint."""
    return 1 + len(event.tags) if isinstance(event, TagsUsed) else 1


def _starting() -> ClonedError:
    return ClonedError(
        "this laptop, by its MAC address, is just starting at another address",
        Phrase("if that is this one, switch it off and on again in {starting} s", starting=f"{STARTING_SECONDS:.0f}"),
    )


def _call(listener: Listener) -> None:
    """Tell a listener; its faults are its own."""
    try:
        listener()
    except Exception:  # the boundary: whoever watches must not end the engine
        log.exception("a listener of the engine failed")
