"""A machine that the workshop does not know and the ledger does, or does not: whose id and number it gets, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.derived import built_in, first_id, first_ids, possible_ids
from cloned.core.events import Booted, Command, Confirmed, Finished, Hello
from cloned.core.evidence import doubtful
from cloned.core.ids import LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.ledger_events import TagsUsed
from cloned.core.reasons import Reason
from cloned.core.tagged import TagGiven
from cloned.core.tags import against
from tests.unit.core.test_identity import UUID, Field, disk, mac

OTHER = KnownToLedger(weighed=True)
FIRST = KnownToLedger("first", 2, 1, "DM-1", weighed=True)
TWIN = KnownToLedger(weighed=True, taken=first_ids(clean(UUID, "PF1", "Dell Inc."))[:1], namesake="DM-1")


class Lost(Field):
    """A workshop that begins anew, beside a ledger that does not."""

    def menu(self, card: str, known: KnownToLedger | None, uuid: str = UUID, serial: str = "PF1") -> Laptop:
        self.boots += 1
        self.token = f"b{self.boots}"
        who = clean(uuid, serial, "Dell Inc.", "X", [card])
        self.tell(Booted(self.token, who, card, f"10.0.0.{self.boots}", known=known))
        return self.newest()

    def hello(self, *cards: str, on: str, known: KnownToLedger | None, dongle: str = "", **said: str) -> Laptop:
        who = clean(said.get("uuid", UUID), said.get("serial", "PF1"), "Dell Inc.", "X", [*cards, dongle])
        facts = Facts(who, dongle or cards[0], "uefi", disks=(disk(on),), dongles=(dongle,) if dongle else ())
        self.tell(Hello(self.token, facts, f"10.0.0.{self.boots}", known))
        return self.newest()

    def newest(self) -> Laptop:
        ident = self.state.boots[self.token].laptop
        assert ident is not None
        return self.state.laptops[ident]


def test_one_of_the_ledgers_by_its_card_gets_its_id_back_and_keeps_it() -> None:
    story = Lost(confirm="auto")
    assert story.menu(mac(1), FIRST).tag == "DM-1"
    found = story.hello(mac(1), on="D1", known=FIRST)
    assert (found.id, found.tag, found.job.number, found.erasures) == ("first", "DM-1", 2, 1)
    assert (found.state, found.reason) == (State.ASKING, Reason.KNOWN_BEFORE)
    assert len(story.state.laptops) == 1


def test_what_a_shared_card_made_it_at_the_boot_menu_is_taken_back_once_its_disk_is_seen() -> None:
    """The card was a dongle: another machine, with another disk."""
    story = Lost()
    assert story.menu(mac(91), FIRST).id == "first"
    found = story.hello(mac(2), on="D2", known=TWIN, dongle=mac(91))
    assert found.id not in ("first", *TWIN.taken)
    assert (found.tag, found.job.number, found.namesake) == ("", 0, "DM-1")
    assert list(story.state.laptops) == [found.id]


def test_what_one_without_a_card_of_its_own_may_be_called_is_looked_for_whatever_it_comes_by() -> None:
    """The ledger is asked for these ids; another machine without a card may have the second claimant's already."""
    first = clean("", "A1B2C3", "Dell Inc.", "X", [mac(91)])
    other = clean("", "A1B2C3", "Dell Inc.", "X", [mac(92)])
    taken = {*first_ids(built_in(first, [mac(91)]))}
    assert taken <= possible_ids(other)
    assert first_id(built_in(other, [mac(92)]), taken) is None


def test_one_that_comes_by_another_card_is_known_by_its_disk() -> None:
    story = Lost()
    before = story.menu(mac(92), TWIN)
    assert before.id not in ("first", *TWIN.taken)
    found = story.hello(mac(1), on="D1", known=FIRST, dongle=mac(92))
    assert (found.id, found.tag, found.job.number) == ("first", "DM-1", 2)
    assert list(story.state.laptops) == ["first"]


def test_another_that_says_the_same_asks_and_is_told_on_the_page() -> None:
    story = Lost(confirm="auto")
    story.menu(mac(2), TWIN)
    assert not doubtful(story.state.laptops), "its disks were not seen yet"
    found = story.hello(mac(2), on="D2", known=TWIN)
    assert (found.state, found.reason) == (State.ASKING, Reason.TWIN)
    [warn] = doubtful(story.state.laptops)
    assert "DM-1 in the ledger" in warn.text
    story.tell(Confirmed(found.id, "D2", "school", "page"))
    assert story.laptop(found.id).state is State.READY
    assert doubtful(story.state.laptops) == []


def test_a_twin_that_is_on_the_screen_too_is_told_once() -> None:
    story = Lost()
    story.menu(mac(1), FIRST)
    first = story.hello(mac(1), on="D1", known=FIRST)
    story.menu(mac(2), TWIN)
    second = story.hello(mac(2), on="D2", known=TWIN)
    [warn] = doubtful(story.state.laptops)
    assert "may be one" in warn.text
    assert (first.id, second.reason) == ("first", Reason.TWIN)


def test_one_that_is_lent_out_says_the_ledger_is_cloned_by_nobody() -> None:
    story, lent = Lost(confirm="auto"), replace(FIRST, jobs=0, lent=True, lendings=1)
    story.menu(mac(1), lent)
    found = story.hello(mac(1), on="D1", known=lent)
    assert (found.state, found.reason, found.lent) == (State.ASKING, Reason.LENT_OUT, True)


def test_what_a_person_said_at_the_menu_stays_with_the_row() -> None:
    story = Lost()
    found = story.menu(mac(91), FIRST)
    story.tell(Command("tag", "page", found.id, text="DM-7", checked=True))
    other = story.hello(mac(2), on="D2", known=TWIN, dongle=mac(91))
    assert other.id != "first"
    assert story.laptop(LaptopId("first")).tag == "DM-7"


def test_an_id_is_made_of_cards_that_are_its_own() -> None:
    """Nameless ones through one dongle: at the menu nobody knows that it is one."""
    nameless = {"uuid": "", "serial": ""}
    for number in (1, 2):
        story = Lost()
        story.menu(mac(91), OTHER, **nameless)
        found = story.hello(mac(number), mac(40 + number), on=f"D{number}", known=OTHER, dongle=mac(91), **nameless)
        assert found.id == first_ids(clean(macs=[mac(number)]))[0]
        assert len(story.state.laptops) == 1
    story = Lost()
    story.menu(mac(91), OTHER, **nameless)
    alone = story.hello(on="D3", known=OTHER, dongle=mac(91), **nameless)
    assert alone.id not in first_ids(clean(macs=[mac(91)])), "nothing of its own speaks for one"


def test_an_id_that_another_has_in_the_ledger_is_given_to_nobody_else() -> None:
    story, who = Lost(), clean(UUID, "PF1", "Dell Inc.", "X", [mac(2)])
    both = KnownToLedger(weighed=True, taken=first_ids(who))
    story.menu(mac(2), None)
    assert story.newest().id == first_ids(who)[0], "the ledger was away"
    found = story.hello(mac(2), on="D2", known=both)
    assert found.id not in first_ids(who)
    assert len(story.state.laptops) == 1


@pytest.mark.parametrize("at_work", [False, True])
def test_attempts_go_on_above_those_of_another_site_but_not_in_the_midst_of_one(at_work: bool) -> None:
    story = Lost()
    found = story.menu(mac(1), OTHER)
    found = story.hello(mac(1), on="D1", known=OTHER)
    story.tell(Confirmed(found.id, "D1", "school", "page"))
    if not at_work:
        story.clone(found.id)
        story.tell(Finished(found.id, ()))
    story.menu(mac(1), None)
    again = story.hello(mac(1), on="D1", known=KnownToLedger(found.id, 5, 3, weighed=True, lendings=4))
    assert again.id == found.id
    told = (again.job.number, again.erasures, again.lendings)
    assert told == ((1, 0, 0) if at_work else (5, 3, 4))


def test_what_another_site_lent_out_leaves_no_row_of_this_one() -> None:
    story = Lost()
    found = story.menu(mac(1), OTHER)
    story.hello(mac(1), on="D1", known=OTHER)
    story.menu(mac(1), None)
    story.hello(mac(1), on="D1", known=KnownToLedger(found.id, 5, 3, weighed=True, lent=True, lendings=4))
    assert story.state.unrecorded == {}


def test_a_number_is_given_back_to_the_machine_that_had_it_and_to_no_twin() -> None:
    story = Lost()
    given = TagGiven("DM-9", LaptopId("gone"), UUID, "PF1", (mac(1),))
    story.tell(TagsUsed((given,)))
    story.menu(mac(2), OTHER)
    twin = story.hello(mac(2), on="D2", known=OTHER)
    assert against(story.state, twin, "DM-9") is not None
    assert against(story.state, twin, "dm-9") is not None
    story.menu(mac(1), OTHER)
    back = story.hello(mac(1), on="D1", known=OTHER)
    assert against(story.state, back, "DM-9") is None


def test_cards_that_makers_leave_alike_make_no_id() -> None:
    seen = clean(macs=["00:e0:4c:68:00:01", mac(4), mac(3)])
    assert built_in(seen, [mac(3)]).macs == (mac(4),)


def test_one_that_only_a_boot_menu_made_is_the_same_row_once_its_disk_is_seen() -> None:
    story = Lost()
    before = story.menu(mac(1), OTHER)
    found = story.hello(mac(1), on="D1", known=OTHER)
    assert (found.number, found.first_seen) == (before.number, before.first_seen)
    assert found.contact.hellos == 1
    assert list(story.state.laptops) == [found.id]
