"""What speaks for two sights being of one machine, and whom a boot request is taken for, one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.boot import STARTING_SECONDS, unbelieved
from cloned.core.disks import Disk
from cloned.core.events import Booted, Command, Vanished
from cloned.core.evidence import Evidence, Same, Words, _near, contradicts, disks_same, perhaps, weigh_sights, words
from cloned.core.ids import Identity, LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import CloneJob, Contact, Facts, Laptop, State, VerdictKind
from cloned.core.ledger_events import Disowned
from cloned.core.overtaken import _overtaken, ahead
from cloned.core.recorded import traces
from cloned.core.same import _against, _joined, _same
from cloned.core.tagged import TagGiven
from cloned.core.weighing import _counted, _known_as, disowned, sight_now
from cloned.core.workshop import BootGiven, Workshop
from tests.story import GB
from tests.unit.core.test_identity import UUID, Field, mac

ONE, TWO = (Disk("/dev/sda", 250 * GB, serial=name) for name in ("D1", "D2"))


@pytest.mark.parametrize(
    ("known", "seen", "said"),
    [
        ({"uuid": UUID}, {"uuid": UUID}, Words.AGREE),
        ({"serial": "PF1", "product": "Latitude 5490"}, {"serial": "PF1", "product": "Latitude 5490"}, Words.AGREE),
        ({"serial": "PF1", "product": "Latitude 5490"}, {"serial": "PF1", "product": "Latitude 7490"}, Words.SILENT),
        ({"serial": "PF1", "product": "Latitude 5490"}, {"serial": "PF1"}, Words.AGREE),
        ({"serial": "PF1"}, {"serial": "PF2"}, Words.CONTRADICT),
        ({"serial": "PF1"}, {"uuid": UUID}, Words.SILENT),
        ({}, {}, Words.SILENT),
    ],
)
def test_what_firmware_says(known: dict[str, str], seen: dict[str, str], said: Words) -> None:
    assert words(clean(macs=[mac(1)], **known), clean(macs=[mac(2)], **seen)) is said


@pytest.mark.parametrize(
    ("known", "seen", "bare", "same"),
    [
        ((ONE,), (ONE,), False, Same.YES),
        ((ONE,), (TWO,), False, Same.NO),
        ((ONE,), (), False, Same.UNKNOWN),
        ((ONE,), (replace(TWO, serial=""),), False, Same.UNKNOWN),
        ((ONE,), (replace(TWO, serial=""),), True, Same.NO),
        ((ONE,), (), True, Same.UNKNOWN),
    ],
)
def test_what_disks_say(known: tuple[Disk, ...], seen: tuple[Disk, ...], bare: bool, same: Same) -> None:
    assert disks_same(known, seen, bare=bare) is same


def sight(*cards: int, disk: Disk | None = ONE, **said: str) -> Evidence:
    return Evidence(clean(macs=[mac(each) for each in cards], **said), () if disk is None else (disk,))


def test_where_one_tells_a_uuid_and_the_other_a_serial_number_cards_and_disks_must_both_agree() -> None:
    known = sight(1, 2, uuid=UUID)
    assert weigh_sights(known, sight(1, 2, serial="PF1"), ()) == 3
    assert weigh_sights(known, sight(1, 2, disk=TWO, serial="PF1"), ()) == 0
    assert weigh_sights(known, sight(3, 4, serial="PF1"), ()) == 0


@pytest.mark.parametrize(
    ("seen", "no"),
    [
        (sight(2, disk=TWO, serial="PF1"), True),
        (sight(1, disk=TWO, serial="PF2"), False),
        (sight(2, disk=ONE, serial="PF2"), False),
        (sight(2, disk=None, serial="PF2"), True),
        (sight(2, disk=None, serial="PF1"), False),
    ],
    ids=str,
)
def test_what_cannot_be_one_machine(seen: Evidence, no: bool) -> None:
    assert contradicts(sight(1, serial="PF1"), seen) is no


def laptop(ident: str = "one", *cards: int, disk: Disk = ONE, **more: Any) -> Laptop:
    facts = Facts(clean("", "", "Dell Inc.", "X", [mac(each) for each in cards or (1,)]), disks=(disk,))
    contact = Contact(hellos=1, last_hello=5.0, booted_at=4.0)
    return replace(Laptop(LaptopId(ident), 1, facts, State.GONE, 0, 0, contact=contact), **more)


def test_one_that_is_away_and_was_heard_may_be_who_comes_with_another_disk() -> None:
    comes = laptop("two", disk=TWO)
    seen = Evidence(comes.identity, comes.facts.disks)
    away = laptop()
    busy = (replace(away, state=State.ASKING), replace(away, contact=Contact()))

    def found(other: Laptop) -> Laptop | None:
        return perhaps({each.id: each for each in (other, comes)}, seen, comes.id)

    assert found(away) is away
    assert [found(each) for each in busy] == [None, None]
    assert found(laptop("one", 3)) is None
    assert perhaps({comes.id: comes}, seen, comes.id) is None


def test_a_card_that_all_have_and_a_disk_without_a_number_leave_no_trace() -> None:
    seen = Evidence(Identity(macs=("", "00:00:00:00:00:00", mac(1))), (ONE, replace(TWO, serial="")))
    assert traces(seen) == {f"mac/{mac(1)}", "disk/D1"}


# -- boots -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "proven", "unproven"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"address": "10.0.0.9"}, False, False),
        ({"at": 1000.0 - STARTING_SECONDS}, False, False),
        ({"mac": mac(2)}, False, False),
    ],
)
def test_a_mac_that_is_just_starting_elsewhere_must_be_proven(
    given: dict[str, Any], proven: bool, unproven: bool
) -> None:
    boot = replace(BootGiven("t1", mac(1), "10.0.0.5", 990.0, None), **given)
    event = Booted("t2", clean(macs=[mac(1)]), mac(1), "10.0.0.9", proven)
    assert unbelieved(Workshop(boots={"t1": boot}), event, 1000.0) is unproven


def test_who_says_hello_revokes_its_own_older_boots_and_nobody_elses() -> None:
    story = Field()
    first = story.start(mac(1), "D1")
    other = story.start(mac(7), "D7", uuid="", serial="PF7")
    story.tell(Vanished(first.id))
    again = story.start(mac(2), "D1")
    assert (again.id == first.id, other.id == first.id) == (True, False)
    assert {boot.laptop for boot in story.state.boots.values()} == {first.id, other.id}
    assert len(story.state.boots) == 2


# -- what the ledger says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "counted"),
    [(0, 0), (1, 5), (999_999, 1_000_003), (1_000_000, 1_000_002), (1_999_999, 2_000_001), (2_000_000, 2_000_003)],
)
def test_clones_erasures_and_lendings_are_each_counted_on_from_their_own(attempt: int, counted: int) -> None:
    assert _counted(attempt, KnownToLedger("x", 4, 2, lendings=3)) == counted


@pytest.mark.parametrize(
    ("number", "jobs", "is_open", "more"),
    [(2, 2, True, True), (2, 1, True, False), (2, 3, False, True), (2, 2, False, False), (0, 0, True, False)],
)
def test_the_ledger_is_ahead_where_it_has_what_is_still_open_here(
    number: int, jobs: int, is_open: bool, more: bool
) -> None:
    mine = laptop()
    mine = replace(mine, job=replace(mine.job, number=number, open=is_open))
    assert ahead(mine, jobs, 0, 0) is more


@pytest.mark.parametrize(
    ("holder", "tag"), [(None, "DM-1"), ("one", "DM-1"), ("was", "DM-1"), ("", "DM-1"), ("another", "")]
)
def test_the_ledgers_number_is_taken_where_nobody_else_has_it(holder: str | None, tag: str) -> None:
    tags = {} if holder is None else {"dm-1": TagGiven("DM-1", holder, "", "", ())}
    known = KnownToLedger("one", tag="DM-1")
    assert _known_as(Workshop(tags=tags), laptop(), LaptopId("was"), known, 9.0).tag == tag


def test_one_whose_id_was_anothers_is_told_so_and_one_that_keeps_its_own_is_not() -> None:
    known = KnownToLedger(weighed=True)
    for was, told in (("was", 1), ("one", 0)):
        found = _known_as(Workshop(), laptop(), LaptopId(was), known, 9.0)
        assert sum("another machine has the id" in str(each.why) for each in found.history) == told


@pytest.mark.parametrize(
    ("lendings", "number", "came_back"), [(0, 0, True), (1, 0, False), (0, 1, False), (1, 1, False)]
)
def test_that_it_came_back_is_believed_of_one_that_was_neither_lent_nor_cloned_here(
    lendings: int, number: int, came_back: bool
) -> None:
    mine = laptop(lendings=lendings)
    mine = replace(mine, job=replace(mine.job, number=number))
    known = KnownToLedger("one", came_back=True, lent=True)
    found = _known_as(Workshop(), mine, mine.id, known, 9.0)
    assert (found.came_back, found.lent) == (came_back, lendings == 0)


def test_what_may_be_anothers_stays_in_question_until_somebody_says_otherwise() -> None:
    mine, theirs = KnownToLedger("a"), KnownToLedger("b")
    for said, had, then in ((theirs, mine, theirs), (None, mine, mine), (theirs, None, theirs)):
        found = _known_as(Workshop(), laptop(perhaps=had), LaptopId("one"), KnownToLedger(perhaps=said), 9.0)
        assert found.perhaps == then


def test_a_row_that_is_refused_takes_its_laptops_along_and_no_others() -> None:
    rows = {
        f"{who}/{n}": {"laptop": who, "attempt": n, "macs": [mac(1)]} for who, n in (("one", 1), ("one", 2), ("x", 1))
    }
    given = Workshop(unrecorded=rows).with_laptop(laptop())
    after = disowned(given, Disowned(LaptopId("one"), 1), "0" * 32)
    assert (list(after.unrecorded), list(after.held)) == (["x/1"], ["one/1", "one/2"])
    assert disowned(given, Disowned(LaptopId("one"), 9), "0" * 32) is given


# -- two rows that are one ---------------------------------------------------------------------------


def test_what_goes_from_hand_to_hand_stays_nobodys_own_once_two_rows_are_one() -> None:
    older, newer = laptop("one", 1, 2), laptop("two", 1, 3)
    older = replace(older, facts=replace(older.facts, dongles=(mac(2),)))
    assert _joined(older, newer).facts.dongles == (mac(2),)
    assert _joined(newer, older).facts.dongles == (mac(2),)


@pytest.mark.parametrize(
    ("mine", "theirs", "code"),
    [
        ({}, {}, None),
        ({"state": State.RECEIVING}, {}, "at-work"),
        ({}, {"state": State.RECEIVING}, "at-work"),
        ({}, {"state": State.ASKING}, "at-work"),
        ({"state": State.ASKING}, {}, None),
        ({"lendings": 1}, {}, "has-results"),
        ({"erasures": 1}, {}, "has-results"),
    ],
    ids=str,
)
def test_two_rows_are_joined_while_both_rest_and_only_one_has_results(
    mine: dict[str, Any], theirs: dict[str, Any], code: str | None
) -> None:
    given = Workshop().with_laptop(laptop("two", perhaps=KnownToLedger("one"), **mine)).with_laptop(laptop(**theirs))
    found = _against(given, Command("same", "An", "two"))
    assert (None if found is None else found.code.value) == code


def test_of_two_rows_that_are_one_either_ones_number_is_kept_and_nobody_elses_row_goes() -> None:
    older, newer = laptop("one"), laptop("two", perhaps=KnownToLedger("one"))
    for ours, theirs, then in (("A-1", "", "A-1"), ("", "A-2", "A-2"), ("A-1", "A-2", "A-1")):
        assert _joined(replace(older, tag=ours), replace(newer, tag=theirs)).tag == then
    given = Workshop().with_laptop(older).with_laptop(newer).with_laptop(laptop("three"))
    assert {*_same(given, Command("same", "An", "two"), 9.0, "0" * 32).laptops} == {"one", "three"}


def test_who_came_by_a_card_of_a_sight_is_near_it_and_who_has_nothing_of_it_is_not() -> None:
    came = replace(laptop("one"), facts=Facts(Identity()), contact=Contact(came_by=mac(1)))
    other = replace(laptop("two"), facts=Facts(Identity()), contact=Contact(came_by=mac(2)))
    assert _near([came, other], Evidence(clean(macs=[mac(1)]))) == [came]


def test_a_laptop_is_shown_by_the_cards_of_its_last_hello_where_they_are_known() -> None:
    one = laptop("one", 1, 2)
    assert sight_now(replace(one, contact=Contact(cards=(mac(2),)))).identity.macs == (mac(2),)
    assert sight_now(replace(one, contact=Contact())).identity.macs == one.identity.macs


def test_what_the_ledger_has_once_more_than_the_workshop_is_begun_with_no_verdict_of_an_older_attempt() -> None:
    one = laptop("one", job=CloneJob(2, open=True, verdict=VerdictKind.VERIFIED))
    for jobs, then in ((2, CloneJob(2)), (3, CloneJob(3)), (1, replace(one.job, open=False))):
        assert _overtaken(Workshop(), one, KnownToLedger("one", jobs, erasures=1), 9.0).job == then
