"""A journal that is lost in the midst of arrivals, and a ledger that is not, but is away now and then: nobody gets
another's id or number, and no result is entered on another's row.

The ledger is a dictionary, its rows and what is made of them are the daemon's own (core/recorded.py, inventory/rows.py).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cloned.core import events
from cloned.core.arrivals import recognised, sight_of
from cloned.core.boot import taken_for
from cloned.core.derived import possible_ids
from cloned.core.effect_types import Effect, Record
from cloned.core.events import Booted, Configured, Hello, ImageKnown, Settings, SwitchChanged
from cloned.core.evidence import Evidence, contradicts, passing_cards
from cloned.core.ids import LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Facts, Laptop
from cloned.core.ledger_events import Disowned, Recorded, TagsUsed, Weighed
from cloned.core.recorded import LedgerLaptop, recall, recorded, sight_in, traces, traces_of
from cloned.core.tagged import TagGiven
from cloned.core.weighing import questions, settled
from cloned.core.workshop import Workshop
from cloned.effect_parts import AnothersRow
from cloned.inventory import rows
from tests.sim.test_identity import DOCKS, DONGLES, IMAGE, Hall, Odd, usable_text

MOST = 20


@dataclass
class Book:
    """The ledger's rows of each laptop, and who left which trace."""

    rows: dict[str, dict[int, Any]] = field(default_factory=lambda: defaultdict(dict))
    traces: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    made: dict[str, LedgerLaptop] = field(default_factory=dict)
    """Laptops out of their rows, until another row comes."""

    def record(self, given: Any) -> None:
        """As `Ledger.record`."""
        row = rows.clean(given)
        if self.rows[row.laptop] and contradicts(self._laptop(row.laptop).sight, sight_in(row.data)):
            raise AnothersRow(row.laptop)
        self.rows[row.laptop][row.attempt] = row.data
        self.made.pop(row.laptop, None)
        for trace in traces_of(row.data):
            self.traces[trace].add(row.laptop)

    def known(self, sight: Evidence, own: str | None) -> KnownToLedger:
        """As `Ledger.known`."""
        if own is not None:
            return self._laptop(own).known if own in self.rows else KnownToLedger(weighed=True)
        shared = {trace: self.traces[trace] for trace in traces(sight) if trace in self.traces}
        near = {each for of in shared.values() for each in (of if len(of) <= MOST else (min(of), max(of)))}
        taken = [each for each in possible_ids(sight.identity) if self.rows.get(each)]
        passing = [trace[4:] for trace, of in shared.items() if len(of) > 1 and trace.startswith("mac/")]
        return recall([self._laptop(each) for each in sorted(near)], sight, taken, passing)

    def _laptop(self, ident: str) -> LedgerLaptop:
        if ident not in self.made:
            self.made[ident] = recorded(ident, list(self.rows[ident].values()))
        return self.made[ident]


class Forgetful(Hall):
    """A workshop that loses its journal now and then, and never its ledger."""

    def __init__(self, seed: int) -> None:
        self.book = Book()
        self.by_cpu: dict[str, Odd] = {}
        """Machines by a word that comes with their results, and that nothing else looks at."""
        self.rows_of: dict[str, set[Odd]] = defaultdict(set)
        self.ids: dict[int, set[LaptopId]] = defaultdict(set)
        """By the number of a machine all ids that it had once it was in the ledger."""
        self.lost = 0
        self.away = False
        """Whether the ledger answers nobody."""
        self.owed: deque[Any] = deque()
        """Rows that it has not taken yet."""
        self.excused: set[Odd] = set()
        """Machines that had each other's disks, which is all that tells some apart."""
        self.asked: set[Odd] = set()
        """Machines of which it was asked whether they are an older one: until somebody says so they have an id more."""
        self.told: dict[int, set[tuple[str, str, int]]] = defaultdict(set)
        """By the number of a machine all that its disks ever said."""
        self.moved = 0
        super().__init__(seed)

    def heed(self, effects: Sequence[Effect]) -> None:
        self.owed.extend(effect.row for effect in effects if isinstance(effect, Record))
        while self.owed and not self.away:
            self.enter(self.owed.popleft())

    def enter(self, row: Any) -> None:
        """As `Engine` does."""
        told = LaptopId(row["laptop"]), row["attempt"]
        odd = self.by_cpu[row["cpu"]]
        try:
            self.book.record(row)
        except AnothersRow:
            self.tell(Disowned(*told), 0.0)
            return
        for other in self.rows_of[row["laptop"]]:
            alike = {odd, other} <= self.excused or self.told[odd.number] & self.told[other.number]
            assert odd is other or alike, f"{row['laptop']}: a row of {odd} beside one of {other}"
        self.rows_of[row["laptop"]].add(odd)
        self.tell(Recorded(*told), 0.0)

    def machine(self, ident: LaptopId) -> Odd | None:
        return super().machine(ident) or next(iter(self.rows_of[ident]), None)

    def weigh(self) -> None:
        """As cloned/ledger_questions.py."""
        for ident in questions(self.state):
            sight = questions(self.state).get(ident)
            if sight is None or self.away:
                continue
            known = self.weighed(sight, ident)
            after, own = settled(self.state, ident, known, "", self.now)
            if after is not self.state:
                self.moved += own != ident
                self.tell(Weighed(ident, known), 0.0)

    def weighed(self, sight: Evidence, given: LaptopId | None) -> KnownToLedger:
        """As `Remembering.weighed`."""
        if self.away:
            return KnownToLedger(away=True)
        passing = passing_cards(self.state.laptops.values(), sight.identity.macs)
        known = self.book.known(replace(sight, passing=sight.passing | passing), None)
        if given is None or known.laptop == given or not self.book.known(sight, given).laptop:
            return known
        return replace(known, taken=(*known.taken, given))

    def lose(self) -> None:
        """The journal is gone; what the ledger knows of numbers is told to the new one, as at each start."""
        self.lost, self.state = self.lost + 1, Workshop()
        self.owed.clear()
        self.owner.clear()
        numbered = Settings(default_image="school", tag_pattern="DM-{seq:05}", tag_given="auto")
        for event in (Configured(numbered), ImageKnown(IMAGE), SwitchChanged(24, "24", 1000)):
            self.tell(event)
        given = [TagGiven(row["tag"], LaptopId(ident), row["uuid"], row["serial"], tuple(row["macs"]))
                 for ident, each in self.book.rows.items() for row in each.values() if row["tag"]]  # fmt: skip
        if given:
            self.tell(TagsUsed(tuple(given)))

    def ask(self, sight: Evidence, here: Laptop | None) -> KnownToLedger:
        """As `Remembering.of`."""
        if here is None or here.unheard or here.unweighed:
            return self.weighed(sight, here.id if here is not None and not here.unheard else None)
        return KnownToLedger(away=True) if self.away else self.book.known(sight, here.id)

    def boot(self, odd: Odd, mac: str, after: float = 30.0) -> str:
        token = f"t{next(self.count)}"
        event = Booted(token, clean(odd.uuid, odd.serial, "Maker", "Model", [mac]), mac, odd.address)
        if taken_for(self.state, event, self.now + after) is None:
            event = replace(event, known=self.ask(Evidence(event.identity), None))
        self.tell(event, after)
        return token

    def say_hello(self, odd: Odd, mac: str, token: str, after: float = 30.0) -> None:
        who = clean(odd.uuid, odd.serial, "Maker", "Model", dict.fromkeys([*odd.cards, mac]))
        cpu = f"of {odd.number}"
        self.by_cpu[cpu] = odd
        self.told[odd.number] |= odd.told
        facts = Facts(who, mac, cpu=cpu, disks=odd.disks, dongles=(mac,) if mac in DONGLES else ())
        here = recognised(self.state, self.state.boots[token], facts)
        self.tell(Hello(token, facts, odd.address, self.ask(sight_of(facts), here)), after)
        self.looked_at(odd, self.known_by(token))

    def looked_at(self, odd: Odd, laptop: Laptop) -> None:
        """AssertionError where this machine got a row that is another's."""
        self.look(odd, laptop, self.excused)
        if laptop.perhaps is not None:
            self.asked.add(odd)
        if not laptop.unweighed and any(row["cpu"] == laptop.facts.cpu for row in self.book.rows[laptop.id].values()):
            self.ids[odd.number].add(laptop.id)


def evening(seed: int, machines: int, arrivals: int, away: float = 0.0) -> Forgetful:
    """AssertionError where one gets another's id, whatever firmware says, whatever is swapped and who is away."""
    hall = Forgetful(seed)
    hall.lose()
    odds = [Odd(number, hall.chance) for number in range(1, machines + 1)]
    for _ in range(arrivals):
        odd, other = hall.chance.choice(odds), hall.chance.choice(odds)
        if hall.chance.random() < 0.05 and odd.card and other.card:
            hall.swap(odd, other)
            hall.excused |= {odd, other}
        if hall.chance.random() < 0.04:
            hall.lose()
        if hall.chance.random() < 0.2:
            hall.away = hall.chance.random() < away
        if hall.chance.random() < 0.6:
            hall.weigh()
        mac = odd.comes_by(*odd.cards, hall.chance.choice((*DONGLES, *DOCKS)))
        hall.say_hello(odd, mac, token := hall.boot(odd, mac))
        laptop = hall.answer(odd, hall.known_by(token))
        if not laptop.active and hall.chance.random() < 0.7:
            hall.clone(odd, laptop)
        hall.leave(laptop.id)
    hall.away = False
    for _ in range(3):
        hall.tell(events.Tick())
        hall.weigh()
    assert {**hall.state.unrecorded, **hall.state.held} == {}, f"seed {seed}: results that nobody enters"
    assert not any(each.unweighed for each in hall.state.laptops.values() if each.contact.hellos)
    for odd in odds:
        if odd not in hall.excused | hall.asked and odd.card and usable_text(odd.serial) and len(odd.serial) > 6:
            assert len(hall.ids[odd.number]) <= 1, f"seed {seed}: {odd} had several ids: {hall.ids[odd.number]}"
    return hall


@pytest.mark.parametrize("seed", range(12))
def test_nobody_gets_anothers_id_or_number_though_the_journal_is_lost(seed: int) -> None:
    hall = evening(seed, 12, 80)
    assert hall.lost > 1
    assert any(len(each) > 1 for each in hall.book.rows.values())


@pytest.mark.parametrize("seed", range(20))
def test_nor_while_the_ledger_is_away_too(seed: int) -> None:
    assert evening(seed, 12, 100, away=0.6).lost > 1


def test_some_of_those_evenings_have_laptops_that_get_an_id_of_their_own_afterwards() -> None:
    assert sum(evening(seed, 8, 60, away=0.7).moved for seed in range(10)) > 0


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(50))
def test_nobody_gets_anothers_id_over_many_arrivals_and_lost_journals(block: int) -> None:
    for seed in range(1000 + block * 20, 1020 + block * 20):
        evening(seed, 20, 100, away=0.6 * (seed % 2))
