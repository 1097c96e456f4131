"""What is taken out of the journal, and leads nowhere else: names of people, and what a laptop was known by.

Events stay, for a replay needs each. A name becomes "somebody". Of a laptop that is forgotten everywhere, serial
numbers, UUID and MAC addresses become others drawn by chance, the same ones all through, and it keeps its id. Before
anything is written, a replay must lead to the very state that there is; else nothing is changed, and that is said.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from cloned.core.disks import Disk
from cloned.core.events import Booted, Command, Event, Hello
from cloned.core.fillers import usable_text
from cloned.core.ids import Identity, LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop
from cloned.core.ledger_events import TagsUsed
from cloned.core.reducer import step
from cloned.core.tagged import TagGiven
from cloned.core.workshop import Workshop
from cloned.engine import Engine
from cloned.errors import ClonedError, UsageError
from cloned.journal import Journal, JournalEntry, event_of, plain, state_of
from cloned.saying import Phrase

Room = Callable[[Command], Awaitable[Mapping[str, object]]]
SOMEBODY = "somebody"
AT_ONCE = 500
"""Entries that are read together."""
SHORTEST = 4
"""Characters of a serial number that is looked for inside other texts."""
LEAST_NAME = 2
UNSAID = "-"
"""In place of what somebody wrote in words of their own."""


def nameless(data: object, name: str) -> object:
    """Plain data of an event or a state in which nobody of this name acted."""
    if isinstance(data, Mapping):
        return {
            key: SOMEBODY if key == "by" and value == name else nameless(value, name) for key, value in data.items()
        }
    return [nameless(each, name) for each in data] if isinstance(data, list | tuple) else data


class Aliases:
    """Others, drawn by chance, for what a laptop was known by; the same text always becomes the same."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, identity: Identity, disks: tuple[Disk, ...] = ()) -> None:
        """Make an alias for each of these, except for fillers that makers leave on many laptops."""
        for mac in identity.macs:
            self._known.setdefault(mac, mac[:9] + secrets.token_bytes(3).hex(":"))
        if identity.uuid:
            self._known.setdefault(identity.uuid, str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))
        for text in (identity.serial, *(each for disk in disks for each in (disk.serial, disk.wwn))):
            if len(text) >= SHORTEST and usable_text(text):
                self._known.setdefault(text, f"GONE-{secrets.token_hex(6).upper()}")

    def __call__(self, data: object) -> object:
        """Plain data with all that is known put into other words."""
        if isinstance(data, str):
            for old in sorted(self._known, key=len, reverse=True):
                data = data.replace(old, self._known[old]).replace(old.upper(), self._known[old])
            return data
        if isinstance(data, Mapping):
            return {key: self(value) for key, value in data.items()}
        return [self(each) for each in data] if isinstance(data, list | tuple) else data


class Unnamed:
    """A replay of the journal beside one in which a laptop goes by other names."""

    def __init__(self, laptop: LaptopId) -> None:
        self._laptop, self._aliases = laptop, Aliases()
        self.before, self.after = Workshop(), Workshop()
        self.changed: dict[int, Event] = {}
        self.seen = 0
        """Number of the last entry."""
        self.moved = False
        """Whether it had another id first; what was told of that id then belongs to it, too."""

    def take(self, number: int, entry: JournalEntry) -> None:
        """One more entry."""
        self.seen, known = number, self.before.laptops
        self.before = _stepped(self.before, entry)
        if self._laptop not in known and self._laptop in self.before.laptops:
            self.moved = self.moved or _went_by_another(known.values(), self.before.laptops[self._laptop])
        event = self._changed(entry.event, new=self._laptop not in known)
        if event != entry.event:
            self.changed[number] = event
        self.after = _stepped(self.after, replace(entry, event=event))

    def _changed(self, event: Event, new: bool) -> Event:
        if isinstance(event, TagsUsed):
            return replace(event, tags=tuple(_bare(each, self._laptop) for each in event.tags))
        if isinstance(event, Booted | Hello):
            boot = self.before.boots.get(event.token)
            if boot is None or boot.laptop != self._laptop:
                return event
            if isinstance(event, Hello):
                self._aliases.learn(event.facts.identity, event.facts.disks)
            else:
                self._aliases.learn(event.identity)
            if new and not (event.known and event.known.laptop):  # it keeps its id, which was made of what is gone now
                known = replace(event.known or KnownToLedger(), laptop=self._laptop, weighed=False)
                event = replace(event, known=known)
        elif self._laptop not in (getattr(event, "laptop", ""), _target(event)):
            return event
        elif isinstance(event, Command):
            event = _wordless(event)
        return event_of(self._aliases(plain(event)))

    @property
    def same(self) -> bool:
        """Whether both lead to one state."""
        return self.before == self.after


def _went_by_another(before: Iterable[Laptop], laptop: Laptop) -> bool:
    """Whether a laptop that was heard is this one, under an id that the ledger took from it (core/weighing.py)."""
    return any(
        (each.number, each.first_seen) == (laptop.number, laptop.first_seen)
        for each in before
        if each.contact.hellos and each.id != laptop.id
    )


def _stepped(state: Workshop, entry: JournalEntry) -> Workshop:
    """An event that could not be gone through changes nothing, as it did then."""
    try:
        return step(state, entry.event, entry.at, entry.entropy)[0]
    except Exception:  # the boundary: as the engine's
        return state


def _target(event: Event) -> str:
    return event.target if isinstance(event, Command) else ""


def _wordless(event: Command) -> Command:
    """Without what people typed in their own words, which may be about anybody."""
    text = UNSAID if event.do == "note" and event.text else event.text
    return replace(event, text=text, why=UNSAID if event.why else "")


def _bare(given: TagGiven, laptop: LaptopId) -> TagGiven:
    return replace(given, laptop=LaptopId(""), uuid="", serial="", macs=()) if given.laptop == laptop else given


def _gone(told: Mapping[str, object]) -> Phrase:
    """What went of a laptop, and where something stays."""
    gone = Phrase(
        "gone are {results} {results:result|results}, {lines} {lines:line|lines} of files "
        "and what {entries} {entries:entry|entries} of the journal said",
        results=told.get("results", 0), lines=told.get("lines", 0), entries=told.get("entries", 0),
    )  # fmt: skip
    stays = told.get("stays") or []
    if not isinstance(stays, list) or not stays:
        return Phrase("{gone}; backups that were made before still hold it", gone=gone)
    return Phrase("{gone}; backups that were made before still hold it, and so does what {sinks} got",
                  gone=gone, sinks=", ".join(map(str, stays)))  # fmt: skip


class Forgetting:
    """Takes out of journal and state what must not stand there any more."""

    def __init__(self, engine: Engine, journal: Journal, ledger: Room | None = None) -> None:
        """`ledger`: who takes a laptop out of the ledger, first; says which laptop that was."""
        self._engine, self._journal, self._ledger = engine, journal, ledger

    def rooms(self) -> dict[str, Room]:
        """What it carries out, by verb."""
        return {"forget": self.everywhere, "forget-name": self.name}

    async def everywhere(self, command: Command) -> Mapping[str, object]:
        """`forget`, with `everywhere`: out of the ledger, and then out of the journal too."""
        told = await self._ledger(command) if self._ledger is not None else {}
        if "laptop" not in told:
            return told
        told = {**told, "entries": await self.laptop(str(told["laptop"]))}
        return {**told, "state": _gone(told)}

    async def name(self, command: Command) -> Mapping[str, object]:
        """`forget-name`: whoever is called so acted as "somebody". UsageError where the name is too short to be one."""
        name = command.text.strip()
        if len(name) < LEAST_NAME:
            raise UsageError("a name is needed", "cloned user forget NAME")

        def work(state: Workshop) -> tuple[int, Workshop]:
            found = self._journal.holding(name)
            changed = {number: event_of(nameless(data, name)) for number, data in found}
            state = state_of(nameless(plain(state), name))
            self._journal.rewrite(changed, state)
            return len(changed), state

        count = await self._engine.rewrite(work)
        return {"entries": count, "state": Phrase("{count} {count:entry|entries} of the journal changed", count=count)}

    async def laptop(self, ident: str) -> int:
        """What a laptop was known by, out of every entry; returns how many. ClonedError where that cannot be."""
        walk = Unnamed(LaptopId(ident))
        await asyncio.to_thread(self._read, walk)

        def work(state: Workshop) -> tuple[int, Workshop]:
            self._read(walk)  # what came meanwhile
            if walk.moved or not walk.same:
                raise ClonedError(
                    Phrase("laptop {ident} stays in the journal: without it others would stand elsewhere", ident=ident),
                    "its results are gone; the journal goes when the state is moved away",
                )
            if walk.changed:
                self._journal.rewrite(walk.changed, state)
            return len(walk.changed), state

        return await self._engine.rewrite(work)

    def _read(self, walk: Unnamed) -> None:
        while part := self._journal.numbered(walk.seen, AT_ONCE):
            for number, entry in part:
                walk.take(number, entry)
