"""A laptop's boot and its agent's hello: what each makes of what was known, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core import arrivals
from cloned.core.arrivals import _at_first_sight, _introduced, _out_of_the_ledger, _room_for_one
from cloned.core.events import Booted, Hello, Settings
from cloned.core.ids import LaptopId, clean
from cloned.core.known import KnownToLedger
from cloned.core.laptop import CloneJob, Contact, Facts, Laptop, State
from cloned.core.tagged import TagGiven
from cloned.core.workshop import BootGiven, Workshop
from tests.story import DISK

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
IDENTITY = clean("", "PF1", "Dell Inc.", "Latitude 5490", [MAC])
BOOT = BootGiven("t1", OTHER, "10.0.0.5", 1000.0, LaptopId("one"))


def laptop(**more: Any) -> Laptop:
    made = Laptop(
        LaptopId("one"), 1, Facts(IDENTITY, disks=(DISK,)), State.ASKING, 900.0, 900.0,
        seconds=(("wait", 5.0),), contact=Contact(hellos=1, last_hello=950.0, booted_at=940.0),
    )  # fmt: skip
    return replace(made, **more)


def hello(now: float = 1060.0, boot: BootGiven = BOOT, facts: Facts | None = None, **more: Any) -> Laptop:
    told = Hello("t1", facts or Facts(IDENTITY, MAC, "uefi", disks=(DISK,)), "10.0.0.5")
    return _introduced(laptop(**more), boot, told, now)


def test_the_first_hello_of_a_boot_tells_how_long_it_took_and_that_it_did_not_wait_meanwhile() -> None:
    first = hello()
    assert (dict(first.seconds), first.since) == ({"wait": 5.0, "boot": 60.0}, 1060.0)
    again = hello(1090.0, contact=first.contact, seconds=first.seconds, since=first.since)
    assert (again.seconds, again.since, again.contact.hellos) == (first.seconds, 1060.0, 3)
    at_once = hello(contact=Contact(hellos=1, last_hello=BOOT.at))
    assert "boot" not in dict(at_once.seconds), "one that came at the very moment is no new one"


def test_a_boot_that_was_taken_for_anothers_begins_anew_with_this_one() -> None:
    found = hello(boot=replace(BOOT, laptop=LaptopId("menu")), contact=Contact(hellos=5, last_hello=1050.0))
    assert dict(found.seconds)["boot"] == 60.0


def test_one_at_work_goes_on_waiting_from_where_it_was() -> None:
    assert hello(state=State.GONE).since == 900.0


@pytest.mark.parametrize(
    ("job", "kept"),
    [(CloneJob(), True), (CloneJob(1, open=True), True), (CloneJob(1), False), (CloneJob(0, open=True), True)],
)
def test_the_seconds_of_an_attempt_that_is_over_are_not_the_next_ones(job: CloneJob, kept: bool) -> None:
    assert ("wait" in dict(hello(job=job).seconds)) is kept


def test_the_card_it_booted_by_is_what_it_says_else_what_asked_for_the_script() -> None:
    assert hello().facts.boot_mac == MAC
    assert hello(facts=Facts(IDENTITY, "", disks=(DISK,))).facts.boot_mac == OTHER


@pytest.mark.parametrize(
    ("holder", "tag"), [(None, "DM-1"), ("", "DM-1"), ("known", "DM-1"), ("another", "")]
)  # fmt: skip
def test_who_is_in_the_ledger_gets_its_number_back_unless_another_has_it(holder: str | None, tag: str) -> None:
    tags = {} if holder is None else {"dm-1": TagGiven("DM-1", holder, "", "", ())}
    found = _out_of_the_ledger(Workshop(tags=tags), laptop(), KnownToLedger("known", 4, 2, "DM-1", 3), 9.0)
    assert (found.id, found.job.number, found.erasures, found.lendings, found.tag) == ("known", 4, 2, 3, tag)


def test_of_those_that_only_saw_the_menu_the_ones_seen_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_SILENT", 3)

    def seen(name: str, first: float, booted: float | None, **more: Any) -> Laptop:
        return laptop(id=LaptopId(name), first_seen=first, contact=Contact(booted_at=booted), **more)

    rows = [seen("again", 1.0, 9.0), seen("old", 2.0, 2.0), seen("new", 8.0, None), seen("tagged", 0.0, 0.5, tag="A-1")]
    given = Workshop()
    for each in rows[:2] + rows[3:]:
        given = given.with_laptop(each)
    assert _room_for_one(given) is given
    assert set(_room_for_one(given.with_laptop(rows[2])).laptops) == {"again", "new", "tagged"}


def boot(given: Workshop, mac: str, **said: Any) -> Workshop:
    event = Booted("t9", clean(macs=[mac], **said), mac, "10.0.0.9")
    return arrivals.booted(given, event, 2000.0, "0" * 32)


def test_a_boot_takes_the_older_scripts_of_its_card_and_of_its_laptop_away_and_no_others() -> None:
    other, third = "02:00:00:00:00:07", "02:00:00:00:00:08"
    boots = {
        "card": BootGiven("card", MAC, "10.0.0.9", 1.0, LaptopId("gone")),
        "laptop": BootGiven("laptop", other, "10.0.0.9", 1.0, LaptopId("one")),
        "neither": BootGiven("neither", third, "10.0.0.8", 1.0, LaptopId("else")),
    }
    given = replace(Workshop().with_laptop(laptop(state=State.GONE)), boots=boots)
    assert set(boot(given, MAC).boots) == {"neither", "t9"}


def test_what_a_boot_menu_says_is_believed_of_one_that_never_said_hello() -> None:
    for hellos, judging, serial in ((0, 2, "PF1"), (1, 2, ""), (1, 1, "PF1")):
        bare = clean(macs=[MAC])
        known = laptop(
            facts=Facts(bare, disks=(DISK,)), contact=Contact(hellos=hellos, last_hello=5.0), state=State.GONE
        )
        given = Workshop().with_laptop(known)
        given = replace(given, settings=replace(given.settings, judging=judging))
        [found] = boot(given, MAC, serial="PF1").laptops.values()
        assert found.identity.serial == serial, (hellos, judging)


def test_a_hello_without_its_boot_or_of_another_machine_changes_nothing() -> None:
    given = replace(Workshop().with_laptop(laptop()), boots={"t1": replace(BOOT, identity=IDENTITY)})
    told = Hello("t1", Facts(clean("", "PF1", "Dell Inc.", "Latitude 5490", [OTHER]), OTHER, disks=(DISK,)), "10.0.0.5")
    assert arrivals.hello(given, replace(told, token="t0"), 1060.0, "0" * 32) is given
    wrong = replace(told, facts=replace(told.facts, identity=clean("", "PF2", "Dell Inc.", "Latitude 5490", [OTHER])))
    assert arrivals.hello(given, wrong, 1060.0, "0" * 32) is given
    assert arrivals.hello(given, told, 1060.0, "0" * 32) is not given


@pytest.mark.parametrize(
    ("judging", "known", "asks"),
    [(1, None, False), (2, None, True), (2, KnownToLedger(weighed=True), True), (2, KnownToLedger("two"), False)],
)
def test_which_other_it_may_be_is_asked_only_of_one_that_the_ledger_does_not_know(
    judging: int, known: KnownToLedger | None, asks: bool
) -> None:
    """A journal of before 0.2 is replayed as it was judged then."""
    comes = laptop(id=LaptopId("two"), facts=Facts(IDENTITY, disks=(replace(DISK, serial="D2"),)))
    given = Workshop(settings=Settings(judging=judging)).with_laptop(laptop(state=State.GONE))
    found = _at_first_sight(given.with_laptop(comes), comes, Hello("token", comes.facts, "10.0.0.2", known))
    assert (found.perhaps is not None) is asks
