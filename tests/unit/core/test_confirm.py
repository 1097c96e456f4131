"""Nothing is erased by accident: the whole table of who may be cloned without being asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.disks import Disk
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Confirmed,
    Finished,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    Tick,
    Vanished,
)
from cloned.core.ids import LaptopId, SessionId, clean
from cloned.core.laptop import State, VerdictKind
from cloned.core.orders import order
from cloned.core.reasons import Reason
from tests.story import DISK, GB, IMAGE, Story


def test_ask_means_ask() -> None:
    story = Story()
    laptop = story.boot()
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.NOT_CONFIRMED)
    assert order(story.state, laptop)["do"] == "wait"


@pytest.mark.parametrize(
    ("serial", "disks", "image", "reason"),
    [
        ("Default string", (DISK,), "school", Reason.NO_IDENTITY),
        ("PF1", (), "school", Reason.NO_DISK),
        ("PF1", (DISK, Disk("/dev/sdb", 250 * GB, serial="S2")), "school", Reason.SEVERAL_DISKS),
        ("PF1", (replace(DISK, eligible=False),), "school", Reason.NO_DISK),
    ],
)
def test_what_auto_never_covers(serial: str, disks: tuple[Disk, ...], image: str, reason: Reason) -> None:
    laptop = Story(confirm="auto", image=image).boot(serial, disks)
    assert (laptop.state, laptop.reason) == (State.ASKING, reason)


def test_auto_covers_a_new_laptop_with_one_disk() -> None:
    laptop = Story(confirm="auto").boot()
    assert laptop.state is State.READY
    assert laptop.goal.confirmation is not None
    assert laptop.goal.confirmation.by == "configuration (auto)"


def test_auto_never_covers_one_that_is_done() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    story.clone(laptop.id)
    story.tell(Finished(laptop.id, ()))
    assert story.laptop(laptop.id).state is State.DONE
    again = story.boot()
    assert again.id == laptop.id
    assert (again.state, again.reason) == (State.ASKING, Reason.KNOWN_BEFORE)


def test_auto_never_covers_one_that_is_lent_out() -> None:
    story = Story(confirm="auto")
    story.tell(Booted("t0", clean("", "PF1", "Dell Inc.", "Latitude 5490"), "02:00:00:00:00:01", "10.0.0.5"))
    ident = next(iter(story.state.laptops))
    story.tell(Command("lent", "page", ident))
    assert story.boot().reason is Reason.LENT_OUT


def test_auto_never_covers_one_that_came_by_before_and_was_not_cloned() -> None:
    story = Story(confirm="ask")
    story.boot()
    story.tell(Configured(Settings(confirm="auto", default_image="school")))
    assert story.boot().reason is Reason.KNOWN_BEFORE


def test_a_batch_covers_new_laptops_of_its_model_only() -> None:
    story = Story()
    story.tell(Command("batch", "page", image="school", text="Latitude 5490"))
    assert story.boot("PF1").state is State.READY
    assert story.boot("PF2", product="Latitude 7490").state is State.ASKING


def test_a_batch_does_not_cover_what_was_seen_before_it() -> None:
    story = Story()
    seen = story.boot("PF1")
    story.tell(Command("batch", "page", image="school", text="Latitude 5490"))
    again = story.boot("PF1")
    assert again.id == seen.id
    assert again.state is State.ASKING


def test_a_batch_ends() -> None:
    story = Story()
    story.tell(Command("batch", "page", image="school", text="Latitude 5490", until=story.now + 60))
    story.tell(Tick(), after=61)
    assert story.state.batches == {}
    assert story.boot().state is State.ASKING


def test_a_batch_is_void_when_its_image_changes() -> None:
    story = Story()
    story.tell(Command("batch", "page", image="school", text="Latitude 5490"))
    story.tell(ImageKnown(replace(IMAGE, image_hash="b" * 64)))
    assert story.boot().state is State.ASKING


def confirmed() -> tuple[Story, LaptopId]:
    story = Story(places=0)
    laptop = story.boot()
    story.tell(Confirmed(laptop.id, "S1", "school", "page"))
    assert story.laptop(laptop.id).state is State.WAITING
    return story, laptop.id


def test_a_confirmation_lasts_twelve_hours() -> None:
    story, ident = confirmed()
    story.tell(Tick(), after=11.9 * 3600)
    assert story.laptop(ident).state is State.WAITING
    story.tell(Tick(), after=0.2 * 3600)
    assert (story.laptop(ident).state, story.laptop(ident).reason) == (State.ASKING, Reason.CONFIRMATION_OLD)


def test_it_is_void_when_the_image_changes() -> None:
    story, ident = confirmed()
    story.tell(ImageKnown(replace(IMAGE, image_hash="b" * 64)))
    assert story.laptop(ident).reason is Reason.IMAGE_CHANGED


def test_it_is_void_when_the_disk_changes() -> None:
    """One card in common is no proof: it may be another laptop on the same dock."""
    story, ident = confirmed()
    after = story.boot(disks=(replace(DISK, serial="S9"),))
    assert (after.state, after.reason, after.goal.confirmation) == (State.ASKING, Reason.PERHAPS, None)
    assert "laptop 1 with another disk" in after.history[-1].why
    story.tell(Command("same", "page", after.id))
    again = story.laptop(ident)
    assert (again.state, again.reason, again.goal.confirmation) == (State.ASKING, Reason.KNOWN_BEFORE, None)
    assert list(story.state.laptops) == [ident]


def test_it_survives_a_power_cut() -> None:
    story, ident = confirmed()
    story.tell(Vanished(ident))
    assert story.boot().state is State.WAITING


def test_it_survives_a_retry_after_a_fault() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    session = laptop.session
    assert session is not None
    story.tell(Ready(laptop.id, session, "S1", (), False))
    for number in range(1, 6):
        story.tell(Judged(laptop.id, session, number, VerdictKind.DIFFERS, 1, (), "f" * 64, GB))
    assert story.laptop(laptop.id).reason is Reason.STILL_DIFFERS
    story.tell(Command("retry", "page", laptop.id))
    assert story.laptop(laptop.id).state is State.READY
    assert story.laptop(laptop.id).job.number == 2


def test_a_verdict_uses_it_up() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    story.clone(laptop.id)
    assert story.laptop(laptop.id).goal.confirmation is None


def test_a_disk_that_is_too_small_is_refused_before_anything_is_erased() -> None:
    story = Story(confirm="auto")
    laptop = story.boot(disks=(replace(DISK, size=10 * GB),))
    assert (laptop.state, laptop.reason, laptop.goal.written) == (State.ASIDE, Reason.DISK_TOO_SMALL, False)
    assert "10.0 GB where school needs 20.0 GB" in laptop.detail


def test_other_sectors_are_refused() -> None:
    laptop = Story(confirm="auto").boot(disks=(replace(DISK, sector_size=4096),))
    assert laptop.reason is Reason.SECTOR_SIZE


def test_a_stale_verdict_is_not_believed() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    story.tell(Judged(laptop.id, SessionId("other"), 1, VerdictKind.VERIFIED, 0, (), IMAGE.image_hash, GB))
    assert story.laptop(laptop.id).state is State.READY


def test_a_failed_finishing_step_keeps_the_verdict_and_is_not_done() -> None:
    story = Story(confirm="auto")
    laptop = story.boot()
    story.clone(laptop.id)
    story.tell(Finished(laptop.id, (("grow", "failed", "resize2fs: no"),)))
    after = story.laptop(laptop.id)
    assert (after.state, after.reason, after.job.verdict) == (State.ASIDE, Reason.FINISH_FAILED, VerdictKind.VERIFIED)
    story.tell(Command("retry", "page", laptop.id))
    assert story.laptop(laptop.id).state is State.FINISHING


def test_a_newer_boot_revokes_the_older_token() -> None:
    story = Story()
    story.boot()
    story.boot()
    assert set(story.state.boots) == {"t2"}


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence for reason in Reason)
