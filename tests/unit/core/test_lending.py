"""Laptops go out, come back and are swapped: inventories learn of it, to whom is never kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.attempts import LENDINGS
from cloned.core.commands import accept
from cloned.core.effect_types import Effect, Record
from cloned.core.events import Command, Event
from cloned.core.ids import Identity, LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.laptop import CloneJob, Facts, Laptop, State, VerdictKind, begin_job
from cloned.core.ledger_events import Recorded
from cloned.core.lending import likeness, ready_to_go
from cloned.core.reasons import Reason
from cloned.core.reducer import step
from cloned.core.refusals import Refusal
from cloned.core.workshop import Workshop

ONE, TWO, OTHER = LaptopId("id1"), LaptopId("id2"), LaptopId("id3")


def laptop(number: int, product: str = "Latitude 5490", vendor: str = "Dell Inc.", **more: Any) -> Laptop:
    identity = Identity(serial=f"PF{number}", vendor=vendor, product=product, macs=(f"02:00:00:00:00:0{number}",))
    made = Laptop(LaptopId(f"id{number}"), number, Facts(identity), State.DONE, 0, 0, tag=f"A-{number}")
    return replace(made, job=CloneJob(1, verdict=VerdictKind.VERIFIED), **more)


@pytest.fixture
def workshop() -> Workshop:
    """One is lent out to a school; of two others that are done, the second is of its model."""
    out = laptop(1, lent=True, organisation="School 7")
    return Workshop().with_laptop(out).with_laptop(laptop(2, "Latitude 7390")).with_laptop(laptop(3))


Did = tuple[Workshop, list[dict[str, Any]]]


def do(workshop: Workshop, asked: Command) -> Did:
    command = accept(workshop, asked)
    assert isinstance(command, Command), command
    return tell(workshop, command)


def tell(workshop: Workshop, event: Event) -> Did:
    after, effects = step(workshop, event, 1_795_000_000.0, "e" * 32)
    return after, rows(effects)


def rows(effects: tuple[Effect, ...]) -> list[dict[str, Any]]:
    return [dict(each.row) for each in effects if isinstance(each, Record)]


def test_a_swap_tells_of_both_and_moves_the_organisation(workshop: Workshop) -> None:
    after, told = do(workshop, Command("swap", "An", "A-1", other="PF3"))
    back, out = after.laptops[ONE], after.laptops[OTHER]
    assert (back.lent, back.came_back, back.organisation) == (False, True, "")
    assert (out.lent, out.came_back, out.organisation) == (True, False, "School 7")
    assert {(row["laptop"], row["kind"], row["attempt"], row["state"]) for row in told} == {
        ("id1", "lending", LENDINGS + 1, "back"),
        ("id3", "lending", LENDINGS + 1, "lent"),
    }
    assert {row.get("organisation") for row in told} == {None, "School 7"}
    assert after.unrecorded.keys() == {f"id1/{LENDINGS + 1}", f"id3/{LENDINGS + 1}"}
    after, _ = tell(after, Recorded(ONE, LENDINGS + 1))
    assert after.unrecorded.keys() == {f"id3/{LENDINGS + 1}"}


def test_what_could_go_out_is_proposed_and_its_own_model_comes_first(workshop: Workshop) -> None:
    assert [each.id for each in ready_to_go(workshop, workshop.laptops[ONE])] == [OTHER, TWO]
    refused = accept(workshop, Command("swap", "An", "A-1"))
    assert isinstance(refused, Refusal)
    assert "A-3 (Dell Inc. Latitude 5490), A-2 (Dell Inc. Latitude 7390)" in str(refused.next_step())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lent": True}, "not-ready-to-go"),
        ({"came_back": True}, "not-ready-to-go"),
        ({"state": State.ASIDE}, "not-ready-to-go"),
    ],
)
def test_one_that_is_out_or_not_cloned_cannot_go(workshop: Workshop, changed: dict[str, Any], code: str) -> None:
    state = workshop.with_laptop(replace(workshop.laptops[OTHER], **changed))
    refused = accept(state, Command("swap", "An", "A-1", other="A-3"))
    assert isinstance(refused, Refusal)
    assert str(refused.code) == code


@pytest.mark.parametrize(("other", "code"), [("A-1", "swap-with-itself"), ("A-9", "no-such-laptop")])
def test_neither_itself_nor_one_that_is_not_there(workshop: Workshop, other: str, code: str) -> None:
    refused = accept(workshop, Command("swap", "An", "A-1", other=other))
    assert isinstance(refused, Refusal)
    assert str(refused.code) == code


def test_one_that_came_back_may_go_again_once_it_was_cloned(workshop: Workshop) -> None:
    after, _ = do(workshop, Command("swap", "An", "A-1", other="A-3"))
    assert not begin_job(after.laptops[ONE]).came_back


def test_lent_and_back_are_told_once_each(workshop: Workshop) -> None:
    after, told = do(workshop, Command("lent", "An", "A-2"))
    assert [row["state"] for row in told] == ["lent"]
    after, told = do(after, Command("lent", "An", "A-2"))
    assert told == []
    _, told = do(after, Command("lent", "An", "A-2", text="no"))
    assert [(row["state"], row["attempt"]) for row in told] == [("back", LENDINGS + 2)]


def test_a_command_of_an_older_journal_leaves_no_row(workshop: Workshop) -> None:
    after, told = tell(workshop, Command("lent", "page", "id2"))
    assert after.laptops[TWO].lent
    assert told == []


def test_a_laptop_that_only_the_ledger_knows_counts_on() -> None:
    from cloned.core.arrivals import _out_of_the_ledger

    found = _out_of_the_ledger(Workshop(), laptop(1, lendings=0), KnownToLedger("id1", 2, 0, "A-1", 3), 1.0)
    assert found.lendings == 3


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [
        (("Dell", "X"), ("DELL", "x"), 0),
        (("Dell", "X"), ("Dell", "Y"), 1),
        (("Dell", "X"), ("HP", "X"), 2),
    ],
)
def test_likeness(one: tuple[str, str], other: tuple[str, str], far: int) -> None:
    assert likeness(one, other) == far


def test_no_name_of_anybody_is_in_a_row(workshop: Workshop) -> None:
    _, told = do(workshop, Command("swap", "Jan Janssens", "A-1", other="A-3", text="Jan Janssens"))
    assert "Janssens" not in str(told)


@pytest.mark.parametrize(
    ("state", "reason", "asks_anew"),
    [
        (State.ASKING, Reason.LENT_OUT, True),
        (State.ASKING, Reason.INVENTORY_AWAY, False),
        (State.DONE, None, False),
        (State.ASIDE, Reason.LENT_OUT, False),
    ],
)
def test_only_one_that_asks_because_it_was_lent_out_goes_on_when_it_is_back(
    workshop: Workshop, state: State, reason: Reason | None, asks_anew: bool
) -> None:
    workshop = workshop.with_laptop(replace(workshop.laptops[ONE], state=state, reason=reason))
    after, _ = do(workshop, Command("lent", "An", "A-1", text="no"))
    assert not after.laptops[ONE].lent
    assert ((after.laptops[ONE].state, after.laptops[ONE].reason) != (state, reason)) is asks_anew
