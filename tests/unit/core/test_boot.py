"""What a boot script offers, for each state that a laptop may be in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core import arrivals
from cloned.core.boot import answer_kind
from cloned.core.erasure import Erasure
from cloned.core.events import Booted, Settings
from cloned.core.ids import Identity, LaptopId, SessionId, clean
from cloned.core.laptop import CaptureWish, CloneJob, Contact, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.reasons import Reason
from cloned.core.workshop import BootGiven, Workshop
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasePhase
from cloned.disk.media import Medium
from tests.story import DISK

MAC = "02:00:00:00:00:01"
PLANNED = DiskErasure(Medium("/dev/sda", 10**10, serial="S1"), EraseLevel.CLEAR)
UNDER_WAY = Erasure("e", 1, EraseLevel.CLEAR, "An", 900.0, (PLANNED,))
OVER = replace(UNDER_WAY, disks=(replace(PLANNED, phase=ErasePhase.FAILED),))


def laptop(**more: Any) -> Laptop:
    facts = Facts(clean("", "PF1", "Dell Inc.", "Latitude 5490", [MAC]), disks=(DISK,))
    made = Laptop(LaptopId("one"), 1, facts, State.ASKING, 900.0, 900.0, contact=Contact(came_by=MAC, hellos=3))
    return replace(made, **more)


@pytest.mark.parametrize(
    ("more", "kind", "begins"),
    [
        ({"state": State.ERASING, "erasure": UNDER_WAY}, "clone", "This laptop is being erased"),
        ({"state": State.GONE, "erasure": UNDER_WAY}, "clone", "This laptop is being erased"),
        ({"erasure": UNDER_WAY, "left_out": True}, "menu", "nobody has confirmed"),
        ({"state": State.ERASED, "erasure": OVER}, "menu", "This laptop is erased"),
        ({"erasure": OVER}, "menu", "nobody has confirmed"),
        ({}, "menu", "nobody has confirmed"),
        ({"state": State.RECEIVING, "goal": Goal(image="school")}, "clone", "This laptop gets school"),
        ({"state": State.RECEIVING}, "clone", "This laptop is looked at"),
        ({"state": State.DONE}, "menu", "It is known as"),
        ({"state": State.ASIDE, "reason": Reason.DISK_TOO_SMALL}, "menu", "Its disk is too small"),
    ],
    ids=str,
)
def test_what_is_offered(more: dict[str, Any], kind: str, begins: str) -> None:
    begins = Reason.NOT_CONFIRMED.sentence if begins.startswith("nobody") else begins
    found, why = answer_kind(Workshop(), laptop(**more), 1000.0)
    assert (found, str(why).startswith(str(begins))) == (kind, True), str(why)


def test_so_many_boots_are_remembered_and_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_BOOTS", 3)
    boots = {f"t{n}": BootGiven(f"t{n}", f"02:00:00:00:01:{n:02x}", "10.0.0.5", 900.0 + n, None) for n in (3, 1, 2, 4)}
    for there, kept in ((3, {"t1", "t2", "t3"}), (4, {"t2", "t3", "t4"})):
        given = Workshop(boots={key: boots[key] for key in sorted(boots)[:there]})
        event = Booted("new", clean(macs=[MAC]), MAC, "10.0.0.6")
        assert set(arrivals.booted(given, event, 1000.0, "0" * 32).boots) == {*kept, "new"}


def test_of_several_that_one_card_is_all_there_is_of_the_one_seen_last_is_meant_and_a_name_goes_before() -> None:
    """As journals of 0.1 have it: Settings.judging 0."""
    told = clean("", "PF1", "Dell Inc.", "Latitude 5490", [MAC])
    bare = Identity(macs=(MAC,))
    old = Workshop(settings=Settings(judging=0))
    named = laptop(since=1.0)
    unnamed = laptop(id=LaptopId("two"), facts=Facts(bare), since=5.0)
    both = old.with_laptop(named).with_laptop(unnamed)
    assert (both.find(told), both.find(bare)) == (named, unnamed)


@pytest.mark.parametrize(
    ("more", "busy"),
    [({}, False), ({"state": State.RECEIVING}, True), ({"capture": CaptureWish(image="new")}, True)],
    ids=str,
)
def test_somebody_is_at_work(more: dict[str, Any], busy: bool) -> None:
    assert Workshop().with_laptop(laptop(**more)).busy() is busy


@pytest.mark.parametrize(
    ("more", "silent"),
    [
        ({"contact": Contact()}, True),
        ({}, False),
        ({"state": State.GONE}, True),
        ({"state": State.GONE, "job": CloneJob(number=1, verdict=VerdictKind.NONE)}, False),
        ({"state": State.GONE, "capture": CaptureWish(image="new")}, False),
        ({"state": State.GONE, "tag": "A-7"}, False),
        ({"state": State.GONE, "tag": "A-7", "recalled": True}, True),
        ({"state": State.GONE, "lent": True}, False),
        ({"state": State.GONE, "mark": "x"}, False),
        ({"state": State.GONE, "left_out": True}, False),
        ({"contact": Contact(), "session": SessionId("s")}, True),
    ],
    ids=str,
)
def test_with_whom_nothing_is_lost(more: dict[str, Any], silent: bool) -> None:
    assert bool(laptop(**more).silent) is silent


@pytest.mark.parametrize(
    ("contact", "runs"),
    [
        (Contact(), False),
        (Contact(hellos=1, last_hello=5.0), True),
        (Contact(hellos=1, last_hello=5.0, booted_at=5.0), True),
        (Contact(hellos=1, last_hello=5.0, booted_at=6.0), False),
    ],
)
def test_an_agent_runs_that_spoke_since_its_laptop_booted(contact: Contact, runs: bool) -> None:
    assert contact.running is runs
