"""Ids given while the ledger was away: nothing is recorded under them, and what goes by them moves in one event."""

from __future__ import annotations

import pytest

from cloned.core.derived import first_ids
from cloned.core.effect_types import Record
from cloned.core.events import Command, Confirmed, Finished, Settings
from cloned.core.ids import LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop, State, Unweighed
from cloned.core.laptop_commands import EVERYWHERE
from cloned.core.ledger_events import Disowned, TagsUsed, Weighed
from cloned.core.reasons import Reason
from cloned.core.reducer import resume
from cloned.core.tagged import TagGiven
from cloned.core.weighing import own_id, questions
from cloned.core.workshop import Workshop
from tests.unit.core.test_identity import UUID, mac
from tests.unit.core.test_recalled import Lost

AWAY = KnownToLedger(away=True)
DERIVED = first_ids(clean(UUID, "PF1", "Dell Inc.", "X", [mac(2)]))


class Away(Lost):
    """A workshop without its ledger, that notes which rows it would record."""

    def cloned(self) -> Laptop:
        """One that nobody could be asked about, confirmed by a person, done."""
        self.menu(mac(2), AWAY)
        found = self.hello(mac(2), on="D2", known=AWAY)
        assert (found.id, found.unweighed) == (DERIVED[0], Unweighed.AWAY)
        self.tell(Command("tag", "page", found.id, text="DM-2", checked=True))
        self.tell(Confirmed(found.id, "D2", "school", "page"))
        self.clone(found.id)
        self.tell(Finished(found.id, ()))
        return self.laptop(found.id)


@pytest.fixture
def story() -> Away:
    return Away()


def test_a_twin_gets_an_id_of_its_own_with_all_that_goes_by_the_old_one(story: Away) -> None:
    story.tell(TagsUsed((TagGiven("DM-1", DERIVED[0], UUID, "PF1", (mac(1),)),)))
    story.tell(Command("delivery", "page", text="D-7"))
    found = story.cloned()
    assert (story.rows, list(story.state.held), story.state.unrecorded) == ([], [f"{found.id}/1"], {})
    assert [each for each in resume(story.state) if isinstance(each, Record)] == []
    story.tell(Weighed(found.id, KnownToLedger(weighed=True, taken=(found.id,), namesake="DM-1")))
    [own] = story.state.laptops
    assert own == DERIVED[1]
    assert [(row["laptop"], row["attempt"], row["tag"]) for row in story.rows] == [(own, 1, "DM-2")]
    assert {each.laptop for each in story.state.boots.values()} == {own}
    assert [each.members for each in story.state.sessions.values()] == [(own,)]
    assert list(story.state.deliveries["D-7"].laptops) == [own]
    assert {key: each.laptop for key, each in story.state.tags.items()} == {"dm-1": found.id, "dm-2": own}
    assert (story.laptop(own).namesake, story.laptop(own).state) == ("DM-1", State.DONE)
    assert not questions(story.state)


def test_one_that_the_ledger_knows_counts_on_above_what_it_has(story: Away) -> None:
    found = story.cloned()
    story.tell(Command("lent", "page", found.id, checked=True))
    known = KnownToLedger(found.id, 4, 2, "DM-1", 3, weighed=True)
    story.tell(Weighed(found.id, known))
    assert [(row["laptop"], row["attempt"] % 1_000_000) for row in story.rows] == [(found.id, 5), (found.id, 4)]
    after = story.laptop(found.id)
    assert (after.job.number, after.erasures, after.lendings, after.lent) == (5, 2, 4, True)
    assert after.tag == "DM-2", "it is on its sticker"
    before = story.state
    story.tell(Weighed(found.id, known))
    assert story.state.laptops == before.laptops, "once is enough"


def test_one_that_has_another_id_there_gets_it_and_who_holds_it_makes_room(story: Away) -> None:
    twin = story.cloned()
    story.menu(mac(1), AWAY)
    first = story.hello(mac(1), on="D1", known=AWAY)
    assert first.id != twin.id
    story.tell(Weighed(first.id, KnownToLedger(twin.id, 1, weighed=True, tag="DM-1")))
    assert (story.laptop(twin.id).facts.disks[0].serial, story.laptop(twin.id).tag) == ("D1", "DM-1")
    [(other, _)] = questions(story.state).items()
    assert story.laptop(other).tag == "DM-2"
    story.tell(Weighed(other, KnownToLedger(weighed=True)))
    assert [(row["laptop"], row["disk"]["serial"]) for row in story.rows] == [(other, "D2")]


def test_nothing_moves_while_it_is_at_work(story: Away) -> None:
    story.menu(mac(2), AWAY)
    found = story.hello(mac(2), on="D2", known=AWAY)
    story.tell(Confirmed(found.id, "D2", "school", "page"))
    assert story.laptop(found.id).state is State.READY
    assert not questions(story.state)
    story.tell(Weighed(found.id, KnownToLedger(weighed=True, taken=(found.id,))))
    assert story.laptop(found.id).unweighed is Unweighed.AWAY


def test_its_next_hello_settles_it_too(story: Away) -> None:
    found = story.cloned()
    story.menu(mac(2), None)
    again = story.hello(mac(2), on="D2", known=KnownToLedger(weighed=True, taken=(found.id,), namesake="DM-1"))
    assert (again.id, again.tag, again.state) == (DERIVED[1], "DM-2", State.ASKING)
    assert list(story.state.laptops) == [again.id]
    assert [row["laptop"] for row in story.rows] == [again.id]


def test_what_a_card_at_the_boot_menu_made_it_is_not_believed_once_the_ledger_is_gone(story: Away) -> None:
    assert story.menu(mac(91), KnownToLedger("first", 2, 1, "DM-1", weighed=True)).tag == "DM-1"
    found = story.hello(mac(2), on="D2", known=AWAY, dongle=mac(91))
    assert (found.id == "first", found.tag, found.unweighed) == (False, "", Unweighed.AWAY)


def test_one_that_only_a_rule_confirmed_asks_once_it_is_known() -> None:
    story = Away(confirm="auto", places=0)
    story.menu(mac(2), AWAY)
    found = story.hello(mac(2), on="D2", known=AWAY)
    assert found.state is State.WAITING
    story.tell(Weighed(found.id, KnownToLedger(found.id, 1, weighed=True, lent=True, lendings=1)))
    after = story.laptop(found.id)
    assert (after.state, after.reason, after.lent) == (State.ASKING, Reason.LENT_OUT, True)


def test_a_persons_word_stands_whatever_that_person_is_called() -> None:
    story = Away(places=0)
    story.menu(mac(2), AWAY)
    found = story.hello(mac(2), on="D2", known=AWAY)
    story.tell(Confirmed(found.id, "D2", "school", "batch of Ann"))
    story.tell(Weighed(found.id, KnownToLedger(found.id, 1, weighed=True)))
    after = story.laptop(found.id)
    assert (after.state, after.goal.confirmation is None, after.id) == (State.WAITING, False, found.id)


def test_rows_of_one_that_was_forgotten_meanwhile_are_weighed_by_what_they_say(story: Away) -> None:
    found = story.cloned()
    story.tell(Command("forget", "page", found.id))
    [(ident, sight)] = questions(story.state).items()
    assert (ident, sight.identity.macs, sight.disks[0].serial) == (found.id, (mac(2),), "D2")
    story.menu(mac(1), AWAY)
    assert story.hello(mac(1), on="D1", known=AWAY).id != found.id, "rows are held under that"
    story.tell(Weighed(found.id, KnownToLedger(weighed=True, taken=(found.id,))))
    assert [row["laptop"] == found.id for row in story.rows] == [False]
    assert not story.state.held


def test_one_that_is_forgotten_everywhere_leaves_no_row(story: Away) -> None:
    found = story.cloned()
    story.tell(Command("forget", "page", found.id, text=EVERYWHERE))
    assert (story.state.held, story.state.unrecorded) == ({}, {})


def test_a_row_that_the_ledger_refuses_waits_for_an_id_of_its_own(story: Away) -> None:
    story.menu(mac(2), KnownToLedger(weighed=True))
    found = story.hello(mac(2), on="D2", known=KnownToLedger(weighed=True))
    story.tell(Confirmed(found.id, "D2", "school", "page"))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    [row] = story.rows
    story.tell(Disowned(found.id, 1))
    story.tell(Disowned(found.id, 1))
    assert story.laptop(found.id).unweighed is Unweighed.REFUSED
    story.tell(Weighed(found.id, KnownToLedger(found.id, 7, weighed=True)))  # whatever it says: it refused the row
    assert [(each["laptop"], each["attempt"]) for each in story.rows] == [(found.id, 1), (DERIVED[1], 1)]
    assert row["disk"] == story.rows[1]["disk"]


def test_a_refused_row_of_one_that_was_forgotten_takes_no_id_from_whoever_has_it_now(story: Away) -> None:
    story.menu(mac(2), KnownToLedger(weighed=True))
    found = story.hello(mac(2), on="D2", known=KnownToLedger(weighed=True))
    story.tell(Confirmed(found.id, "D2", "school", "page"))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    story.tell(Command("forget", "page", found.id))
    story.menu(mac(1), KnownToLedger(found.id, 1, weighed=True))
    first = story.hello(mac(1), on="D1", known=KnownToLedger(found.id, 1, weighed=True))
    assert first.id == found.id
    story.tell(Disowned(found.id, 1))
    assert story.laptop(found.id).unweighed is Unweighed.NO
    [other] = questions(story.state)
    assert other != found.id
    story.tell(Weighed(other, KnownToLedger(weighed=True)))
    assert story.rows[-1]["laptop"] == other


def test_what_0_5_wrote_down_of_a_ledger_that_was_away_is_as_it_was(story: Away) -> None:
    """Its hellos say nothing of the ledger: ids and rows stay what a replay must lead to."""
    story.menu(mac(2), None)
    found = story.hello(mac(2), on="D2", known=None)
    assert found.unweighed is Unweighed.NO


def test_a_boot_request_changes_no_word_of_a_laptop_that_was_heard() -> None:
    """By a dock's card it may be taken for another: what it says belongs to whoever says hello."""
    story, nameless = Away(), {"uuid": "", "serial": ""}
    story.menu(mac(81), None, **nameless)
    first = story.hello(mac(1), mac(81), on="D1", known=None, **nameless)
    story.menu(mac(81), None, uuid="", serial="PF000004XQ")
    assert story.laptop(LaptopId(first.id)).identity == first.identity


def test_a_hello_that_is_told_twice_is_one(story: Away) -> None:
    found = story.cloned()
    story.menu(mac(2), AWAY)
    for _ in range(2):
        again = story.hello(mac(2), on="D2", known=AWAY)
    assert (again.id, again.unweighed, len(story.state.held)) == (found.id, Unweighed.AWAY, 1)


@pytest.mark.parametrize("judging", [1, 2])
def test_journals_of_before_gave_an_id_though_a_result_is_owed_for_it(judging: int) -> None:
    """Replayed, they give the same."""
    owed = {f"{DERIVED[0]}/1": {"laptop": DERIVED[0], "attempt": 1}}
    given = Workshop(settings=Settings(judging=judging), held=owed)
    mine = clean(UUID, "PF1", "Dell Inc.", "X", [mac(2)])
    assert own_id(given, mine, "0" * 32) == DERIVED[judging - 1]
