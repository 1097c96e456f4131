"""Where a rule of the core begins and ends: what lies on the edge, just beside it, and what names the other case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core import capture, overtaken
from cloned.core.catalogue import ImageRule, Machine
from cloned.core.commands import accept
from cloned.core.disks import Disk
from cloned.core.effects import _results
from cloned.core.erasing import VERBS as ERASING
from cloned.core.erasure import FirstWord
from cloned.core.estimate import SETTLED_SECONDS, _settled
from cloned.core.events import Command, Configured, Settings
from cloned.core.finishing import LABEL, _label
from cloned.core.hello import _keys, facts
from cloned.core.ids import Identity, LaptopId, clean
from cloned.core.known import KnownElsewhere, KnownToLedger
from cloned.core.laptop import CloneJob, Contact, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.ledger_events import InventoryTold, LedgerAhead, TagsUsed
from cloned.core.lending import ready_to_go
from cloned.core.orders import order
from cloned.core.overtaken import _overtaken
from cloned.core.refusals import Refusal
from cloned.core.snapshot import _progress
from cloned.core.tagged import TagGiven
from cloned.core.tags import tail_of
from cloned.core.triage_facts import CONDITIONS, WORN
from cloned.core.trial_result import Trial, TrialResult
from cloned.core.trials import read
from cloned.core.workshop import Workshop
from tests.story import DISK, GB, IMAGE, Story

IDENTITY = clean("", "PF1", "Dell Inc.", "Latitude 5490", ["02:00:00:00:00:01"])


def laptop(ident: str = "one", **more: Any) -> Laptop:
    made = Laptop(
        LaptopId(ident), 1, Facts(IDENTITY, disks=(DISK,)), State.ASKING, 0, 0,
        contact=Contact(hellos=1, last_hello=5.0, booted_at=4.0),
    )  # fmt: skip
    return replace(made, **more)


# -- what an agent tells -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "kept"),
    [(0, 0.0), (12.34, 12.3), (86399, 86399.0), (86400, 0.0), (-1, 0.0), ("9", 0.0), (float("nan"), 0.0), (None, 0.0)],
)
def test_a_test_takes_less_than_a_day(told: Any, kept: float) -> None:
    assert read({"name": "memory", "result": "passed", "seconds": told}, 1.0).seconds == kept


def told_disk(**more: Any) -> Disk:
    data = {"serial": "PF1", "macs": ["02:00:00:00:00:01"], "disks": [{"path": "/dev/sda", "size": 5, **more}]}
    [disk] = facts(data).disks
    return disk


@pytest.mark.parametrize("told", [True, False, "yes", 1, None])
def test_a_disk_may_be_written_only_where_the_agent_says_so(told: Any) -> None:
    assert told_disk(eligible=told).eligible is (told is True)


def test_of_what_a_disk_says_of_itself_nothing_that_cannot_be_is_kept() -> None:
    assert (told_disk(smart="ok").smart, told_disk().smart) == ("ok", "unknown")
    assert [told_disk(size=size).size for size in (2**63 - 1024, float(2**63), -1)] == [2**63 - 1024, 0, 0]


@pytest.mark.parametrize(
    ("pair", "kept"),
    [
        (["shim", 4], True),
        (["shim", 0], True),
        (["shim", 2**31 - 1], True),
        (["shim", 2**31], False),
        (["shim", -1], False),
        (["shim", "4"], False),
        (["shim"], False),
        (["shim", 4, 5], False),
        ([4, 4], False),
        (["shi\x1bm", 4], False),
        ("shim", False),
    ],
)
def test_a_level_of_sbat_is_a_word_and_a_number(pair: Any, kept: bool) -> None:
    assert bool(_keys({"sbat": [pair]}).sbat) is kept


def test_a_key_is_of_hexadecimal_digits_all_of_which_may_occur() -> None:
    every = "0123456789abcdef"
    assert _keys({"trusted": [every, every[:-1], every[:-1] + "g"]}).trusted == (every,)


# -- what people and rules name ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disk", "memory", "fits"), [(9, 4, False), (10, 4, True), (20, 4, True), (21, 4, False), (15, 3, False)]
)
def test_a_rule_for_images_takes_both_its_limits_in(disk: int, memory: int, fits: bool) -> None:
    rule = ImageRule("school", min_disk=10, max_disk=20, min_memory=4)
    assert rule.matches(Machine("Dell", "X", "uefi", disk=disk, memory=memory)) is fits


@pytest.mark.parametrize(("tag", "length", "tail"), [("DM-0412", 3, "412"), ("DM-0412", 4, "0412"), ("DM-41", 3, ""), ("DM-0412", 0, "")])  # fmt: skip
def test_the_last_digits_of_a_number(tag: str, length: int, tail: str) -> None:
    assert tail_of(tag, length) == tail


def test_a_name_that_a_label_holds_is_left_as_it_is() -> None:
    whole, longer = "a" * LABEL, "a" * (LABEL + 1)
    assert _label(whole) == whole
    assert (len(_label(longer)), _label(longer)[: LABEL - 9]) == (LABEL, "a" * (LABEL - 9))


@pytest.mark.parametrize(
    ("condition", "of", "found"),
    [
        ("camera", {"trials": (Trial("camera", TrialResult.PASSED, "", 1.0, 1.0),)}, True),
        ("camera", {"trials": (Trial("camera", TrialResult.FAILED, "", 1.0, 1.0),)}, None),
        ("camera", {"trials": (Trial("memory", TrialResult.PASSED, "", 1.0, 1.0),)}, None),
        ("disk", {"facts": Facts(IDENTITY, disks=(replace(DISK, worn=WORN, smart="ok"),))}, "worn"),
        ("disk", {"facts": Facts(IDENTITY, disks=(replace(DISK, worn=WORN - 1, smart="ok"),))}, "ok"),
        ("disk", {"facts": Facts(IDENTITY, disks=(replace(DISK, worn=WORN, smart="failing"),))}, "failing"),
    ],
)
def test_what_triage_reads(condition: str, of: dict[str, Any], found: Any) -> None:
    assert CONDITIONS[condition].read(laptop(**of), 1.0) == found


def test_at_least_takes_the_number_itself_in() -> None:
    at_least = CONDITIONS["memory_at_least_gb"].holds
    assert [at_least(found, 8) for found in (7.9, 8, 8.1)] == [False, True, True]


def test_who_can_go_out_instead_is_done_and_here_and_not_itself() -> None:
    back = laptop("back", state=State.DONE)
    others = [
        laptop("ready", state=State.DONE, tag="A"),
        laptop("out", state=State.DONE, lent=True),
        laptop("returned", state=State.DONE, came_back=True),
        laptop("busy", state=State.RECEIVING),
    ]
    given = Workshop()
    for each in (back, *others):
        given = given.with_laptop(each)
    assert [each.id for each in ready_to_go(given, back)] == ["ready"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, None),
        ({"state": State.RECEIVING}, "at-work"),
        ({"state": State.GONE, "job": CloneJob(1, open=True, verdict=VerdictKind.VERIFIED)}, "at-work"),
        ({"state": State.DONE}, "not-running"),
        ({"contact": Contact()}, "not-running"),
    ],
    ids=str,
)
def test_a_master_is_at_rest_and_runs(more: dict[str, Any], code: str | None) -> None:
    found = capture._not_now(laptop(**more))
    assert (None if found is None else found.code.value) == code


def test_a_refusal_names_a_laptop_by_its_sticker_else_by_its_number() -> None:
    for tag, name in (("A-7", "A-7"), ("", 1)):
        busy = Workshop().with_laptop(laptop(state=State.RECEIVING, tag=tag))
        found = accept(busy, Command("capture", "An", "one", image="new", disk="S1"))
        assert isinstance(found, Refusal)
        assert found.values["name"] == name


def test_who_erases_hears_whether_a_second_word_is_needed() -> None:
    [erase] = [verb for verb in ERASING if verb.name == "erase"]
    story = Story()
    story.boot()
    [ident] = story.state.laptops
    assert erase.answer(story.state, Command("erase", "An", ident)) == {}
    waits = replace(story.laptop(ident), first_word=FirstWord("erase", "An", 1.0, ("S1",)))
    assert erase.answer(story.state.with_laptop(waits), Command("erase", "An", ident)) == {"second": True}


# -- orders and rows ---------------------------------------------------------------------------------


def test_the_laptop_is_told_which_disk_and_offered_one_where_it_has_no_other() -> None:
    told = {"serial": "S1", "wwn": "", "path": "/dev/sda", "size": 250 * GB}
    story = Story(confirm="auto")
    assert order(story.state, story.boot())["disk"] == told
    asks = Story()
    offer = order(asks.state, asks.boot())["offer"]
    assert (offer["image"], offer["disk"]) == ("school", {**told, "model": ""})
    for disks in ((), (DISK, replace(DISK, path="/dev/sdb", serial="S2"))):
        several = Story()
        assert "offer" not in order(several.state, several.boot(disks=disks))


def test_what_a_person_may_test_is_in_every_order_but_the_last() -> None:
    wanted = ("keyboard",)
    waits = laptop(trials_wanted=wanted)
    given = Workshop(settings=Settings(layout="be"), images={"school": IMAGE})
    assert order(given, waits)["attended"] == {"tests": ["keyboard"], "layout": "be"}
    assert "attended" not in order(given, laptop())
    assert "attended" not in order(given, laptop(state=State.DONE))


@pytest.mark.parametrize(("state", "written"), [(State.DONE, False), (State.ASIDE, True)])
def test_what_was_written_counts_on_only_where_it_went_wrong(state: State, written: bool) -> None:
    goal = Goal(image="school", disk="S1", onto=DISK)
    for had in (True, False):
        ended = laptop(state=state, goal=replace(goal, written=had), job=CloneJob(1, open=True))
        after, rows = _results([ended.id], Workshop(images={"school": IMAGE}).with_laptop(ended), 9.0)
        assert after.laptops[ended.id].goal.written is (written and had)
        assert len(rows) == 1


@pytest.mark.parametrize(
    ("state", "since", "settled"),
    [
        (State.WAITING, 0.0, True),
        (State.RECEIVING, SETTLED_SECONDS, True),
        (State.RECEIVING, SETTLED_SECONDS - 1, False),
    ],
)
def test_a_rate_is_believed_once_it_has_settled(state: State, since: float, settled: bool) -> None:
    assert _settled(laptop(state=state, since=100.0), 100.0 + since) is settled


def test_time_left_is_ours_where_we_know_it_and_its_own_else() -> None:
    told = {"bytes": 5, "left_seconds": 9.0, "state": "receiving"}
    ours, own = _progress(told, 3.0), _progress(told, None)
    assert ours is not None
    assert own is not None
    assert (ours.left_seconds, own.left_seconds) == (3.0, 9.0)
    assert _progress({}, None) is None


# -- what the ledger and inventories say -------------------------------------------------------------


def known(*told: KnownElsewhere) -> Laptop:
    story = Story("auto")
    story.tell(Configured(Settings(confirm="auto", default_image="school", inventories=True)))
    mine = story.boot()
    story.tell(InventoryTold(mine.id, told))
    return story.laptop(mine.id)


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ([KnownElsewhere("snipe", 1.0, 1, "A-1")], "A-1"),
        ([KnownElsewhere("snipe", 1.0, 2, "A-1")], ""),
        ([KnownElsewhere("snipe", 1.0, 1, "")], ""),
        ([KnownElsewhere("snipe", 1.0, 1, "A-1"), KnownElsewhere("glpi", 1.0, 1, "A-2")], ""),
        ([KnownElsewhere("snipe", 1.0, 1, "A-1"), KnownElsewhere("glpi", 1.0, 1, "")], "A-1"),
        ([KnownElsewhere("snipe", 1.0, 1, "A-1"), KnownElsewhere("glpi", 1.0, 3, "A-2")], "A-1"),
    ],
)
def test_a_number_is_taken_from_the_one_inventory_that_has_one_entry_with_one(told: list[Any], tag: str) -> None:
    assert known(*told).tag == tag


@pytest.mark.parametrize(
    ("holder", "own", "tag"), [(None, "", "DM-1"), ("", "", "DM-1"), ("one", "", "DM-1"), ("x", "B", "B"), (None, "B", "DM-1")]
)  # fmt: skip
def test_a_restored_laptop_gets_the_ledgers_number_unless_another_has_it(
    holder: str | None, own: str, tag: str
) -> None:
    tags = {} if holder is None else {"dm-1": TagGiven("DM-1", holder, "", "", ())}
    given = Workshop(tags=tags)
    assert _overtaken(given, laptop(tag=own), KnownToLedger("one", tag="DM-1"), 9.0).tag == tag
    assert _overtaken(given, laptop(tag=own), KnownToLedger("one"), 9.0).tag == own


def test_after_a_restore_nobodys_word_counts_and_who_had_none_is_left_as_it_is() -> None:
    story = Story(places=0)
    first = story.boot()
    story.tell(Command("confirm", "An", first.id, image="school", disk="S1"))
    aside = replace(story.laptop(first.id), state=State.ASIDE)
    plain = laptop("plain")
    given = story.state.with_laptop(aside).with_laptop(plain)
    after = overtaken.told(given, LedgerAhead((), restored=True), 9.0)
    assert after.laptops[first.id].goal.confirmation is None
    assert after.laptops[plain.id] is plain


@pytest.mark.parametrize(
    ("pattern", "skip", "left_out"), [("DM-{seq:04}", 100, 100), ("DM-{seq:04}", 0, 0), ("", 100, 0)]
)
def test_numbers_are_left_out_after_a_restore_where_there_is_a_pattern(pattern: str, skip: int, left_out: int) -> None:
    story = Story()
    story.tell(Configured(Settings(default_image="school", tag_pattern=pattern)))
    story.tell(TagsUsed((), skip))
    assert sum(story.state.counts.values()) == left_out


def test_a_machine_without_words_claims_nothing() -> None:
    assert Identity(macs=("02:00:00:00:00:01",), vendor="Dell Inc.", product="Latitude 5490").claims == ()
    assert [kind for kind, _ in IDENTITY.claims] == ["serial number"]


def test_one_card_may_be_a_docks_only_by_the_rules_since_0_2() -> None:
    for judging, may_be in ((1, False), (2, True)):
        story = Story()
        story.tell(Configured(Settings(default_image="school", judging=judging)))
        first = story.boot()
        story.state = story.state.with_laptop(replace(story.laptop(first.id), state=State.GONE))
        second = story.boot(serial="", disks=(replace(DISK, serial="S9"),))
        assert (second.perhaps is not None, second.id != first.id) == (may_be, may_be)
