"""Erasing, one condition at a time: what must be erased, what stands against it, what is told, and what a batch covers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.commands import accept
from cloned.core.contact import Contact
from cloned.core.erase_events import DiskWritten, MediaTold
from cloned.core.erasing import needed, wants_media
from cloned.core.events import Command, Settings, SwitchChanged
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import CaptureWish, CloneJob, Facts, Laptop, State, VerdictKind
from cloned.core.refusals import Refusal, Refused
from cloned.core.workshop import Workshop
from cloned.disk import erase_machine as machine
from cloned.disk.erase_record import DiskErasure, ErasureFault
from cloned.disk.erase_samples import DiskSample
from tests.unit.core.test_erasing import HDD, SSD, Shop

ONE = LaptopId("one")
LATE = replace(HDD, serial="L1", path="/dev/sdc")


def laptop(**more: Any) -> Laptop:
    made = Laptop(ONE, 7, Facts(Identity()), State.ASKING, 0, 0, contact=Contact(hellos=1), media=(SSD,))
    return replace(made, **more)


@pytest.mark.parametrize(("when", "number", "first", "must"), [
    ("never", 0, "", False), ("never", 3, "clear", True), ("first", 0, "", True), ("first", 3, "", False),
    ("first", 3, "clear", True), ("always", 0, "", True), ("always", 3, "", True),
])  # fmt: skip
def test_what_must_be_erased_before_it_is_cloned(when: str, number: int, first: str, must: bool) -> None:
    asked = laptop(job=CloneJob(number), erase_first=first)
    assert needed(Workshop(Settings(erase_before=when)), asked) is must
    assert not needed(Workshop(Settings(erase_before=when)), replace(asked, job=CloneJob(number, open=True)))


@pytest.mark.parametrize(("more", "asks"), [
    ({}, True), ({"contact": Contact()}, False), ({"media": (SSD,)}, False), ({"state": State.RECEIVING}, False),
])  # fmt: skip
def test_whose_disks_are_looked_at(more: dict[str, Any], asks: bool) -> None:
    assert wants_media(laptop(**{"media": (), **more})) is asks


AT_WORK = {
    "receives": {"state": State.RECEIVING},
    "is to be finished": {"job": CloneJob(1, open=True, verdict=VerdictKind.VERIFIED), "state": State.WAITING},
    "is captured": {"capture": CaptureWish(image="master")},
    "is erased": {"state": State.ERASING},
}


@pytest.mark.parametrize("tag", ["", "DM-7"])
@pytest.mark.parametrize("why", AT_WORK)
def test_one_at_work_is_not_erased_and_is_named_by_its_sticker_else_by_its_number(why: str, tag: str) -> None:
    shop = Shop()
    shop.boot()
    at_work = replace(shop.laptop, tag=tag, **AT_WORK[why])  # type: ignore[arg-type]
    found = accept(shop.state.with_laptop(at_work), Command("erase", "Ann", at_work.id, disks=("N1", "S1")))
    assert found == Refusal(Refused.AT_WORK, {"name": tag or 1})


def test_disks_are_told_by_serial_number_else_by_what_names_them() -> None:
    shop = Shop()
    nameless = replace(HDD, serial="", wwn="")
    shop.boot((SSD, nameless))
    refused = shop.erase("N1")
    assert refused is not None
    assert refused.values["known"] == f"N1, {nameless.key}"
    assert refused.values["missing"] != "two that are called alike"
    alike = Shop()
    alike.boot((SSD, replace(SSD, path="/dev/nvme1n1")))
    refused = alike.erase("/dev/nvme0n1", "/dev/nvme1n1")
    assert refused is not None
    assert (refused.code, str(refused.values["missing"])) == (Refused.NAME_EVERY_DISK, "two that are called alike")


def test_what_is_told_of_disks_counts_for_one_that_is_here_and_waits() -> None:
    shop = Shop()
    shop.boot()
    shop.say(MediaTold(LaptopId("nobody"), (SSD,)))
    assert list(shop.state.laptops) == [shop.laptop.id]
    there = replace(shop.laptop, state=State.RECEIVING)
    shop.state = shop.state.with_laptop(there)
    shop.say(MediaTold(there.id, (LATE,)))
    assert shop.laptop.media == there.media


def test_all_disks_are_looked_at_again_where_one_comes_to_light_and_only_there() -> None:
    shop = Shop()
    shop.boot()
    shop.erase("N1", "S1")
    before = shop.laptop.media
    assert before
    shop.say(MediaTold(shop.laptop.id, before))
    assert shop.laptop.media == before
    shop.say(MediaTold(shop.laptop.id, (*before, LATE)))
    assert shop.laptop.media == ()


def test_an_overwrite_reaches_its_end_by_being_read_back_and_not_by_what_is_told() -> None:
    shop = Shop()
    shop.boot()
    shop.erase("N1", "S1")
    shop.record(record := machine.remembered(shop.disk("S1"), (DiskSample(0, 4096, "ab"),), 1.0))
    shop.record(machine.starting(record, ("tool 1",)))
    erasure = shop.laptop.erasure
    assert erasure is not None
    before = shop.disk("S1")
    shop.say(DiskWritten(shop.laptop.id, erasure.id, "S1", HDD.size, ()))
    assert shop.disk("S1") == before
    shop.say(DiskWritten(shop.laptop.id, erasure.id, "S1", HDD.size - 1, ()))
    assert shop.disk("S1") != before


def batched(**settings: object) -> Shop:
    shop = Shop(**settings)
    shop.say(Command("batch", "Ann", text="ProBook", image="school", level="purge"))
    return shop


def test_a_batch_covers_the_disk_that_is_cloned_of_one_that_may_be_erased_at_that_level() -> None:
    right = batched()
    right.boot((SSD,))
    assert right.laptop.state is State.ERASING
    for media in ((replace(SSD, serial="N2"),), (replace(HDD, serial="N1"),), (SSD, HDD)):
        other = batched()
        other.boot(media)
        assert other.laptop.state is not State.ERASING, media
    kept = batched()
    kept.boot(())
    kept.state = kept.state.with_laptop(replace(kept.laptop, keep=True))
    kept.say(MediaTold(kept.laptop.id, (SSD,)))
    assert kept.laptop.state is not State.ERASING


def failed(shop: Shop, serial: str) -> None:
    shop.record(machine.fail(shop.disk(serial), ErasureFault.CHANGED, "it broke", 5.0))


def test_what_may_be_taken_out_is_told_and_the_last_word_of_a_disk_counts() -> None:
    shop = Shop()
    shop.boot()
    assert told_known(shop) == "-"
    shop.erase("N1", "S1")
    failed(shop, "S1")
    assert told_known(shop) == "S1"
    shop.carry_out("N1")
    failed_too = [each for each in (shop.disk("N1"), shop.disk("S1")) if not each.erased]
    assert [each.medium.serial for each in failed_too] == ["S1"]
    assert told_known(shop) == "S1"
    for fate in ("kept", "destroyed"):
        shop.say(Command("taken-out", "Ann", shop.laptop.id, disk="S1", text=fate))
    assert shop.laptop.erasure is not None
    assert [(each.key, each.what) for each in shop.laptop.erasure.taken_out] == [("S1", "destroyed")]


def told_known(shop: Shop) -> object:
    """What a disk that is not there is answered with."""
    found = accept(shop.state, Command("taken-out", "Ann", shop.laptop.id, disk="nothing", text="kept"))
    assert isinstance(found, Refusal)
    return found.values["known"]


@pytest.mark.parametrize(("text", "when", "stays"), [
    ("", "never", False), ("", "always", True), ("only", "always", False), ("only", "never", False),
])  # fmt: skip
def test_a_confirmation_outlasts_an_erasure_that_was_due_before_it(text: str, when: str, stays: bool) -> None:
    shop = Shop(erase_before=when)
    shop.boot()
    shop.say(SwitchChanged(0, "", 1000))  # so that it waits
    shop.say(Command("confirm", "Ann", shop.laptop.id, image="school", disk="N1"))
    assert shop.laptop.goal.confirmation is not None
    shop.say(Command("erase", "Ann", shop.laptop.id, disks=("N1", "S1"), text=text))
    assert shop.laptop.state is State.ERASING
    assert (shop.laptop.goal.confirmation is not None) is stays


def test_without_the_rule_of_two_an_erasure_is_by_one() -> None:
    shop = Shop(erase_second=True)
    shop.boot()
    shop.say(Command("erase", "Ann", shop.laptop.id, disks=("N1", "S1")))
    assert shop.laptop.first_word is not None
    shop.state = replace(shop.state, settings=replace(shop.state.settings, erase_second=False))
    shop.say(Command("erase", "Bob", shop.laptop.id, disks=("N1", "S1")))
    assert shop.laptop.erasure is not None
    assert shop.laptop.erasure.by == "Bob"


def test_a_disk_without_a_serial_number_is_told_by_its_key() -> None:
    shop = Shop()
    nameless = replace(HDD, serial="", wwn="")
    shop.boot((SSD, nameless))
    shop.erase("N1", nameless.key)
    record: DiskErasure = shop.disk(nameless.key)
    shop.record(machine.fail(record, ErasureFault.CHANGED, "it broke", 5.0))
    assert told_known(shop) == nameless.key
