"""A journal that is lost in the midst of arrivals, and a ledger that is not: nobody gets another's id or number.

The ledger is a dictionary, its rows and what is made of them are the daemon's own (core/recorded.py, inventory/rows.py).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cloned.core import events
from cloned.core.arrivals import recognised, sight_of
from cloned.core.boot import taken_for
from cloned.core.derived import possible_ids
from cloned.core.effect_types import Record
from cloned.core.events import Booted, Configured, Hello, ImageKnown, Settings, SwitchChanged, TagsUsed
from cloned.core.evidence import Evidence, passing_cards
from cloned.core.ids import LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Facts, Laptop
from cloned.core.recorded import LedgerLaptop, recall, recorded, traces, traces_of
from cloned.core.reducer import step
from cloned.core.tagged import TagGiven
from cloned.core.workshop import Workshop
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
        known = self.rows[row.laptop].get(row.attempt)
        assert known is None or set(known["macs"]) & set(row.data["macs"]), f"{row.laptop}: one row over another's"
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
        self.held: dict[LaptopId, set[object]] = defaultdict(set)
        """By id what the machines that had it could be told by: their own cards, and their disks."""
        self.ids: dict[int, set[LaptopId]] = defaultdict(set)
        """By the number of a machine all ids that it had once it was in the ledger."""
        self.lost = 0
        super().__init__(seed)

    def tell(self, event: object, after: float = 30.0) -> None:
        self.now += after
        self.state, effects = step(self.state, event, self.now, self.chance.randbytes(16).hex())  # type: ignore[arg-type]
        for effect in effects:
            if isinstance(effect, Record):
                self.book.record(effect.row)
                self.tell(events.Recorded(LaptopId(effect.row["laptop"]), effect.row["attempt"]), 0.0)

    def lose(self) -> None:
        """The journal is gone; what the ledger knows of numbers is told to the new one, as at each start."""
        self.lost, self.state = self.lost + 1, Workshop()
        self.held = defaultdict(set, {each: own for each, own in self.held.items() if self.book.rows.get(each)})
        numbered = Settings(default_image="school", tag_pattern="DM-{seq:05}", tag_given="auto")
        for event in (Configured(numbered), ImageKnown(IMAGE), SwitchChanged(24, "24", 1000)):
            self.tell(event)
        given = [TagGiven(row["tag"], LaptopId(ident), row["uuid"], row["serial"], tuple(row["macs"]))
                 for ident, each in self.book.rows.items() for row in each.values() if row["tag"]]  # fmt: skip
        if given:
            self.tell(TagsUsed(tuple(given)))

    def ask(self, sight: Evidence, here: Laptop | None) -> KnownToLedger:
        """As `Engine.remembered`."""
        passing = passing_cards(self.state.laptops.values(), sight.identity.macs)
        own = here.id if here is not None and not here.unheard else None
        return self.book.known(replace(sight, passing=sight.passing | passing), own)

    def boot(self, odd: Odd, mac: str, after: float = 30.0) -> str:
        token = f"t{next(self.count)}"
        event = Booted(token, clean(odd.uuid, odd.serial, "Maker", "Model", [mac]), mac, odd.address)
        if taken_for(self.state, event, self.now + after) is None:
            event = replace(event, known=self.ask(Evidence(event.identity), None))
        self.tell(event, after)
        return token

    def say_hello(self, odd: Odd, mac: str, token: str, after: float = 30.0) -> None:
        who = clean(odd.uuid, odd.serial, "Maker", "Model", dict.fromkeys([odd.card, mac]))
        facts = Facts(who, mac, disks=odd.disks, dongles=(mac,) if mac in DONGLES else ())
        here = recognised(self.state, self.state.boots[token], facts)
        self.tell(Hello(token, facts, odd.address, self.ask(sight_of(facts), here)), after)
        self.looked_at(odd, self.known_by(token))

    def looked_at(self, odd: Odd, laptop: Laptop) -> None:
        """AssertionError where this machine got an id with which it has neither a card nor a disk in common."""
        own = {odd.card, *((each.serial, each.wwn, each.size) for each in odd.platters if usable_text(each.serial))}
        before = self.held[laptop.id]
        assert not before or own & before, f"{odd} got the id of another machine, {laptop.id} ({laptop.tag})"
        self.held[laptop.id] |= own
        if any(odd.card in row["macs"] for row in self.book.rows.get(laptop.id, {}).values()):
            self.ids[odd.number].add(laptop.id)


def evening(seed: int, machines: int, arrivals: int, docks: bool = False) -> Forgetful:
    """AssertionError where one gets another's id, whatever firmware says and whatever is swapped."""
    hall = Forgetful(seed)
    hall.lose()
    odds = [Odd(number, hall.chance) for number in range(1, machines + 1)]
    swapped: set[int] = set()
    for _ in range(arrivals):
        odd = hall.chance.choice(odds)
        if hall.chance.random() < 0.05:
            other = hall.chance.choice(odds)
            hall.swap(odd, other)
            swapped |= {odd.number, other.number}
        if hall.chance.random() < 0.04:
            hall.lose()
        mac = hall.chance.choice((odd.card, odd.card, hall.chance.choice((*DONGLES, *(DOCKS if docks else ())))))
        hall.say_hello(odd, mac, token := hall.boot(odd, mac))
        laptop = hall.known_by(token)
        if not laptop.active and hall.chance.random() < 0.7:
            hall.clone(odd, laptop)
        hall.leave(laptop.id)
    for odd in odds:
        if odd.number not in swapped and usable_text(odd.serial) and len(odd.serial) > 6:
            assert len(hall.ids[odd.number]) <= 1, f"seed {seed}: {odd} had several ids: {hall.ids[odd.number]}"
    return hall


@pytest.mark.parametrize("seed", range(12))
def test_nobody_gets_anothers_id_or_number_though_the_journal_is_lost(seed: int) -> None:
    hall = evening(seed, 12, 80)
    assert hall.lost > 1
    assert any(len(each) > 1 for each in hall.book.rows.values())


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(50))
def test_nobody_gets_anothers_id_over_many_arrivals_and_lost_journals(block: int) -> None:
    for seed in range(1000 + block * 20, 1020 + block * 20):
        evening(seed, 20, 100)
