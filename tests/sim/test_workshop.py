"""Whole evenings in a workshop, thousands of laptops, by the very functions the daemon runs.

A failing seed replays exactly: `run(seed, laptops)` draws everything from it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from cloned.core.events import (
    Audience,
    Booted,
    Command,
    Configured,
    Confirmed,
    Effect,
    Ejected,
    Event,
    Failed,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    OpenStream,
    Ready,
    Record,
    Returned,
    Settings,
    StreamEnded,
    SwitchChanged,
    Tick,
    Vanished,
    Verifying,
)
from cloned.core.ids import LaptopId, clean, token_digest
from cloned.core.laptop import Difference, Disk, Facts, State, VerdictKind
from cloned.core.snapshot import snapshot
from cloned.core.step import step
from cloned.core.workshop import Workshop
from cloned.journal import Entry

IMAGES = [ImageInfo(f"school-{n}", f"{n:064x}", 10**9, 10**10, classic=n == 2, streams=3) for n in range(3)]
CLASSIC = IMAGES[2].name
WRONG = Difference("sda2", 4096, 8191, 1)


@dataclass
class Evening:
    """A workshop being driven: state, journal, and everything that came out."""

    chance: random.Random
    now: float = 1_000_000.0
    state: Workshop = field(default_factory=Workshop)
    journal: list[Entry] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def happen(self, event: Event) -> None:
        self.now += self.chance.random()
        entry = Entry(self.now, self.chance.randbytes(16).hex(), event)
        before = self.state
        self.state, effects = step(before, event, entry.at, entry.entropy)
        self.journal.append(entry)
        self.effects.extend(effects)
        check(before, self.state, event)


def check(before: Workshop, after: Workshop, event: Event) -> None:
    """What must hold after every event (DESIGN: "What must hold")."""
    active = list(after.active())
    started = [laptop for laptop in active if laptop.state is State.READY and laptop != before.laptops.get(laptop.id)]
    assert not started or len(active) <= after.places
    for laptop in started:
        given = laptop.confirmation
        assert given is not None
        assert (given.disk, given.image) == (laptop.disk, laptop.image)
        assert laptop.disk in {disk.key for disk in laptop.eligible()}
        assert after.images[given.image].image_hash == given.image_hash
    for laptop in active:
        if laptop.state is not State.FINISHING:
            assert laptop.session is not None
            assert after.sessions[laptop.session].open
            assert after.sessions[laptop.session].image == laptop.image
            assert laptop.id in after.sessions[laptop.session].members
    for ident, session in after.sessions.items():
        was = before.sessions.get(ident)
        assert session.classic == (session.port > 0)
        if was is not None and was.started is not None:
            assert session.members == was.members
            assert set(session.receivers) <= set(was.receivers)
        if session.classic:
            mine = range(session.port, session.port + 2 * session.streams)
            assert not any(
                set(mine) & set(range(each.port, each.port + 2 * each.streams))
                for each in after.sessions.values()
                if each.classic and each.id != ident
            )
    changed = [laptop for ident, laptop in after.laptops.items() if laptop is not before.laptops.get(ident)]
    for laptop in changed:
        if laptop.state in (State.DONE, State.FINISHING):
            assert laptop.verdict is VerdictKind.VERIFIED
            assert laptop.confirmation is None
            assert laptop.image_hash == after.images[laptop.image].image_hash


class Machine:
    """One simulated laptop: boots, says hello, and then behaves as its chances have it."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number, self.chance = number, chance
        self.serial = f"PF{number:06d}" if chance.random() < 0.9 else "Default string"
        self.uuid = f"{number:08x}-1111-2222-3333-444455556666" if chance.random() < 0.9 else "0" * 8
        self.mac = f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        self.disks = [self.disk(n) for n in range(1 if chance.random() < 0.95 else 2)]
        self.boots, self.token = 0, ""

    def disk(self, n: int) -> Disk:
        size = 5 * 10**9 if self.chance.random() < 0.03 else 256 * 10**9
        return Disk(f"/dev/sd{'ab'[n]}", size, serial=f"D{self.number}-{n}")

    def boot(self, evening: Evening) -> None:
        self.boots += 1
        self.token = token_digest(f"{self.number}.{self.boots}")
        identity = clean(self.uuid, self.serial, "Dell Inc.", f"Latitude {self.number % 4}", [self.mac])
        self.address = f"10.0.{self.number >> 8}.{self.number & 255}"
        evening.happen(Booted(self.token, identity, self.mac, self.address))
        evening.happen(Hello(self.token, Facts(identity, self.mac, "uefi", disks=tuple(self.disks)), self.address))

    def ident(self, evening: Evening) -> LaptopId | None:
        boot = evening.state.boots.get(self.token)
        return boot.laptop if boot is not None else None

    def act(self, evening: Evening) -> None:  # noqa: C901, RET503 - one table of what happens in which state
        """Do what an agent would do next in its state, or fail at it."""
        ident = self.ident(evening)
        if ident is None:
            return self.boot(evening)
        laptop = evening.state.laptops[ident]
        luck = self.chance.random()
        if laptop.active and luck < 0.02:
            return evening.happen(Vanished(ident))
        if laptop.active and luck < 0.04:
            return self.boot(evening)
        if laptop.active and luck < 0.045:
            return evening.happen(Failed(ident, "disk-write-error", "sector 1"))
        match laptop.state:
            case State.ASKING:
                self.ask(evening, ident)
            case State.READY if laptop.session:
                evening.happen(Ready(ident, laptop.session, laptop.disk, ("gpt",), True))
            case State.RECEIVING if waits_for_stream(evening, ident):
                self.stream(evening, ident)
            case State.RECEIVING if laptop.session and luck < 0.5:
                evening.happen(Verifying(ident, laptop.session))
            case State.RECEIVING | State.VERIFYING if laptop.session:
                evening.happen(self.verdict(evening, ident))
            case State.FINISHING:
                evening.happen(Finished(ident, (("grow", "done", ""),)))
            case State.GONE:
                evening.happen(Returned(ident)) if luck < 0.5 else self.boot(evening)
            case _ if luck > 0.95:
                evening.happen(Tick())

    def stream(self, evening: Evening, ident: LaptopId) -> None:
        """What happens around a laptop of a classic session: the others gather, the stream ends or breaks off."""
        laptop = evening.state.laptops[ident]
        assert laptop.session is not None
        luck = self.chance.random()
        if evening.state.sessions[laptop.session].started is None:
            evening.now += 5
            evening.happen(Command("start", "page", image=CLASSIC) if luck < 0.1 else Tick())
        elif luck < 0.3:
            evening.happen(Ejected(laptop.session, laptop.address, "8 s"))
        else:
            evening.happen(StreamEnded(laptop.session, "the daemon ended" if luck < 0.4 else "", again=True))

    def ask(self, evening: Evening, ident: LaptopId) -> None:
        image = self.chance.choice(IMAGES).name
        evening.happen(Confirmed(ident, self.chance.choice(self.disks).key, image, "page"))

    def verdict(self, evening: Evening, ident: LaptopId) -> Judged:
        laptop = evening.state.laptops[ident]
        session = laptop.session
        assert session is not None
        right = self.chance.random() < 0.9
        image_hash = evening.state.images[laptop.image].image_hash if right else "f" * 64
        kind = VerdictKind.VERIFIED if right else VerdictKind.DIFFERS
        differs = () if right else (WRONG,)
        return Judged(ident, session, laptop.attempts + 1, kind, len(differs), differs, image_hash, 10**9)


def run(seed: int, laptops: int, confirm: str = "auto") -> Evening:
    chance = random.Random(seed)
    evening = Evening(chance)
    evening.happen(Configured(Settings(confirm=confirm, default_image="school-0")))
    for image in IMAGES:
        evening.happen(ImageKnown(image))
    evening.happen(SwitchChanged(24, "24 ports", 1000))
    machines = [Machine(number, chance) for number in range(1, laptops + 1)]
    arriving, here = machines[:], []
    for _ in range(laptops * 40):
        if arriving and (len(here) < 30 or chance.random() < 0.01):
            here.append(arriving.pop())
            here[-1].boot(evening)
        chance.choice(here).act(evening)
        if chance.random() < 0.01:
            command(evening, chance)
        here = [each for each in here if not settled(each, evening)]
        if not here and not arriving:
            break
        here = here or [arriving.pop()]
    return evening


def waits_for_stream(evening: Evening, ident: LaptopId) -> bool:
    joined = evening.state.laptops[ident].session
    session = evening.state.sessions[joined] if joined is not None else None
    return session is not None and session.classic and session.sent is None


def settled(machine: Machine, evening: Evening) -> bool:
    ident = machine.ident(evening)
    return ident is not None and evening.state.laptops[ident].state in (State.DONE, State.ASIDE)


def command(evening: Evening, chance: random.Random) -> None:
    laptop = chance.choice(sorted(evening.state.laptops))
    image = chance.choice(IMAGES).name
    do = chance.choice(
        ["retry", "pause", "continue", "exclude", "move", "tag", "cancel"][: 7 if chance.random() < 0.1 else 6]
    )
    target = "" if do == "cancel" else laptop
    evening.happen(Command(do, "page", target, image, "A-17"))  # type: ignore[arg-type]
    if chance.random() < 0.5:
        evening.happen(Command("continue", "page"))


@pytest.mark.parametrize("seed", range(30))
def test_every_evening_keeps_what_must_hold(seed: int) -> None:
    evening = run(seed, 40, confirm="auto" if seed % 2 else "ask")
    rows = [effect.row for effect in evening.effects if isinstance(effect, Record)]
    keys = [(row["laptop"], row["attempt"]) for row in rows]
    assert len(keys) == len(set(keys))
    for row in rows:
        assert row["state"] != "done" or row["verdict"] == "verified"
    assert any(row["state"] == "done" for row in rows)


@pytest.mark.parametrize("seed", range(5))
def test_the_journal_replays_to_the_same_state(seed: int) -> None:
    from cloned.journal import _EVENTS

    evening = run(seed, 25)
    state = Workshop()
    for entry in evening.journal:
        event = _EVENTS.validate_json(_EVENTS.dump_json(entry.event))
        state, _ = step(state, event, entry.at, entry.entropy)
    assert state == evening.state


def test_classic_sessions_start_and_end() -> None:
    """Streams begin for somebody, and nobody gets one twice or joins one that runs."""
    evening = run(5, 100, confirm="ask")
    sessions = [each for each in evening.state.sessions.values() if each.classic]
    assert any(each.sent is not None and len(each.members) > 1 for each in sessions)
    assert any(each.ejected for each in sessions)
    audiences = [effect for effect in evening.effects if isinstance(effect, Audience)]
    assert {each.session for each in audiences} == {each.id for each in sessions if each.started is not None}
    for session in sessions:
        sizes = [len(each.addresses) for each in audiences if each.session == session.id]
        assert sizes == sorted(sizes, reverse=True)


def test_a_thousand_laptops_take_seconds() -> None:
    evening = run(7, 1000)
    assert sum(laptop.state is State.DONE for laptop in evening.state.laptops.values()) > 800
    assert snapshot(evening.state, {}, evening.now)["capacity"]["taken"] <= 24


def test_a_stream_is_opened_before_anybody_is_told_of_it() -> None:
    evening = run(3, 20)
    opened = {effect.session for effect in evening.effects if isinstance(effect, OpenStream)}
    assert opened == set(evening.state.sessions)
