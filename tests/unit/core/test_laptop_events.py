"""What agents tell, where it no longer fits, and what one laptop's disk says of another's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.disks import Disk
from cloned.core.events import Command, Configured, Failed, Finished, Judged, Ready, Returned, Settings, Vanished
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import Laptop, State, VerdictKind
from cloned.core.ledger_events import NoNumber
from cloned.core.reasons import Reason
from tests.story import DISK, GB, Story


def at_work() -> tuple[Story, Laptop, SessionId]:
    story = Story(confirm="auto")
    laptop = story.boot()
    assert laptop.session is not None
    return story, laptop, laptop.session


def done() -> tuple[Story, Laptop]:
    story, laptop, _ = at_work()
    story.clone(laptop.id)
    story.tell(Finished(laptop.id, ()))
    return story, story.laptop(laptop.id)


@pytest.mark.parametrize(
    "event",
    [Failed, lambda ident, *_: Returned(ident), lambda ident, *_: NoNumber(ident, "away")],
    ids=["failed", "returned", "no number"],
)
def test_what_is_told_of_one_that_is_done_or_not_there_changes_nothing(event: Any) -> None:
    story, laptop = done()
    story.tell(Configured(Settings(confirm="auto", default_image="school", number_seconds=60)))
    for ident in (laptop.id, LaptopId("nobody")):
        story.tell(event(ident, "no-memory", "bad luck"))
        assert dict(story.state.laptops) == {laptop.id: laptop}


def test_one_that_is_heard_while_it_is_here_goes_on_undisturbed() -> None:
    story, laptop, _ = at_work()
    story.tell(Returned(laptop.id))
    assert story.laptop(laptop.id) == laptop


def test_one_that_is_not_heard_any_more_is_gone_and_says_so() -> None:
    story, laptop, _ = at_work()
    story.tell(Vanished(laptop.id))
    assert (story.laptop(laptop.id).state, story.laptop(laptop.id).reason) == (State.GONE, Reason.NOT_HEARD)


def judged(*verdicts: VerdictKind) -> Laptop:
    story, laptop, session = at_work()
    story.tell(Ready(laptop.id, session, "S1", (), False))
    for number, verdict in enumerate(verdicts, 1):
        story.tell(Judged(laptop.id, session, number, verdict, 3, (), "f" * 64, GB))
    return story.laptop(laptop.id)


@pytest.mark.parametrize(
    ("verdicts", "state", "reason", "begins"),
    [
        ([VerdictKind.DIFFERS], State.RECEIVING, None, "differs: 3 pieces"),
        ([VerdictKind.UNREADABLE], State.RECEIVING, None, "unreadable: 3 pieces"),
        ([VerdictKind.DIFFERS] * 4, State.RECEIVING, None, "differs: 3 pieces"),
        ([VerdictKind.DIFFERS] * 5, State.ASIDE, Reason.STILL_DIFFERS, ""),
        ([VerdictKind.DIFFERS, VerdictKind.UNREADABLE], State.ASIDE, Reason.DISK_READ_ERROR, ""),
        ([VerdictKind.UNREADABLE, VerdictKind.DIFFERS], State.RECEIVING, None, "differs: 3 pieces"),
    ],
)
def test_a_disk_that_cannot_be_read_has_one_more_round_and_one_that_differs_five(
    verdicts: list[VerdictKind], state: State, reason: Reason | None, begins: str
) -> None:
    laptop = judged(*verdicts)
    assert (laptop.state, laptop.reason) == (state, reason)
    assert str(laptop.history[-1].why).startswith(begins)


def test_a_round_counts_once() -> None:
    story, laptop, session = at_work()
    story.tell(Ready(laptop.id, session, "S1", (), False))
    told = Judged(laptop.id, session, 1, VerdictKind.DIFFERS, 3, (), "f" * 64, GB)
    story.tell(told)
    once = story.state
    story.tell(replace(told, verdict=VerdictKind.VERIFIED))
    assert story.state.laptops == once.laptops


def test_a_session_counts_from_its_first_laptop_that_was_ready() -> None:
    story, laptop, session = at_work()
    story.tell(Ready(laptop.id, session, "S1", (), False))
    first = story.now
    other = replace(laptop, id=LaptopId("other"), number=2)
    story.state = story.state.with_laptop(other)
    story.tell(Ready(other.id, session, "S1", (), False), after=30)
    assert story.state.sessions[session].first_ready == first


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, VerdictKind.NONE),
        ({"onto": replace(DISK, serial="S9")}, VerdictKind.VERIFIED),
        ({"onto": None}, VerdictKind.VERIFIED),
        ({"state": State.ASKING}, VerdictKind.VERIFIED),
        ({"open": False}, VerdictKind.VERIFIED),
    ],
    ids=str,
)
def test_what_was_read_back_elsewhere_counts_no_more_once_its_disk_is_written_here(
    more: dict[str, Any], verdict: VerdictKind
) -> None:
    """Only of one that is away, whose attempt is not over, and whose disk is this very one."""
    story, laptop, session = at_work()
    onto: Disk | None = more.get("onto", DISK)
    job = replace(laptop.job, verdict=VerdictKind.VERIFIED, open=more.get("open", True))
    other = replace(
        laptop,
        id=LaptopId("other"),
        number=2,
        session=None,
        state=more.get("state", State.GONE),
        goal=replace(laptop.goal, onto=onto),
        job=job,
    )
    story.state = story.state.with_laptop(other)
    story.tell(Ready(laptop.id, session, "S1", (), False))
    assert story.laptop(other.id).job.verdict is verdict
    assert story.laptop(laptop.id).state is State.RECEIVING


def test_a_pause_leaves_one_that_finishes_and_those_that_wait_alone() -> None:
    story, laptop, _ = at_work()
    story.clone(laptop.id)
    assert story.laptop(laptop.id).state is State.FINISHING
    story.tell(Command("pause", "An"))
    assert story.laptop(laptop.id).state is State.FINISHING
    other, busy, _ = at_work()
    other.tell(Command("pause", "An"))
    assert (other.laptop(busy.id).state, other.laptop(busy.id).session) == (State.WAITING, None)


@pytest.mark.parametrize("at", [State.ASKING, State.RECEIVING, State.ASIDE])
def test_finishing_steps_of_one_that_does_not_finish_make_nothing_done(at: State) -> None:
    story, laptop, _ = at_work()
    story.state = story.state.with_laptop(replace(laptop, state=at))
    story.tell(Finished(laptop.id, (("grow", "failed", "no room"),)))
    story.tell(Finished(LaptopId("nobody"), ()))
    assert (story.laptop(laptop.id).state, story.laptop(laptop.id).job.steps) == (at, laptop.job.steps)
