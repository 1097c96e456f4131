"""What inventories say of a laptop that comes decides with us whether it is cloned by itself, and what it is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.events import Command, Configured, Settings
from cloned.core.inventories import disagreements
from cloned.core.known import KnownElsewhere, KnownToLedger
from cloned.core.laptop import CloneJob, Laptop, State, VerdictKind
from cloned.core.ledger_events import InventoryTold, NoNumber
from cloned.core.orders import order
from cloned.core.reasons import Reason
from tests.story import Story


def story(**settings: Any) -> Story:
    told = Story("auto")
    told.tell(Configured(Settings(confirm="auto", default_image="school", inventories=True, **settings)))
    return told


def knows(at: float = 1.0, **more: Any) -> KnownElsewhere:
    return KnownElsewhere("snipe", at, **({"found": 1} | more))


def now(told: Story, laptop: Laptop) -> Laptop:
    return told.state.laptops[laptop.id]


def test_nothing_is_cloned_before_the_inventory_answered_and_then_it_goes_on() -> None:
    told = story()
    laptop = told.boot()
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.INVENTORY_ASKED)
    told.tell(InventoryTold(laptop.id, (knows(tag="DM-0412", model="T480"),)))
    laptop = now(told, laptop)
    assert (laptop.state, laptop.tag, laptop.known[0].model) == (State.READY, "DM-0412", "T480")


def test_an_inventory_that_is_away_is_told_and_waited_for_no_longer() -> None:
    told = story()
    laptop = told.boot()
    told.tell(InventoryTold(laptop.id, (), ("snipe",)))
    laptop = now(told, laptop)
    assert laptop.state is State.READY
    assert any("snipe did not answer" in str(line.why) for line in laptop.history)


def test_where_an_answer_is_required_nothing_starts_without_one_but_an_older_one_will_do() -> None:
    told = story(inventory_required=True)
    laptop = told.boot()
    told.tell(InventoryTold(laptop.id, (), ("snipe",)))
    assert (now(told, laptop).state, now(told, laptop).reason) == (State.ASKING, Reason.INVENTORY_AWAY)
    other = told.boot("PF2")
    told.state = told.state.with_laptop(replace(now(told, other), known=(knows(found=0),)))
    told.tell(InventoryTold(other.id, (), ("snipe",)))
    assert now(told, other).state is State.READY


def test_a_laptop_that_is_lent_out_asks_before_anything_is_erased() -> None:
    told = story()
    laptop = told.boot()
    told.tell(InventoryTold(laptop.id, (knows(lent=True),)))
    assert (now(told, laptop).state, now(told, laptop).reason) == (State.ASKING, Reason.LENT_OUT)
    told.tell(Command("confirm", "page", laptop.id, "school", disk="S1"))
    assert now(told, laptop).state is State.READY  # a person looked


def test_a_word_that_was_given_before_the_inventory_said_lent_does_not_hold() -> None:
    told = story()
    laptop = told.boot()
    told.tell(Command("confirm", "page", laptop.id, "school", disk="S1"))
    paused = replace(now(told, laptop), state=State.WAITING, session=None, paused=True)
    told.state = told.state.with_laptop(paused)
    told.tell(InventoryTold(laptop.id, (knows(lent=True),)))
    laptop = now(told, laptop)
    assert (laptop.state, laptop.reason, laptop.goal.confirmation) == (State.ASKING, Reason.LENT_OUT, None)


def test_back_said_by_a_person_holds_until_the_inventory_says_lent_anew() -> None:
    told = story()
    laptop = told.boot()
    told.tell(InventoryTold(laptop.id, (knows(lent=True),)))
    told.tell(Command("lent", "page", laptop.id, text="no"))
    told.tell(InventoryTold(laptop.id, (knows(lent=True),)))
    assert not now(told, laptop).lent
    told.tell(InventoryTold(laptop.id, (knows(),)))
    told.tell(InventoryTold(laptop.id, (knows(lent=True),)))
    assert now(told, laptop).lent
    told.tell(InventoryTold(laptop.id, (knows(),)))
    assert not now(told, laptop).lent


def test_what_one_said_stays_known_while_it_is_away() -> None:
    told = story()
    laptop = told.boot()
    told.tell(InventoryTold(laptop.id, (knows(5.0, status="Ready"),)))
    again = told.boot()
    assert again.id == laptop.id
    told.tell(InventoryTold(laptop.id, (), ("snipe",)))
    assert [(each.at, each.status) for each in now(told, laptop).known] == [(5.0, "Ready")]


@pytest.mark.parametrize("tags", [("DM-1", "DM-2"), ("",), ("!",)])
def test_no_number_is_taken_that_is_doubtful_or_none(tags: tuple[str, ...]) -> None:
    told = story()
    laptop = told.boot()
    known = tuple(KnownElsewhere(f"s{tag}", 1.0, 1, tag) for tag in tags)
    told.tell(InventoryTold(laptop.id, known))
    assert now(told, laptop).tag == ""


def test_a_number_of_another_laptop_is_not_taken_and_told() -> None:
    told = story()
    first, second = told.boot("PF1"), told.boot("PF2")
    told.tell(InventoryTold(first.id, (knows(tag="DM-1"),)))
    told.tell(InventoryTold(second.id, (knows(tag="dm-1"),)))
    assert now(told, second).tag == ""
    assert any("was not taken" in str(line.why) for line in now(told, second).history)


def test_what_sticker_and_inventory_do_not_agree_on_is_told() -> None:
    told = story()
    laptop = told.boot("PF0AAAA1")
    told.tell(Command("tag", "page", laptop.id, text="DM-0421", checked=True))
    told.tell(InventoryTold(laptop.id, (knows(tag="DM-0412", said=("2 assets have this serial",)),)))
    texts = [str(each.text) for each in disagreements(told.state.laptops.values())]
    assert texts[0] == "snipe calls the serial PF0AAAA1 DM-0412, the sticker says DM-0421"
    assert "2 assets have this serial" in texts[1]


def verified(told: Story) -> Laptop:
    laptop = told.boot()
    job = CloneJob(1, open=True, verdict=VerdictKind.VERIFIED)
    laptop = replace(laptop, state=State.FINISHING, job=job, goal=replace(laptop.goal, disk="S1"))
    told.state = told.state.with_laptop(laptop)
    return laptop


def test_the_finish_waits_for_the_number_and_without_one_it_is_set_aside_and_only_finishes_later() -> None:
    told = story(tag_needed=True, number_seconds=60.0)
    laptop = verified(told)
    told.tell(Command("mark", "page", laptop.id, text="x"))
    assert now(told, laptop).state is State.FINISHING
    assert order(told.state, now(told, laptop))["do"] == "wait"
    told.tell(NoNumber(laptop.id, "snipe did not answer in time"))
    aside = now(told, laptop)
    assert (aside.state, aside.reason, aside.job.verdict) == (State.ASIDE, Reason.NO_NUMBER, VerdictKind.VERIFIED)
    told.tell(Command("retry", "page", laptop.id))
    assert now(told, laptop).state is State.FINISHING
    told.tell(Command("tag", "snipe", laptop.id, text="DM-0412", checked=True))
    assert order(told.state, now(told, laptop))["do"] == "finish"


def test_a_number_that_comes_after_it_was_set_aside_lets_it_finish() -> None:
    told = story(tag_needed=True, number_seconds=60.0)
    laptop = verified(told)
    told.tell(NoNumber(laptop.id, "down"))
    told.tell(Command("tag", "page", laptop.id, text="DM-0412", checked=True))
    assert now(told, laptop).state is State.FINISHING


def test_a_laptop_that_the_ledger_knows_gets_its_id_its_count_and_its_number_back() -> None:
    from cloned.core.events import Booted
    from cloned.core.ids import clean

    told = Story("auto")
    identity = clean("", "PF1", "Dell Inc.", "Latitude 5490", ["02:00:00:00:00:01"])
    told.tell(Booted("t", identity, "02:00:00:00:00:01", "10.0.0.5", known=KnownToLedger("drawn", 3, 1, "DM-0412")))
    [laptop] = told.state.laptops.values()
    assert (laptop.id, laptop.job.number, laptop.erasures, laptop.tag) == ("drawn", 3, 1, "DM-0412")
    laptop = told.boot("PF1")
    assert (laptop.id, laptop.state, laptop.reason) == ("drawn", State.ASKING, Reason.KNOWN_BEFORE)


@pytest.mark.parametrize(("name", "kept"), [("School A", "School A"), ("Mr Smith", "")])
def test_an_organisation_is_one_of_the_list(name: str, kept: str) -> None:
    told = story(organisations=("School A", "School B"))
    laptop = told.boot()
    told.tell(Command("organisation", "page", laptop.id, text=name))
    assert now(told, laptop).organisation == kept


def test_a_batch_may_be_for_an_organisation_of_the_list() -> None:
    told = Story("ask")
    told.tell(Configured(Settings(default_image="school", organisations=("School A",))))
    told.tell(Command("batch", "page", image="school", text="Latitude 5490", organisation="Mr Smith"))
    assert told.boot("PF1").organisation == ""
    told.tell(Command("batch", "page", image="school", text="Latitude 5490", organisation="School A"))
    laptop = told.boot("PF2")
    assert (laptop.organisation, laptop.state) == ("School A", State.READY)


def test_one_without_a_sticker_or_of_which_an_inventory_has_no_number_disagrees_with_nothing() -> None:
    told = story()
    laptop = told.boot("PF0AAAA1")
    for ours, theirs in (("", "DM-1"), ("DM-1", ""), ("DM-1", "dm-1"), ("", "")):
        assert list(disagreements([replace(laptop, tag=ours, known=(knows(tag=theirs),))])) == []
