"""What keeps one thing from another: whose word, whose session, whose number, and what is no longer asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.coin_cells import SLACK_DAYS, days_back
from cloned.core.commands import obey
from cloned.core.effects import end_sessions
from cloned.core.erase_events import DiskWritten
from cloned.core.erasing import wrote
from cloned.core.erasure import Erasure
from cloned.core.events import Command, Judged, Ready, Settings, Stalled, Tick
from cloned.core.fillers import usable_text
from cloned.core.hello import facts
from cloned.core.ids import LaptopId, SessionId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import CaptureWish, Confirmation, Contact, Facts, Goal, Laptop, State, Unweighed, VerdictKind
from cloned.core.session import Session
from cloned.core.tagged import TagGiven
from cloned.core.tags import _holder, use
from cloned.core.trials import due
from cloned.core.verbs import Role
from cloned.core.weighing import _believed, _made_free
from cloned.core.workshop import Batch, Workshop
from cloned.disk.erase import EraseLevel, Technique
from cloned.disk.erase_record import DiskErasure, ErasePhase
from cloned.disk.media import Medium
from tests.story import DISK, GB, IMAGE, Story

IDENTITY = clean("", "PF1", "Dell Inc.", "Latitude 5490", ["02:00:00:00:00:01"])
DAY = 86400
GIVEN = Confirmation("S1", "school", IMAGE.image_hash, "page", 9e9, 1.0)


def laptop(ident: str = "one", **more: Any) -> Laptop:
    made = Laptop(
        LaptopId(ident), 1, Facts(IDENTITY, disks=(DISK,)), State.ASKING, 0, 0,
        contact=Contact(hellos=1, last_hello=5.0, booted_at=4.0),
    )  # fmt: skip
    return replace(made, **more)


def test_each_may_do_what_those_below_may_and_nothing_above() -> None:
    reader, volunteer, administrator = Role
    assert [[one.may(other) for other in Role] for one in (reader, volunteer, administrator)] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip


# -- sessions ----------------------------------------------------------------------------------------


def test_what_is_told_of_another_session_or_by_one_that_is_not_at_work_is_not_heard() -> None:
    story = Story(confirm="auto")
    mine = story.boot()
    assert mine.session is not None
    for session in (SessionId("other"), mine.session):
        idle = replace(mine, id=LaptopId("idle"), state=State.ASKING)
        story.state = story.state.with_laptop(idle)
        before = story.laptop(idle.id)
        story.tell(Ready(idle.id, session, "S1", (), False))
        story.tell(Judged(idle.id, session, 1, VerdictKind.VERIFIED, 0, (), IMAGE.image_hash, GB))
        assert story.laptop(idle.id) == before
    story.tell(Ready(mine.id, SessionId("other"), "S1", (), False))
    assert story.laptop(mine.id).state is State.READY


@pytest.mark.parametrize("state", [State.ASKING, State.DONE, State.ASIDE, State.GONE])
def test_only_one_that_is_at_work_can_stand_still(state: State) -> None:
    story = Story()
    story.state = story.state.with_laptop(laptop(state=state))
    before = story.laptop(LaptopId("one"))
    for ident in ("one", "nobody"):
        story.tell(Stalled(LaptopId(ident), 60.0))
    assert story.laptop(LaptopId("one")) == before


def test_one_at_work_that_stands_still_is_set_aside() -> None:
    story = Story(confirm="auto")
    mine = story.boot()
    story.tell(Stalled(mine.id, 60.0))
    assert story.laptop(mine.id).state is State.ASIDE


OPEN = Session(SessionId("s1"), 1, "school", IMAGE.image_hash, "aa", 0.0)


@pytest.mark.parametrize(
    ("session", "busy", "idle_since", "ended"),
    [
        (OPEN, False, 50.0, None),
        (OPEN, True, None, None),
        (replace(OPEN, idle_since=40.0), True, None, None),
        (replace(OPEN, idle_since=40.0), False, 40.0, None),
        (replace(OPEN, idle_since=-550.0), False, -550.0, 50.0),
        (replace(OPEN, idle_since=-549.0), False, -549.0, None),
        (replace(OPEN, idle_since=5.0, ended=9.0), True, 5.0, 9.0),
        (replace(OPEN, idle_since=5.0, ended=9.0), False, 5.0, 9.0),
    ],
)
def test_a_session_is_idle_from_when_its_last_laptop_left_until_one_joins(
    session: Session, busy: bool, idle_since: float | None, ended: float | None
) -> None:
    given = Workshop(settings=Settings(linger_seconds=600.0), images={"school": IMAGE}).with_session(session)
    if busy:
        given = given.with_laptop(laptop(state=State.RECEIVING, session=OPEN.id))
    found = end_sessions(given, 50.0).sessions[OPEN.id]
    assert (found.idle_since, found.ended) == (idle_since, ended)


def test_whoever_waits_for_the_image_of_a_session_that_is_ended_must_be_confirmed_again_and_no_other() -> None:
    given = Workshop(images={"school": IMAGE}).with_session(OPEN)
    waits = {"state": State.WAITING, "goal": Goal(image="school", confirmation=GIVEN)}
    rows = [
        laptop("waits", **waits),
        laptop("elsewhere", state=State.WAITING, goal=Goal(image="other", confirmation=GIVEN)),
        laptop("asks", goal=Goal(image="school", confirmation=GIVEN)),
        laptop("finishes", state=State.FINISHING, session=OPEN.id, goal=Goal(image="school", confirmation=GIVEN)),
        laptop("receives", state=State.RECEIVING, session=OPEN.id, goal=Goal(image="school", confirmation=GIVEN)),
    ]
    for each in rows:
        given = given.with_laptop(each)
    after = obey(given, Command("cancel", "An", "s1"), 9.0, "")
    assert {each.id for each in after.laptops.values() if each.goal.confirmation is None} == {"waits", "receives"}
    assert after.sessions[OPEN.id].ended is None, "one finishes yet"


def test_start_is_said_to_a_session_that_gathers_and_to_no_other() -> None:
    for kind, images, go in (
        ("classic", {"school": replace(IMAGE, classic=True, streams=1)}, True),
        ("pieces", {"school": IMAGE}, False),
    ):
        given = Workshop(images=images).with_session(replace(OPEN, kind=kind))  # type: ignore[arg-type]
        assert obey(given, Command("start", "An", image="school"), 9.0, "").sessions[OPEN.id].go is go
    alone = Workshop(images={"school": IMAGE}, holds={"school": 99.0, "other": 99.0})
    assert obey(alone, Command("start", "An", image="school"), 9.0, "").holds == {"other": 99.0}


def test_holds_and_batches_are_over_at_their_moment() -> None:
    story = Story()
    until = story.now + 10
    batch = Batch("b1", "", "X", "school", IMAGE.image_hash, "page", 0.0, until)
    story.state = replace(story.state, holds={"school": until}, batches={"b1": batch})
    story.tell(Tick(), after=9.5)
    assert (list(story.state.holds), list(story.state.batches)) == (["school"], ["b1"])
    story.tell(Tick(), after=0.5)
    assert (story.state.holds, story.state.batches) == ({}, {})


def test_another_image_takes_the_confirmation_away_and_the_same_one_does_not() -> None:
    given = replace(Workshop(images={"school": IMAGE, "other": replace(IMAGE, name="other")}))
    mine = laptop(state=State.WAITING, goal=Goal(image="school", confirmation=GIVEN, written=True))
    for image, kept in (("school", True), ("other", False)):
        found = obey(given.with_laptop(mine), Command("move", "An", "one", image=image), 9.0, "").laptops[mine.id]
        assert (found.goal.image, found.goal.confirmation is not None, found.goal.written) == (image, kept, kept)
        assert found.state is (State.WAITING if kept else State.ASKING)


# -- numbers and ids ---------------------------------------------------------------------------------


def test_who_has_a_number_or_had_it_once_is_named() -> None:
    held = {"dm-1": TagGiven("DM-1", "gone", "", "PF9", ())}
    mine, other = laptop("one", tag="DM-7"), laptop("two", tag="DM-8")
    given = Workshop(tags=held).with_laptop(mine).with_laptop(other)
    assert [_holder(given, mine, tag) for tag in ("dm-7", "DM-8", "DM-1", "DM-9")] == [
        None, "1 (DM-8, Dell Inc. Latitude 5490, PF1)", "PF9", None,
    ]  # fmt: skip


def test_who_has_a_number_first_keeps_it_while_it_is_here() -> None:
    first, second, third = (TagGiven("DM-1", name, "", "", ()) for name in ("one", "two", "three"))
    given = Workshop().with_laptop(laptop("one")).with_laptop(laptop("two"))
    assert use(given, [first, second]).tags["dm-1"].laptop == "one"
    assert use(use(given, [first]), [second]).tags["dm-1"].laptop == "one"
    assert use(use(given, [third]), [second]).tags["dm-1"].laptop == "two", "the third is not here"


@pytest.mark.parametrize(
    ("holder", "mine", "believed"),
    [
        (None, {}, True),
        (laptop("ledgers"), {}, False),
        (laptop("ledgers", contact=Contact()), {}, True),
        (laptop("ledgers", unweighed=Unweighed.AWAY), {}, True),
    ],
    ids=str,
)
def test_an_id_that_another_here_has_for_certain_is_not_taken(holder: Laptop | None, mine: Any, believed: bool) -> None:
    given = Workshop() if holder is None else Workshop().with_laptop(holder)
    known = KnownToLedger("ledgers", 4, weighed=True)
    found = _believed(given, laptop(**mine), LaptopId("one"), known)
    assert (found == known) is believed
    assert ("ledgers" in found.taken) is not believed


def test_its_own_id_is_believed_unless_the_ledger_refused_it() -> None:
    known = KnownToLedger("one", 4, weighed=True)
    for mine, believed in ((laptop(), True), (laptop(unweighed=Unweighed.REFUSED), False)):
        given = Workshop().with_laptop(mine)
        assert (_believed(given, mine, mine.id, known) == known) is believed


def test_a_row_that_only_saw_a_menu_makes_room_and_one_at_work_or_owed_for_does_not() -> None:
    wanted = LaptopId("wanted")
    unheard, other = laptop("wanted", contact=Contact()), laptop("other")
    both = Workshop().with_laptop(unheard).with_laptop(other)
    made = _made_free(both, wanted, "0" * 32)
    assert made is not None
    assert list(made.laptops) == ["other"]
    busy = Workshop().with_laptop(laptop("wanted", state=State.RECEIVING))
    assert _made_free(busy, wanted, "0" * 32) is None
    assert (
        _made_free(replace(both, unrecorded={"wanted/1": {"laptop": "wanted", "attempt": 1}}), wanted, "0" * 32) is None
    )
    held = Workshop(held={"wanted/1": {"laptop": "wanted", "attempt": 1}})
    assert _made_free(held, wanted, "0" * 32) is None


# -- erasures and tests ------------------------------------------------------------------------------

PART = DiskErasure(
    Medium("/dev/sda", 10**9, serial="S1"), EraseLevel.CLEAR, Technique.OVERWRITE, phase=ErasePhase.STARTED
)
UNDER_WAY = Erasure("e1", 1, EraseLevel.CLEAR, "An", 1.0, (PART,))


@pytest.mark.parametrize(
    ("more", "erasure", "disk", "offset", "counts"),
    [
        ({"erasure": UNDER_WAY}, "e1", "S1", 500, True),
        ({"erasure": UNDER_WAY}, "e1", "S1", 10**9, False),
        ({"erasure": UNDER_WAY}, "e0", "S1", 500, False),
        ({"erasure": UNDER_WAY}, "e1", "S2", 500, False),
        ({}, "e1", "S1", 500, False),
        (None, "e1", "S1", 500, False),
    ],
    ids=str,
)
def test_how_far_an_erasure_came_is_heard_of_the_one_under_way(
    more: Any, erasure: str, disk: str, offset: int, counts: bool
) -> None:
    given = Workshop() if more is None else Workshop().with_laptop(laptop(state=State.ERASING, **more))
    after = wrote(given, DiskWritten(LaptopId("one"), erasure, disk, offset, ()), 9.0)
    assert (after is not given) is counts
    if counts:
        found = after.laptops[LaptopId("one")].erasure
        assert found is not None
        assert found.disks[0].offset == offset


@pytest.mark.parametrize(
    ("more", "runs"),
    [
        ({}, True),
        ({"state": State.RECEIVING}, False),
        ({"state": State.GONE}, False),
        ({"capture": CaptureWish(image="new")}, False),
        ({"state": State.ERASING}, True),
    ],
    ids=str,
)
def test_a_test_runs_by_itself_while_the_laptop_rests_or_is_erased(more: dict[str, Any], runs: bool) -> None:
    assert bool(due(laptop(trials_wanted=("memory",), **more))) is runs


@pytest.mark.parametrize(("days", "told"), [(SLACK_DAYS, 0), (SLACK_DAYS + 1, SLACK_DAYS + 1), (400, 400), (0, 0)])
def test_a_clock_that_is_a_little_behind_is_not_worth_a_word(days: int, told: int) -> None:
    at = 1_790_000_000
    mine = laptop(
        facts=replace(Facts(IDENTITY), clock=at - days * DAY), contact=Contact(hellos=1, last_hello=float(at))
    )
    assert days_back(mine) == told


def test_six_signs_that_repeat_are_a_filler() -> None:
    assert [usable_text(text) for text in ("12121", "121212", "ababab", "aaaaaa", "PF1212")] == [
        True,
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("told", "kept"), [("uefi", "uefi"), ("bios", "bios"), ("secureboot", "secureboot"), ("x", "")]
)
def test_a_firmware_is_one_of_three(told: str, kept: str) -> None:
    assert facts({"serial": "PF1", "macs": ["02:00:00:00:00:01"], "firmware": told}).firmware == kept


def test_sectors_have_the_usual_size_where_none_is_told() -> None:
    data = {"serial": "PF1", "macs": ["02:00:00:00:00:01"]}
    sizes = [
        facts({**data, "disks": [{"path": "/dev/sda", "size": 5, **more}]}).disks[0].sector_size
        for more in ({}, {"sector_size": 4096})
    ]
    assert sizes == [512, 4096]
