"""Rules that ask for one of two things or for both: each of them alone, and neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.commands import accept, refusal
from cloned.core.disks import Disk
from cloned.core.effects import _condition_changed, _told_last
from cloned.core.erasing import _failed_disk
from cloned.core.erasure import Erasure, _dated
from cloned.core.events import Command, Settings
from cloned.core.evidence import Evidence, perhaps, weigh_sights
from cloned.core.hardware import _number
from cloned.core.hello import _figure
from cloned.core.ids import LaptopId, _fuller, clean, same
from cloned.core.known import KnownElsewhere
from cloned.core.laptop import CloneJob, Contact, Facts, Goal, Laptop, State
from cloned.core.ledger_events import InventoryTold
from cloned.core.overtaken import ahead
from cloned.core.reasons import Reason
from cloned.core.recorded import _of_row
from cloned.core.refusals import Refusal, Refused
from cloned.core.schedule import Wait, _explained
from cloned.core.triage import TriageRule, contradictions
from cloned.core.verdict import _ranges
from cloned.core.workshop import Workshop, _twin, not_in_the_list
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasePhase
from cloned.disk.manifest import PIECE, Layer, Manifest, Plan
from cloned.disk.media import Medium
from tests.story import DISK, GB, IMAGE, Story

MAC, OTHER, THIRD = (f"00:11:00:00:00:0{number}" for number in (1, 2, 3))
IDENTITY = clean("", "PF1", "Dell Inc.", "Latitude 5490", [MAC])
FAILED = DiskErasure(Medium("/dev/sda", 10**9, serial="S1"), EraseLevel.CLEAR, phase=ErasePhase.FAILED)
STARTED = replace(FAILED, phase=ErasePhase.STARTED)
OVER = Erasure("e1", 1, EraseLevel.CLEAR, "An", 1.0, (FAILED,), recorded=True)


def laptop(ident: str = "one", **more: Any) -> Laptop:
    made = Laptop(
        LaptopId(ident), 1, Facts(IDENTITY, disks=(DISK,)), State.ASKING, 0, 0,
        contact=Contact(hellos=1, last_hello=5.0, booted_at=4.0),
    )  # fmt: skip
    return replace(made, **more)


# -- whom a sight is of ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "seen", "one"),
    [
        ({"serial": "PF1", "product": "Latitude 5490"}, {"serial": "PF1"}, True),
        ({"serial": "PF1"}, {"serial": "PF1", "product": "Latitude 5490"}, True),
        ({"serial": "PF1", "product": "Latitude 5490"}, {"serial": "PF1", "product": "Latitude 7490"}, False),
        ({"serial": "PF1"}, {"serial": "PF2"}, False),
        ({}, {}, True),
        ({"serial": "PF1"}, {}, True),
    ],
)
def test_two_sights_of_0_1_are_of_one_laptop(known: dict[str, str], seen: dict[str, str], one: bool) -> None:
    assert same(clean(macs=[MAC], **known), clean(macs=[MAC], **seen)) is one


def test_a_card_counts_only_where_nothing_better_is_known_of_one_of_them() -> None:
    told, bare = clean("", "PF1", macs=[MAC]), clean(macs=[MAC])
    uuid = clean("4c4c4544-0042-4a10-8034-b7c04f345332", macs=[MAC])
    assert (same(told, bare), same(told, uuid), same(bare, clean(macs=[OTHER]))) == (True, False, False)


def test_of_two_ways_to_write_a_word_the_longer_one_stays() -> None:
    assert _fuller("PF 1", "PF+/1") == "PF+/1", "GRUB makes one space of what it cannot send"
    assert _fuller("PF+/1", "PF 1") == "PF+/1"
    assert _fuller("PF+1", "PF/1") == "PF+1", "where neither is longer, the newer one"
    assert (_fuller("", "PF1"), _fuller("PF2", "PF1")) == ("PF1", "PF2")


def bare(*cards: str, disk: str) -> Evidence:
    return Evidence(clean(macs=list(cards)), (Disk("/dev/sda", 250 * GB, serial=disk),))


@pytest.mark.parametrize(
    ("known", "seen", "weight"),
    [
        (bare(MAC, OTHER, disk="D1"), bare(MAC, OTHER, disk="D1"), 3),
        (bare(MAC, OTHER, disk="D1"), bare(MAC, OTHER, disk="D2"), 1),
        (bare(MAC, OTHER, disk="D1"), bare(MAC, THIRD, disk="D2"), 0),  # what they share may be a dock
        (bare(MAC, OTHER, disk="D1"), bare(MAC, THIRD, disk="D1"), 3),
        (bare(MAC, disk="D1"), bare(OTHER, disk="D1"), 0),  # a disk that was moved
        (bare(disk="D1"), bare(OTHER, disk="D1"), 2),
        (bare(MAC, disk="D1"), bare(disk="D1"), 2),
        (bare(disk="D1"), bare(OTHER, disk="D2"), 0),
    ],
)
def test_cards_and_disks_of_those_that_say_nothing(known: Evidence, seen: Evidence, weight: int) -> None:
    assert weigh_sights(known, seen, (), docks=False) == weight


def test_a_dock_of_its_own_is_no_other_laptop() -> None:
    """The row of the very laptop that comes says nothing of what its cards prove for another."""
    away = laptop("away", state=State.GONE, facts=Facts(clean(macs=[MAC]), disks=(DISK,)))
    own = laptop("own", facts=Facts(clean(macs=[MAC]), disks=(DISK,), dongles=(MAC,)))
    seen = Evidence(clean(macs=[MAC]), (replace(DISK, serial="S9"),))
    assert perhaps({each.id: each for each in (away, own)}, seen, own.id) is away


@pytest.mark.parametrize(
    ("mine", "seen", "state", "twin"),
    [
        ("", "", State.RECEIVING, True),
        ("PF1", "", State.RECEIVING, True),
        ("PF1", "PF1", State.RECEIVING, False),
        ("", "", State.ASKING, False),
    ],
)
def test_a_vendors_copy_has_other_cards_while_the_other_one_is_at_work(
    mine: str, seen: str, state: State, twin: bool
) -> None:
    one = laptop(state=state, facts=Facts(clean("", mine, macs=[MAC])))
    assert _twin(one, clean("", seen, macs=[OTHER])) is twin
    assert not _twin(one, clean("", seen, macs=[MAC]))
    assert not _twin(one, clean("", seen))


# -- what is told of it ------------------------------------------------------------------------------


def test_what_a_row_says_of_disks_is_a_serial_number_or_a_size() -> None:
    told = [{"serial": "S1"}, {"size": 5}, {"serial": "S2", "size": 6, "wwn": "w"}, {}, "x"]
    found = _of_row({"erasure": {"disks": told}})
    assert [(each.serial, each.size, each.wwn) for each in found] == [("S1", 0, ""), ("", 5, ""), ("S2", 6, "w")]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"lendings": 1, "lent": True}, "lending"),
        ({"lendings": 1, "came_back": True}, "lending"),
        ({"lendings": 1}, None),
        ({"lent": True}, None),
        ({"state": State.ERASED, "erasure": OVER}, "erasure"),
        ({"state": State.ERASED, "erasure": replace(OVER, recorded=False)}, None),
        ({"state": State.ASIDE, "erasure": OVER}, None),
        ({"state": State.DONE, "job": CloneJob(1)}, "clone"),
        ({"state": State.DONE, "job": CloneJob(1, open=True)}, None),
        ({"state": State.RECEIVING, "job": CloneJob(1)}, None),
    ],
    ids=str,
)
def test_what_inventories_got_last(more: dict[str, Any], kind: str | None) -> None:
    row = _told_last(laptop(goal=Goal(image="school"), **more), 9.0)
    kinds = {"lending": "lending", "erasure": "erasure"}
    found = None if row is None else kinds.get(str(row.get("kind")), "clone")
    assert found == kind


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (None, {"reason": Reason.FOR_PARTS}, True),
        ({}, {"reason": Reason.FOR_PARTS}, True),
        ({"reason": Reason.FOR_PARTS}, {"reason": Reason.FOR_PARTS}, False),
        (None, {}, False),
        ({}, {}, False),
    ],
    ids=str,
)
def test_that_it_is_held_back_is_told_once(was: Any, now: dict[str, Any], told: bool) -> None:
    assert _condition_changed(None if was is None else laptop(**was), laptop(**now)) is told


def test_times_of_an_erasure_are_the_daemons() -> None:
    planned = replace(FAILED, phase=ErasePhase.PLANNED, started=0.0)
    remembered = replace(FAILED, phase=ErasePhase.REMEMBERED, started=99.0, ended=99.0)
    assert _dated(remembered, planned, 7.0).started == 7.0
    assert _dated(remembered, replace(remembered, started=5.0), 7.0).started == 5.0
    assert _dated(replace(STARTED, started=99.0), replace(planned, started=5.0), 7.0).started == 5.0
    assert _dated(replace(FAILED, ended=99.0), STARTED, 7.0).ended == 7.0
    assert _dated(replace(STARTED, ended=99.0), STARTED, 7.0).ended == 0.0


def test_a_disk_is_set_aside_once_all_are_through_and_it_failed() -> None:
    done = replace(FAILED, medium=replace(FAILED.medium, serial="S2"), phase=ErasePhase.VERIFIED)
    for erasure, found in (
        (OVER, True), (replace(OVER, disks=(FAILED, replace(STARTED, medium=done.medium))), False), (None, False),
        (replace(OVER, disks=(FAILED, done)), True),
    ):  # fmt: skip
        assert (_failed_disk(laptop(erasure=erasure), "S1") is FAILED) is found
    assert _failed_disk(laptop(erasure=replace(OVER, disks=(FAILED, done))), "S2") is None


@pytest.mark.parametrize(("erasures", "theirs", "more"), [(1, 0, False), (1, 1, True), (1, 2, True)])
def test_an_erasure_under_way_that_has_a_result_is_over(erasures: int, theirs: int, more: bool) -> None:
    mine = laptop(erasures=erasures, erasure=replace(OVER, disks=(STARTED,)))
    assert ahead(mine, 0, theirs, 0) is more


@pytest.mark.parametrize(
    ("told", "kept", "figure"),
    [(0, 0.0, 0), (7, 7.0, 7), (2**53 - 1, float(2**53 - 1), 2**53 - 1), (2**53, 0.0, None), (-1, 0.0, None), (True, 0.0, None),
     ("7", 0.0, None), (None, 0.0, None)],
)  # fmt: skip
def test_numbers_are_numbers(told: Any, kept: float, figure: int | None) -> None:
    assert (_number({"x": told}, "x"), _figure({"x": told}, "x")) == (kept, figure)


def test_a_word_from_a_list_marks_one_that_nobody_marked() -> None:
    for mark, marked in (("", "school"), ("own", "own")):
        story = Story()
        mine = story.boot()
        story.state = story.state.with_laptop(replace(mine, mark=mark))
        story.tell(InventoryTold(mine.id, (KnownElsewhere("list", 1.0, 1, label="school"),)))
        assert story.laptop(mine.id).mark == marked


def test_a_pieces_neighbours_are_one_range_and_so_many_are_told() -> None:
    layers = (Layer(1, "sda1", "ext4", 0, 400 * PIECE, ((0, 400 * PIECE),)),)
    manifest = Manifest("school", Plan("", 512, 500 * PIECE, None, None, layers), (b"",) * 400, 500 * PIECE)
    assert [(each.first, each.last, each.pieces) for each in _ranges(manifest, (3, 4, 9))] == [
        (3 * PIECE, 5 * PIECE - 1, 2), (9 * PIECE, 10 * PIECE - 1, 1),
    ]  # fmt: skip
    apart = tuple(range(0, 400, 2))
    assert [len(_ranges(manifest, apart, most)) for most in (1, 50)] == [1, 50]


# -- who is next, and what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"since": 9.0, "goal": Goal(image="other")}, Reason.OTHER_IMAGE_FIRST),
        ({"since": 1.0, "goal": Goal(image="other")}, Reason.SWITCH_FULL),
        ({"since": 9.0, "goal": Goal(image="school")}, Reason.SWITCH_FULL),
        ({"since": 5.0, "number": 2, "goal": Goal(image="other")}, Reason.OTHER_IMAGE_FIRST),
        ({"since": 5.0, "number": 1, "goal": Goal(image="other")}, Reason.SWITCH_FULL),
    ],
    ids=str,
)
def test_one_that_came_later_goes_first_where_its_image_has_fewer_places(turn: dict[str, Any], reason: Reason) -> None:
    waits = laptop(since=5.0, goal=Goal(image="school"))
    assert _explained(Wait(Reason.SWITCH_FULL), waits, laptop("turn", **turn)).reason is reason
    assert _explained(Wait(Reason.LINK_FULL), waits, laptop("turn", **turn)).reason is Reason.LINK_FULL


def test_an_organisation_is_one_of_those_configured() -> None:
    for known, shown in ((("School 7", "Stad"), "School 7, Stad"), ((), "-")):
        given = Workshop(settings=Settings(organisations=known))
        assert not_in_the_list(given, "") is None
        found = not_in_the_list(given, "x")
        assert found is not None
        assert found.values["known"] == shown
    assert not_in_the_list(given, "x") is not None


def test_a_command_is_refused_for_its_target_or_for_its_words() -> None:
    given = Workshop(images={"school": IMAGE}).with_laptop(laptop())
    cases = {
        Refused.NO_SUCH_LAPTOP: Command("move", "An", "nobody", image="school"),
        Refused.NO_SUCH_IMAGE: Command("move", "An", "one", image="old"),
    }
    for code, command in cases.items():
        found = refusal(given, command)
        assert found is not None
        assert found.code == code
    for target, name in (("nobody", "nobody"), ("", "(none)")):
        found = refusal(given, Command("exclude", "An", target))
        assert found is not None
        assert found.values["name"] == name


def test_one_at_work_is_not_forgotten_and_is_named_by_its_sticker_else_by_its_number() -> None:
    for tag, name in (("A-7", "A-7"), ("", 1)):
        busy = Workshop().with_laptop(laptop(state=State.RECEIVING, tag=tag))
        found = accept(busy, Command("forget", "An", "one"))
        assert isinstance(found, Refusal)
        assert (found.code, found.values["name"]) == (Refused.AT_WORK, name)


@pytest.mark.parametrize(("least", "most", "never"), [(8, 8, True), (9, 8, True), (7, 8, False)])
def test_a_rule_that_nothing_can_fulfil_is_told(least: int, most: int, never: bool) -> None:
    rule = TriageRule("r", (("memory_at_least_gb", least), ("memory_below_gb", most)), say="x")
    assert any("never hold together" in str(each) for each in contradictions((rule,))) is never
