"""A workshop's evening, driven by chance: laptops, people, a switch, clocks, and a daemon that dies between effects.

Everything is drawn from one seed, so `run(SEED, LAPTOPS)` replays a failure exactly. What must hold is looked at
after every event (`check`) and at the end (`Evening.settled`).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cloned.core.clocks import SLACK_SECONDS
from cloned.core.disks import Disk
from cloned.core.effect_types import CloseStream, Effect, OpenStream, Record
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Confirmed,
    Ejected,
    Event,
    Failed,
    Finished,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Located,
    Ready,
    Returned,
    Settings,
    Stalled,
    StreamEnded,
    SwitchChanged,
    Tick,
    Vanished,
    Verifying,
)
from cloned.core.ids import LaptopId, SessionId, clean, token_digest
from cloned.core.laptop import Difference, Facts, Laptop, State, VerdictKind
from cloned.core.ledger_events import Recorded
from cloned.core.reducer import resume
from cloned.core.workshop import Workshop
from tests.sim.invariants import check, joined, word
from tests.story import Telling, replayed

IMAGES = [ImageInfo(f"school-{n}", f"{n:064x}", 10**9, 10**10, classic=n == 2, streams=3) for n in range(3)]
CLASSIC = IMAGES[2].name
WRONG = Difference("sda2", 4096, 8191, 1)
HOLDS_SECONDS = 12 * 3600.0
"""Seconds that a confirmation holds."""
DEATH = 0.1
"""Chance that the daemon dies before an effect."""


@dataclass
class Outside:
    """What effects change: streams that are sent, and the ledger."""

    streams: set[SessionId] = field(default_factory=set)
    ledger: dict[tuple[str, int], dict[str, object]] = field(default_factory=dict)

    def _record(self, record: Record) -> Event:
        """The same row may come again; one that is told again later says so, and has but another name."""
        row = record.row
        laptop, attempt = str(row["laptop"]), int(str(row["attempt"]))
        before = self.ledger.get((laptop, attempt), row)
        changed = {name for name in {*before, *row} if before.get(name) != row.get(name)}
        assert changed <= {"amended", "tag", "organisation"}, (
            f"attempt {attempt} of {laptop} was recorded differently: {changed}"
        )
        assert not changed or "amended" in row, f"attempt {attempt} of {laptop} was told again without saying so"
        self.ledger[laptop, attempt] = row
        return Recorded(LaptopId(laptop), attempt)

    def perform(self, effect: Effect) -> Event | None:
        """Carry an effect out, once or again; the event that comes of it."""
        match effect:
            case OpenStream(interrupted=True):
                self.streams.add(effect.session)
                return StreamEnded(effect.session, "the daemon was restarted", again=True)
            case OpenStream():
                self.streams.add(effect.session)
            case CloseStream():
                self.streams.discard(effect.session)
            case Record():
                return self._record(effect)
        return None


class Evening(Telling):
    """A workshop that is driven by chance, and whose daemon may die (`deadly`)."""

    def __init__(self, chance: random.Random, deadly: bool = False) -> None:
        self.chance, self.deadly = chance, deadly
        self.todo: deque[Effect] = deque()
        self.true = 0.0
        """Seconds that really passed, whatever the server's clock says."""
        self.given: dict[LaptopId, float] = {}
        """When each laptop's confirmation was given, by `true`."""
        self.outside, self.deaths = Outside(), 0
        self.proven = 0, Workshop()
        """What a replay of so many entries gave, at the last death."""
        self.calm = False
        """Nothing goes wrong any more, so that everybody must come to an end."""
        super().__init__(now=1_000_000.0)

    def draw(self) -> str:
        return self.chance.randbytes(16).hex()

    def heed(self, effects: Sequence[Effect]) -> None:
        super().heed(effects)
        self.todo.extend(effects)

    def happen(self, event: Event) -> None:
        """`event`, and all that follows."""
        self._note(event)
        while self.todo:
            if self.deadly and not self.calm and self.chance.random() < DEATH:
                self._die()
                continue
            answer = self.outside.perform(self.todo.popleft())
            if answer is not None:
                self._note(answer)

    def _note(self, event: Event) -> None:
        before = self.state
        self._pass_time()
        self.tell(event, 0.0)
        check(before, self.state)
        self._hold(before, event)

    def _pass_time(self) -> None:
        """A moment, seldom a night; and now and then somebody sets the server's clock."""
        passed = self.chance.random()
        if self.deadly and not self.calm and self.chance.random() < 0.002:
            passed = self.chance.choice((3 * 3600.0, HOLDS_SECONDS + 600.0))  # a pause, or a night
        self.now, self.true = self.now + passed, self.true + passed
        if self.deadly and not self.calm and self.chance.random() < 0.001:
            self.now = max(0.0, self.now + self.chance.choice((-86400.0, -600.0, 600.0, 50_000.0)))

    def _hold(self, before: Workshop, event: Event) -> None:
        """No confirmation opens the way to writing later than it may, whatever the clock was set to."""
        for ident, laptop in self.state.laptops.items():
            was = before.laptops.get(ident)
            if laptop is was:
                continue
            given = laptop.goal.confirmation
            anew = isinstance(event, Confirmed) and event.laptop == ident
            if given is not None and (anew or was is None or word(was.goal.confirmation) != word(given)):
                self.given[ident] = self.true
            if given is not None and laptop.state is State.READY and joined(was, laptop):
                assert self.true - self.given[ident] <= HOLDS_SECONDS + SLACK_SECONDS, (
                    "an old confirmation started a clone"
                )

    def _die(self) -> None:
        """SIGKILL: streams and effects are gone, the journal stays."""
        self.deaths += 1
        self.outside.streams.clear()
        proven, state = self.proven
        self.proven = len(self.journal), replayed(self.journal[proven:], state)
        assert self.proven[1] == self.state
        self.todo = deque(resume(self.state))

    def settled(self) -> None:
        """What must hold at the end: nothing that was reported is lost, nothing is sent for nobody."""
        assert not self.state.unrecorded
        assert self.outside.streams == {ident for ident, each in self.state.sessions.items() if each.open}
        for laptop in self.state.laptops.values():
            assert laptop.state in (State.DONE, State.ASIDE), (laptop.state, laptop.history[-3:])
            assert not laptop.job.open
            jobs = {attempt for ident, attempt in self.outside.ledger if ident == laptop.id}
            assert jobs == set(range(1, laptop.job.number + 1))


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
        if self.boots > 1 and evening.deadly and not evening.calm and self.chance.random() < 0.2:
            self.disks = [replace(self.disks[0], serial=f"D{self.number}-{self.boots}-new")]
        self.token = token_digest(f"{self.number}.{self.boots}")
        identity = clean(self.uuid, self.serial, "Dell Inc.", f"Latitude {self.number % 4}", [self.mac])
        self.address = f"10.0.{self.number >> 8}.{self.number & 255}"
        evening.happen(Booted(self.token, identity, self.mac, self.address))
        identity = replace(identity, macs=(self.mac, f"02:00:01{self.mac[8:]}"))  # two cards prove it with any disk
        evening.happen(Hello(self.token, Facts(identity, self.mac, "uefi", disks=tuple(self.disks)), self.address))

    def ident(self, evening: Evening) -> LaptopId | None:
        boot = evening.state.boots.get(self.token)
        return boot.laptop if boot is not None else None

    def done_with(self, evening: Evening) -> bool:
        """Whether nothing more will happen to it by itself."""
        ident = self.ident(evening)
        return ident is not None and evening.state.laptops[ident].state in (State.DONE, State.ASIDE)

    def act(self, evening: Evening) -> None:
        """Do what an agent would do next in its state, or fail at it."""
        ident = self.ident(evening)
        if ident is None:
            self.boot(evening)
        elif evening.calm or not self.fail(evening, evening.state.laptops[ident]):
            self.go_on(evening, evening.state.laptops[ident])

    def fail(self, evening: Evening, laptop: Laptop) -> bool:
        """Perhaps something goes wrong; whether it did."""
        luck = self.chance.random()
        if not laptop.active or luck > 0.05:
            return False
        if luck < 0.02:
            evening.happen(Vanished(laptop.id))
        elif luck < 0.04:
            self.boot(evening)
        elif luck < 0.045:
            evening.happen(Failed(laptop.id, "disk-write-error", "sector 1"))
        else:
            evening.happen(Stalled(laptop.id, 300))
        return True

    def go_on(self, evening: Evening, laptop: Laptop) -> None:
        luck = self.chance.random()
        match laptop.state:
            case State.ASKING:
                self.ask(evening, laptop)
            case State.READY if laptop.session:
                evening.happen(Ready(laptop.id, laptop.session, laptop.goal.disk, ("gpt",), True))
            case State.RECEIVING if waits_for_stream(evening, laptop):
                self.stream(evening, laptop)
            case State.RECEIVING if laptop.session and luck < 0.5:
                evening.happen(Verifying(laptop.id, laptop.session))
            case State.RECEIVING | State.VERIFYING if laptop.session:
                evening.happen(self.verdict(evening, laptop))
            case State.FINISHING:
                failed = not evening.calm and luck < 0.03
                evening.happen(Finished(laptop.id, (("grow", "failed" if failed else "done", ""),)))
            case State.GONE if luck < 0.5:
                evening.happen(Returned(laptop.id))
            case State.GONE:
                self.boot(evening)
            case _ if luck > 0.95:
                evening.happen(Tick())

    def ask(self, evening: Evening, laptop: Laptop) -> None:
        """Somebody confirms it, or switches it off and on."""
        if not evening.calm and self.chance.random() < 0.25:
            self.boot(evening)
            return
        disk, image = self.chance.choice(self.disks), self.chance.choice(IMAGES)
        evening.happen(Confirmed(laptop.id, disk.key, image.name, "page"))

    def stream(self, evening: Evening, laptop: Laptop) -> None:
        """What happens around a laptop of a classic session: the others gather, the stream ends or breaks off."""
        assert laptop.session is not None
        luck = self.chance.random()
        if evening.state.sessions[laptop.session].started is None:
            evening.now += 5
            evening.happen(Command("start", "page", image=CLASSIC) if luck < 0.1 else Tick())
        elif luck < 0.3 and not evening.calm:
            evening.happen(Ejected(laptop.session, laptop.contact.address, "8 s"))
        else:
            error = "a stranger connected" if luck < 0.4 and not evening.calm else ""
            evening.happen(StreamEnded(laptop.session, error, again=True))

    def verdict(self, evening: Evening, laptop: Laptop) -> Judged:
        session = laptop.session
        assert session is not None
        right = evening.calm or self.chance.random() < 0.9
        image_hash = evening.state.images[laptop.goal.image].image_hash if right else "f" * 64
        kind = VerdictKind.VERIFIED if right else VerdictKind.DIFFERS
        differs = () if right else (WRONG,)
        return Judged(laptop.id, session, laptop.job.rounds + 1, kind, len(differs), differs, image_hash, 10**9)


def waits_for_stream(evening: Evening, laptop: Laptop) -> bool:
    session = evening.state.sessions[laptop.session] if laptop.session is not None else None
    return session is not None and session.classic and session.sent is None


def people(evening: Evening) -> None:
    """Somebody does something by hand."""
    chance = evening.chance
    laptop, image = chance.choice(sorted(evening.state.laptops)), chance.choice(IMAGES).name
    doings = ["retry", "pause", "continue", "exclude", "move", "tag", "hold", "batch", "lent", "cancel"]
    do = chance.choice(doings if chance.random() < 0.1 else doings[:-1])
    target = "" if do in ("cancel", "hold", "batch") else laptop
    text = f"Latitude {chance.randrange(4)}" if do == "batch" else "yes" if do == "lent" else "A-17"
    evening.happen(Command(do, "page", target, image, text, until=evening.now + 3600))  # type: ignore[arg-type]
    if chance.random() < 0.5:
        evening.happen(Command("continue", "page"))


def surroundings(evening: Evening) -> None:
    """The switch says something new, an image is saved anew, or an agent says something twice, late, or untrue."""
    chance, luck = evening.chance, evening.chance.random()
    if luck < 0.2:
        evening.happen(SwitchChanged(chance.randrange(4, 25), "the switch", chance.choice((100, 1000))))
    elif luck < 0.4:
        ident = LaptopId(chance.choice(sorted(evening.state.laptops)))
        evening.happen(Located(ident, str(chance.randrange(24)), chance.choice((None, 100, 1000))))
    elif luck < 0.55:
        image = evening.state.images[chance.choice(IMAGES).name]
        busy = any(each.goal.image == image.name for each in evening.state.active())
        evening.happen(ImageKnown(image if busy else replace(image, image_hash=chance.randbytes(32).hex())))
    else:
        evening.happen(chance.choice(evening.journal[-200:]).event)


def run(seed: int, laptops: int, confirm: str = "auto", *, deadly: bool = False) -> Evening:
    """An evening with so many laptops; `deadly`: the daemon dies, clocks jump, and agents tell wild things."""
    chance = random.Random(seed)
    evening = Evening(chance, deadly)
    evening.happen(Configured(Settings(confirm=confirm, default_image="school-0")))
    for image in IMAGES:
        evening.happen(ImageKnown(image))
    evening.happen(SwitchChanged(24, "24 ports", 1000))
    arriving = [Machine(number, chance) for number in range(1, laptops + 1)]
    machines = arriving[:]
    here: list[Machine] = []
    for _ in range(laptops * 40):
        if arriving and (len(here) < 30 or chance.random() < 0.01):
            here.append(arriving.pop())
            here[-1].boot(evening)
        chance.choice(here).act(evening)
        if chance.random() < 0.01:
            people(evening)
        if deadly and chance.random() < 0.03:
            surroundings(evening)
        if deadly and chance.random() < 0.01:
            back = chance.choice([each for each in machines if each not in arriving])
            back.boot(evening)  # whatever became of it: somebody switched it on again
            here = [*here, back] if back not in here else here
        here = [each for each in here if not each.done_with(evening)]
        if not here and not arriving:
            break
        here = here or [arriving.pop()]
    calm_down(evening, machines)
    return evening


def calm_down(evening: Evening, machines: list[Machine]) -> None:
    """Let everybody come to an end, with nothing going wrong any more."""
    evening.calm = True
    evening.happen(SwitchChanged(24, "24 ports", 1000))
    for laptop in list(evening.state.laptops.values()):
        evening.happen(Command("continue", "page", laptop.id))
    for _ in range(200):
        evening.happen(Command("continue", "page"))
        left = [each for each in machines if not each.done_with(evening)]
        if not left:
            break
        for machine in left:
            machine.act(evening)
    evening.now += 3600
    evening.happen(Tick())
