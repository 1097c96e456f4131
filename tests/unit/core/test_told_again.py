"""What inventories got of a laptop is told again where its number, or the organisation it is for, is known only later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.erasure import Erasure
from cloned.core.events import Command, Configured, Finished
from cloned.core.laptop import State
from cloned.core.recorded import recorded
from cloned.core.settings import Settings
from cloned.disk.erase import EraseLevel
from cloned.inventory.rows import clean
from tests.story import Story

SCHOOL = "School 7"


@pytest.fixture
def shop() -> Story:
    """A workshop whose only laptop is done, and has no number."""
    story = Story("auto")
    story.tell(Configured(Settings(confirm="auto", default_image="school", organisations=(SCHOOL,))))
    laptop = story.boot()
    story.clone(laptop.id)
    story.tell(Finished(laptop.id, ()))
    assert [(row["attempt"], row["state"], row["tag"]) for row in story.rows] == [(1, "done", "")]
    return story


def say(shop: Story, do: str, **more: str) -> list[tuple[object, ...]]:
    """What is told because of a command: kind, attempt, state, number, organisation, and what became of it since."""
    [ident], had = shop.state.laptops, len(shop.rows)
    shop.tell(Command(do, "An", ident, checked=True, **more))  # type: ignore[arg-type]  # texts alone are given
    names = ("kind", "attempt", "state", "tag", "organisation", "lending")
    return [tuple(row.get(name) for name in names) for row in shop.rows[had:]]


def test_a_number_and_an_organisation_that_come_after_the_result(shop: Story) -> None:
    assert say(shop, "tag", text="DM-1") == [(None, 1, "done", "DM-1", None, None)]
    assert say(shop, "organisation", text=SCHOOL) == [(None, 1, "done", "DM-1", SCHOOL, None)]
    assert say(shop, "organisation", text=SCHOOL) == []
    assert say(shop, "organisation", text="") == [(None, 1, "done", "DM-1", None, None)]
    assert set(shop.state.unrecorded) == {f"{next(iter(shop.state.laptops))}/1"}


def test_it_is_no_result_of_today_and_none_that_was_seen_before(shop: Story) -> None:
    """What is counted for today, "cloned on" and the order of a laptop's rows go by when it ended."""
    say(shop, "organisation", text=SCHOOL)
    say(shop, "organisation", text="")
    say(shop, "note", text="a scratch")
    first, *later = shop.rows
    assert {row["at"] for row in later} == {first["at"]}
    assert len({clean(row).key for row in shop.rows}) == 4


def test_after_a_lost_journal_one_that_came_back_is_still_that_though_something_was_noted(shop: Story) -> None:
    say(shop, "lent")
    say(shop, "lent", text="no")
    say(shop, "note", text="a scratch")
    newest = {row["attempt"]: row for row in shop.rows}
    assert recorded("x", list(newest.values())).came_back


def test_of_one_that_is_out_or_back_its_lending_is_told_again(shop: Story) -> None:
    assert say(shop, "lent") == [("lending", LENDINGS + 1, "lent", "", None, None)]
    assert say(shop, "tag", text="DM-1") == [("lending", LENDINGS + 1, "lent", "DM-1", None, None)]
    assert say(shop, "lent", text="no") == [("lending", LENDINGS + 2, "back", "DM-1", None, None)]
    assert say(shop, "organisation", text=SCHOOL) == [("lending", LENDINGS + 2, "back", "DM-1", SCHOOL, None)]


@pytest.mark.parametrize(("text", "since"), [("", "lent"), ("no", "back")])
def test_a_clone_told_again_says_what_became_of_the_laptop_since(shop: Story, text: str, since: str) -> None:
    assert say(shop, "note", text="a scratch")[0][-1] is None
    say(shop, "lent")
    if text:
        say(shop, "lent", text=text)
    assert say(shop, "note", text="and another") == [(None, 1, "done", "", None, since)]


def test_of_one_that_was_erased_that_is_told_again(shop: Story) -> None:
    [laptop] = shop.state.laptops.values()
    erasure = Erasure("e1", 1, EraseLevel.CLEAR, "An", 1000.0, (), ended=1100.0, recorded=True)
    shop.state = shop.state.with_laptop(replace(laptop, state=State.ERASED, erasure=erasure))
    [told] = say(shop, "tag", text="DM-1")
    assert told[:2] + told[3:4] == ("erasure", ATTEMPTS + 1, "DM-1")


@pytest.mark.parametrize("state", [State.ASKING, State.WAITING, State.RECEIVING, State.GONE])
def test_one_that_is_on_its_way_is_told_of_once_it_ends(shop: Story, state: State) -> None:
    [laptop] = shop.state.laptops.values()
    shop.state = shop.state.with_laptop(replace(laptop, state=state))
    assert say(shop, "organisation", text=SCHOOL) == []
