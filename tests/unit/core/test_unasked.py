"""Who may be cloned though nobody says so now, one reason at a time, and what is answered to who confirms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core import confirm
from cloned.core.clocks import SLACK_SECONDS
from cloned.core.commands import VERBS, accept
from cloned.core.confirm import NEW_SECONDS, awaited, may_start_unasked, maybe_called, obstacle, settle, void
from cloned.core.disks import Disk
from cloned.core.events import Command, ImageKnown, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Confirmation, Contact, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.secure_boot import BootLoader, FirmwareKeys
from cloned.core.workshop import Batch, Workshop
from cloned.disk.signed import SignedBy
from tests.story import DISK, GB, IMAGE, Story

MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
IDENTITY = Identity(serial="PF1", vendor="Dell Inc.", product="Latitude 5490", macs=(MAC,))
NOW = 1000.0
BATCH = Batch("b", "Dell Inc.", "Latitude 5490", "school", IMAGE.image_hash, "page", NOW - 10, NOW + 10)
GIVEN = Confirmation("S1", "school", IMAGE.image_hash, "page", NOW + 3600, NOW - 3600, MAC)
UNSIGNED = BootLoader("EFI/debian/grubx64.efi", SignedBy("f" * 64, ()))


def laptop(**more: Any) -> Laptop:
    """A new one that has just asked for its boot script."""
    made = Laptop(
        LaptopId("one"), 1, Facts(IDENTITY, disks=(DISK,)), State.ASKING, NOW, NOW - 5, contact=Contact(came_by=MAC)
    )
    return replace(made, **more)


def workshop(confirm: str = "auto", *batches: Batch, **settings: Any) -> Workshop:
    made = Workshop(settings=Settings(confirm=confirm, **settings), images={"school": IMAGE})
    return replace(made, batches={str(number): batch for number, batch in enumerate(batches)})


def test_a_new_laptop_starts_by_itself_where_the_configuration_or_a_batch_says_so() -> None:
    assert may_start_unasked(workshop(), laptop(), NOW)
    assert may_start_unasked(workshop("ask", BATCH), laptop(), NOW)
    assert not may_start_unasked(workshop("ask"), laptop(), NOW)


@pytest.mark.parametrize(
    "more",
    [
        {"state": State.DONE},
        {"state": State.ASIDE},
        {"left_out": True},
        {"wants": "erase"},
        {"first_seen": NOW - NEW_SECONDS - 1},
        {"first_seen": NOW + SLACK_SECONDS + 1},
        {"contact": Contact(came_by=MAC, hellos=2)},
        {"lent": True},
        {"facts": Facts(Identity(macs=()))},
        {"namesake": "two"},
    ],
    ids=str,
)
def test_and_not_where_anything_says_that_it_is_not_new_or_not_to_be(more: dict[str, Any]) -> None:
    for given in (workshop(), workshop("ask", BATCH), workshop("auto", BATCH)):
        assert not may_start_unasked(given, laptop(**more), NOW)


@pytest.mark.parametrize(
    "more", [{"state": State.DONE}, {"state": State.ASIDE}, {"left_out": True}, {"wants": "erase"}]
)
def test_nor_does_a_confirmation_start_one_that_is_over_or_not_to_be(more: dict[str, Any]) -> None:
    assert may_start_unasked(workshop("ask"), laptop(goal=Goal(confirmation=GIVEN)), NOW)
    assert not may_start_unasked(workshop(), laptop(goal=Goal(confirmation=GIVEN), **more), NOW)


def test_another_that_says_the_same_serial_number_asks() -> None:
    twin = replace(laptop(), id=LaptopId("two"), contact=Contact(hellos=1, last_hello=NOW - 60))
    assert not may_start_unasked(workshop().with_laptop(twin), laptop(), NOW)


@pytest.mark.parametrize("since", [-SLACK_SECONDS, 0.0, NEW_SECONDS])
def test_new_is_what_was_first_seen_a_quarter_of_an_hour_ago(since: float) -> None:
    assert may_start_unasked(workshop(), laptop(first_seen=NOW - since), NOW)


@pytest.mark.parametrize(
    ("given", "came_by", "starts"),
    [
        (GIVEN, MAC, True),
        (GIVEN, OTHER_MAC, False),
        (replace(GIVEN, until=NOW), MAC, False),
        (replace(GIVEN, given=NOW + SLACK_SECONDS + 1), MAC, False),
        (replace(GIVEN, until=NOW), OTHER_MAC, False),
    ],
)
def test_a_confirmation_starts_it_until_it_is_over_and_by_the_same_card(
    given: Confirmation, came_by: str, starts: bool
) -> None:
    mine = laptop(goal=Goal(confirmation=given), contact=Contact(came_by=came_by, hellos=3))
    assert may_start_unasked(workshop("ask"), mine, NOW) is starts


@pytest.mark.parametrize(
    ("batch", "covers"),
    [
        (replace(BATCH, vendor="DELL inc."), True),
        (replace(BATCH, vendor="*"), True),
        (replace(BATCH, vendor=""), True),
        (replace(BATCH, vendor="LENOVO"), False),
        (replace(BATCH, product="latitude 5490"), True),
        (replace(BATCH, product="Latitude 7490"), False),
        (replace(BATCH, vendor="LENOVO", product="Latitude 7490"), False),
        (replace(BATCH, product=""), False),
        (replace(BATCH, until=NOW), False),
        (replace(BATCH, given=NOW - 5), True),
        (replace(BATCH, given=NOW - 4), False),
        (replace(BATCH, image="gone"), False),
        (replace(BATCH, image_hash="b" * 64), False),
    ],
)
def test_a_batch_covers_a_maker_a_model_a_time_and_an_image(batch: Batch, covers: bool) -> None:
    assert may_start_unasked(workshop("ask", batch), laptop(), NOW) is covers


def test_a_batch_names_the_image_where_nothing_else_does() -> None:
    story = Story(image="")
    story.tell(ImageKnown(replace(IMAGE, name="second")))
    assert story.boot().reason is Reason.NO_IMAGE
    story.tell(Command("batch", "page", image="school", text="Latitude 5490"))
    story.tell(Command("forget", "page", next(iter(story.state.laptops))))
    again = story.boot("PF2")
    assert (again.state, again.goal.image) == (State.READY, "school")


@pytest.mark.parametrize(("batch", "why"), [(True, Reason.INVENTORY_AWAY), (False, Reason.NOT_CONFIRMED)])
def test_what_an_inventory_must_say_first_holds_back_only_what_would_begin(batch: bool, why: Reason) -> None:
    given = workshop("ask", *([BATCH] if batch else []), inventory_required=True, default_image="school")
    ready = laptop(contact=Contact(came_by=MAC, hellos=1, last_hello=NOW))
    assert confirm.ask_or_wait(given, ready, NOW).reason is why


def test_nobody_is_awaited_for_one_that_never_booted() -> None:
    given = workshop(inventories=True)
    assert not awaited(given, laptop())
    booted = Contact(came_by=MAC, booted_at=NOW)
    assert awaited(given, laptop(contact=booted))
    assert not awaited(given, laptop(contact=booted, asked_at=NOW))


# -- what a person says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disk", "key", "why"),
    [
        (DISK, "S1", None),
        (DISK, "S2", Reason.WRONG_DISK),
        (replace(DISK, eligible=False), "S1", Reason.WRONG_DISK),
        (replace(DISK, size=IMAGE.min_size), "S1", None),
        (replace(DISK, size=IMAGE.min_size - 512), "S1", Reason.DISK_TOO_SMALL),
    ],
)
def test_an_image_goes_onto_a_disk_that_is_there_and_may_be_written_and_is_large_enough(
    disk: Disk, key: str, why: Reason | None
) -> None:
    found = obstacle(workshop(), laptop(facts=Facts(IDENTITY, disks=(disk,))), key, "school")
    assert (found[0] if found else None) is why


def confirmed_on(*disks: Disk, key: str = "S1", **more: Any) -> Laptop:
    mine = laptop(facts=Facts(IDENTITY, disks=disks), **more)
    return confirm.confirm(workshop(), mine, key, "school", "An", NOW)


def test_what_is_known_of_one_disk_says_nothing_of_another() -> None:
    second = Disk("/dev/sdb", 250 * GB, serial="S2")
    first = confirmed_on(DISK, second)
    written = replace(
        first, goal=replace(first.goal, written=True), job=replace(first.job, verdict=VerdictKind.VERIFIED)
    )
    again = confirm.confirm(workshop(), written, "S1", "school", "An", NOW)
    assert (again.goal.written, again.job.verdict) == (True, VerdictKind.VERIFIED)
    other = confirm.confirm(workshop(), written, "S2", "school", "An", NOW)
    assert (other.goal.written, other.job.verdict, other.goal.onto) == (False, VerdictKind.NONE, second)


@pytest.mark.parametrize(
    ("cards", "dongles", "judging", "why"),
    [
        ((MAC,), (), 2, Reason.DISK_NAMELESS),
        ((MAC, OTHER_MAC), (OTHER_MAC,), 2, Reason.DISK_NAMELESS),
        ((MAC, OTHER_MAC), (), 2, None),
        ((MAC,), (), 1, None),
    ],
)
def test_a_disk_without_a_serial_number_on_one_card_may_be_anothers_once_it_starts_again(
    cards: tuple[str, ...], dongles: tuple[str, ...], judging: int, why: Reason | None
) -> None:
    nameless = Disk("/dev/sda", 250 * GB)
    given = replace(GIVEN, disk=nameless.key, onto=nameless)
    facts = Facts(IDENTITY, disks=(nameless,), dongles=dongles)
    at = Contact(came_by=MAC, cards=cards, booted_at=GIVEN.given)
    mine = laptop(facts=facts, goal=Goal(confirmation=given), contact=at)
    assert void(workshop(judging=judging), mine, NOW) is None
    again = replace(mine, contact=replace(at, booted_at=NOW))
    assert void(workshop(judging=judging), again, NOW) is why


def with_loader(firmware: str, confirm: str = "ask") -> tuple[Workshop, Laptop]:
    """An image whose loader nobody signed, and a laptop whose firmware asks who did."""
    given = replace(workshop(confirm), images={"school": replace(IMAGE, loaders=(UNSIGNED,))})
    facts = Facts(IDENTITY, firmware=firmware, disks=(DISK,), keys=FirmwareKeys(("1" * 16,)))
    return given, laptop(facts=facts, state=State.WAITING)


def mentions(found: Laptop) -> list[str]:
    return [str(entry.why) for entry in found.history if "would not start" in str(entry.why)]


@pytest.mark.parametrize(("firmware", "told"), [("uefi", 1), ("secureboot", 0), ("bios", 0)])
def test_what_secure_boot_would_do_is_mentioned_only_where_it_is_off(firmware: str, told: int) -> None:
    given, mine = with_loader(firmware)
    found = confirm.confirm(given, mine, "S1", "school", "An", NOW, anyway=True)
    assert (found.state, len(mentions(found))) == (State.WAITING, told)


def test_a_word_that_ran_out_is_told_as_that_and_not_by_the_loader() -> None:
    given, mine = with_loader("secureboot")
    found = confirm.confirm(given, mine, "S1", "school", "An", NOW, anyway=True)
    late = settle(given, found, NOW + 12 * 3600)
    assert (late.state, late.reason, late.detail) == (State.ASKING, Reason.CONFIRMATION_OLD, "")
    asked = confirm.confirm(replace(given, images={"school": IMAGE}), mine, "S1", "school", "An", NOW)
    refused = settle(given, asked, NOW + 1)
    assert (refused.reason, str(refused.detail)) == (Reason.LOADER_REFUSED, "EFI/debian/grubx64.efi is not signed")


def refused(given: Workshop, command: Command) -> tuple[str, Any]:
    found = accept(given, command)
    assert isinstance(found, Refusal)
    return found.code, found.values.get("name")


def test_who_confirms_is_told_which_image_is_not_there_and_who_is_at_work() -> None:
    given = workshop()
    named, unnamed = laptop(goal=Goal(image="old")), laptop()
    assert refused(given.with_laptop(named), Command("confirm", "An", "one")) == (Refused.NO_SUCH_IMAGE, "old")
    assert refused(given.with_laptop(unnamed), Command("confirm", "An", "one")) == (
        Refused.NO_SUCH_IMAGE,
        "(none named)",
    )
    for tag, name in (("A-7", "A-7"), ("", 1)):
        busy = laptop(goal=Goal(image="school"), state=State.RECEIVING, tag=tag)
        assert refused(given.with_laptop(busy), Command("confirm", "An", "one")) == (Refused.AT_WORK, name)


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        (None, Refusal(Refused.OVERTAKEN)),
        ({}, Refusal(Refused.OVERTAKEN)),
        ({"reason": Reason.NOT_CONFIRMED}, {"laptop": "one", "state": "asking"}),
        ({"goal": Goal(confirmation=GIVEN), "state": State.WAITING}, {"laptop": "one", "state": "waiting"}),
        ({"goal": Goal(confirmation=GIVEN), "state": State.ASIDE}, {"laptop": "one", "state": "aside"}),
        (
            {"state": State.ASIDE, "reason": Reason.DISK_TOO_SMALL, "detail": "too small"},
            Refusal(Reason.DISK_TOO_SMALL, {"detail": "too small"}),
        ),
    ],
)
def test_who_confirmed_hears_where_it_stands_or_why_it_cannot_be(more: dict[str, Any] | None, answer: Any) -> None:
    given = workshop() if more is None else workshop().with_laptop(laptop(**more))
    assert VERBS["confirm"].answer(given, Command("confirm", "An", "one")) == answer


def test_what_one_may_be_is_called_by_its_tag_where_the_ledger_alone_knows_it() -> None:
    assert maybe_called(workshop(), laptop()) == ""
    for tag, name in (("A-7", "A-7"), ("", "other")):
        maybe = laptop(perhaps=KnownToLedger("other", tag=tag))
        assert maybe_called(workshop(), maybe) == name
    known = replace(laptop(tag="B-8"), id=LaptopId("other"))
    assert maybe_called(workshop().with_laptop(known), laptop(perhaps=KnownToLedger("other", tag="A-7"))) == "B-8"
