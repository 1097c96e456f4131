"""Sessions and batches that people end, and what a session is shown as."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.commands import VERBS, accept, obey
from cloned.core.effects import end_sessions
from cloned.core.events import Command, Settings
from cloned.core.ids import SessionId
from cloned.core.laptop import State
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.schedule import due
from cloned.core.session import Kind, Session
from cloned.core.session_commands import MOST_GUESTS
from cloned.core.snapshot import _session_state
from cloned.core.workshop import Batch, Workshop
from tests.story import IMAGE, Story

OPEN = Session(SessionId("s1"), 1, "school", IMAGE.image_hash, "aa", 0.0)
BATCH = Batch("b1", "", "X", "school", IMAGE.image_hash, "page", 0.0, 100.0)


def workshop(*sessions: Session, **settings: float) -> Workshop:
    made = Workshop(settings=Settings(**settings), images={"school": IMAGE}, latest=1000.0)  # type: ignore[arg-type]
    for session in sessions:
        made = made.with_session(session)
    return made


def test_one_batch_is_stopped_and_the_others_stay() -> None:
    given = replace(workshop(), batches={"b1": BATCH, "b2": replace(BATCH, id="b2")})
    assert list(obey(given, Command("unbatch", "An", "b1"), 1.0, "").batches) == ["b2"]


@pytest.mark.parametrize(("target", "ended"), [("s1", ["s1"]), ("s2", ["s2"]), ("", ["s1", "s2"])])
def test_one_session_is_ended_or_all(target: str, ended: list[str]) -> None:
    given = workshop(OPEN, replace(OPEN, id=SessionId("s2"), number=2))
    after = obey(given, Command("cancel", "An", target), 5.0, "")
    assert [each.id for each in after.sessions.values() if each.ended == 5.0] == ended


def test_whoever_is_in_a_session_that_is_ended_stops_and_who_is_in_another_goes_on() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    other = replace(OPEN, id=SessionId("s9"), number=9, image="another")
    story.state = story.state.with_session(other)
    story.tell(Command("cancel", "An", "s9"))
    assert story.laptop(laptop.id).state is State.READY
    story.tell(Command("cancel", "An", str(laptop.session)))
    assert (story.laptop(laptop.id).state, story.laptop(laptop.id).reason) == (State.ASIDE, Reason.CANCELLED)


@pytest.mark.parametrize(
    ("kind", "started", "ended", "active", "state"),
    [
        ("pieces", None, None, True, "sending"),
        ("pieces", None, None, False, "idle"),
        ("classic", None, None, True, "gathering"),
        ("classic", 5.0, None, True, "sending"),
        ("classic", 5.0, None, False, "idle"),
        ("guests", 5.0, None, False, "sending"),
        ("guests", 5.0, 9.0, True, "ended"),
    ],
)
def test_what_a_session_does(kind: Kind, started: float | None, ended: float | None, active: bool, state: str) -> None:
    assert _session_state(replace(OPEN, kind=kind, started=started, ended=ended), active=active) == state


def test_who_opened_one_for_guests_hears_its_port_or_that_there_is_none() -> None:
    asked, answer = Command("start", "An", image="school", guests=3), VERBS["start"].answer
    opened = replace(OPEN, id=SessionId("g1"), number=2, kind="guests", port=9000)
    assert answer(workshop(OPEN, opened), asked) == {"session": "g1", "port": 9000}
    for none in (workshop(), workshop(OPEN)):
        assert answer(none, asked) == Refusal(Refused.NO_PORT)
    assert answer(workshop(opened), replace(asked, guests=0)) == {}


@pytest.mark.parametrize(("guests", "fits"), [(0, True), (MOST_GUESTS, True), (MOST_GUESTS + 1, False), (-1, False)])
def test_so_many_guests_and_not_more(guests: int, fits: bool) -> None:
    given = replace(workshop(), images={"school": replace(IMAGE, classic=True, streams=1)})
    assert isinstance(accept(given, Command("start", "An", image="school", guests=guests)), Command) is fits


def test_a_session_whose_image_changed_or_went_ends_once_nobody_is_in_it() -> None:
    assert end_sessions(workshop(OPEN), 5.0).sessions[OPEN.id].ended is None
    for images in ({}, {"school": replace(IMAGE, image_hash="b" * 64)}):
        ended = end_sessions(replace(workshop(OPEN), images=images), 5.0)
        assert ended.sessions[OPEN.id].ended == 5.0


def test_a_tick_is_due_at_the_moment_and_not_before() -> None:
    assert not due(workshop(), 1000.0)
    held = replace(workshop(), holds={"school": 1001.0})
    batched = replace(workshop(), batches={"b1": replace(BATCH, until=1001.0)})
    idle = workshop(replace(OPEN, idle_since=401.0), linger_seconds=600.0)
    for given in (held, batched, idle):
        assert (due(given, 1000.9), due(given, 1001.0)) == (False, True)
    assert not due(workshop(replace(OPEN, idle_since=401.0, kind="guests"), linger_seconds=600.0), 1001.0)
    assert not due(workshop(replace(OPEN, idle_since=401.0, ended=500.0), linger_seconds=600.0), 1001.0)
    assert due(workshop(), 999.0), "the clock was set back"


def test_a_tick_is_due_when_a_word_runs_out_that_somebody_waits_with_and_for_nobody_else() -> None:
    story = Story(places=0)
    laptop = story.boot()
    story.tell(Command("confirm", "An", laptop.id, image="school", disk="S1"))
    waiting = story.laptop(laptop.id)
    given = waiting.goal.confirmation
    assert waiting.state is State.WAITING
    assert given is not None
    state = replace(story.state, latest=given.until)
    assert due(state, given.until)
    assert not due(replace(state, latest=given.until - 1), given.until - 1)
    aside = replace(waiting, state=State.ASIDE)
    assert not due(state.with_laptop(aside), given.until)
