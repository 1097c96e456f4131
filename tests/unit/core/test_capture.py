"""A master is read, never written: from the wish in the boot menu to the outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.disks import Disk
from cloned.core.events import Booted, Captured, Command, Confirmed, Failed, Hello, Returned, Vanished
from cloned.core.hello import facts
from cloned.core.ids import clean
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.orders import order
from cloned.core.reasons import Reason
from cloned.core.snapshot import snapshot
from tests.story import DISK, Story

SECOND = Disk("/dev/sdb", 250 * 10**9, serial="S2")


def master(story: Story, disks: tuple[Disk, ...] = (DISK,), wants: str = "capture") -> Laptop:
    """A laptop at whose boot menu "capture" was chosen."""
    story.boots += 1
    identity, token = clean("", "PF1", "Dell Inc.", "Latitude 5490", ["02:00:00:00:00:01"]), f"m{story.boots}"
    story.tell(Booted(token, identity, "02:00:00:00:00:01", "10.0.0.5"))
    story.tell(Hello(token, Facts(identity, "02:00:00:00:00:01", "uefi", disks=disks, wants=wants), "10.0.0.5"))
    ident = story.state.boots[token].laptop
    assert ident is not None
    return story.laptop(ident)


def ask(story: Story, laptop: Laptop, name: str = "master", disk: str = "") -> Laptop:
    story.tell(Command("capture", "page", laptop.id, name, disk))
    return story.laptop(laptop.id)


def test_the_wish_is_heard() -> None:
    assert facts({"want": "capture"}).wants == "capture"
    assert facts({"want": "clone"}).wants == ""


def test_from_wish_to_image() -> None:
    story = Story()
    laptop = master(story)
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.WANTS_CAPTURE)
    said = order(story.state, laptop)
    assert said["do"] == "wait"
    assert "offer" not in said
    laptop = ask(story, laptop)
    assert (laptop.state, laptop.reason, laptop.detail) == (State.ASKING, Reason.CAPTURING, "master")
    said = order(story.state, laptop)
    assert (said["do"], said["image"], said["disk"]["serial"]) == ("capture", "master", "S1")
    assert snapshot(story.state, {}, story.now).laptops[0].capture == "master"
    story.tell(Captured(laptop.id, "other"))
    assert story.laptop(laptop.id).capture.image == "master"
    story.tell(Captured(laptop.id, "master"))
    laptop = story.laptop(laptop.id)
    assert (laptop.reason, laptop.capture.image, order(story.state, laptop)["do"]) == (Reason.CAPTURED, "", "wait")


@pytest.mark.parametrize("failure", ["agent", "daemon"])
def test_a_failed_capture_can_be_tried_again(failure: str) -> None:
    story = Story()
    laptop = ask(story, master(story))
    if failure == "agent":
        story.tell(Failed(laptop.id, "capture-failed", "the disk is full"))
    else:
        story.tell(Captured(laptop.id, "master", "the disk is full"))
    laptop = story.laptop(laptop.id)
    assert (laptop.state, laptop.reason, laptop.detail) == (State.ASKING, Reason.CAPTURE_FAILED, "the disk is full")
    assert ask(story, laptop).capture.image == "master"


def test_a_read_error_is_told_in_words() -> None:
    story = Story()
    laptop = ask(story, master(story))
    story.tell(Failed(laptop.id, "disk-read-error", "sda1"))
    assert "read errors: sda1" in story.laptop(laptop.id).detail


@pytest.mark.parametrize("again", ["returned", "booted", "batch", "retry"])
def test_nothing_clones_a_master_by_itself(again: str) -> None:
    """Not even where everything is cloned without asking."""
    story = Story(confirm="auto")
    if again == "batch":
        story.tell(Command("batch", "page", image="school", text="Latitude 5490"))
    laptop = master(story)
    if again == "returned":
        story.tell(Vanished(laptop.id))
        story.tell(Returned(laptop.id))
    elif again == "booted":
        laptop = master(story)
    elif again == "retry":
        story.tell(Command("exclude", "page", laptop.id))
        story.tell(Command("retry", "page", laptop.id))
    laptop = story.laptop(laptop.id)
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.WANTS_CAPTURE)
    story.tell(Confirmed(laptop.id, "S1", "school", "page"))
    assert story.laptop(laptop.id).state is State.READY


def test_a_confirmed_laptop_that_is_captured_must_be_confirmed_again() -> None:
    story = Story(places=0)
    laptop = master(story, wants="")
    story.tell(Confirmed(laptop.id, "S1", "school", "page"))
    assert story.laptop(laptop.id).state is State.WAITING
    laptop = ask(story, laptop)
    assert (laptop.state, laptop.goal.confirmation) == (State.ASKING, None)
    story.tell(Confirmed(laptop.id, "S1", "school", "page"))
    assert story.laptop(laptop.id) == laptop


def test_silence_and_return_go_on() -> None:
    story = Story()
    laptop = ask(story, master(story))
    story.tell(Vanished(laptop.id))
    assert order(story.state, story.laptop(laptop.id))["do"] == "wait"
    story.tell(Returned(laptop.id))
    assert order(story.state, story.laptop(laptop.id))["do"] == "capture"


def test_another_start_and_leaving_out_end_it() -> None:
    story = Story()
    laptop = ask(story, master(story))
    laptop = master(story)
    assert (laptop.capture.image, laptop.reason) == ("", Reason.WANTS_CAPTURE)
    assert any("failed: it started again" in entry.why for entry in laptop.history)
    ask(story, laptop)
    story.tell(Command("exclude", "page", laptop.id))
    laptop = story.laptop(laptop.id)
    assert (laptop.capture.image, laptop.state) == ("", State.ASIDE)


def test_refusals() -> None:
    story = Story()
    laptop = master(story, disks=(DISK, SECOND))
    for name, disk in (("", ""), ("../x", ""), ("school", "S1"), ("master", ""), ("master", "S3")):
        assert ask(story, laptop, name, disk).capture.image == "", (name, disk)
    assert ask(story, laptop, "master", "/dev/sdb").capture.disk == "S2"
    assert ask(story, laptop, "other", "S1").capture.image == "master"
    story = Story()
    laptop = master(story, disks=(replace(DISK, eligible=False),))
    assert ask(story, laptop).capture.image == ""
    story = Story(confirm="auto")
    laptop = master(story, wants="")
    assert laptop.active
    assert ask(story, laptop).capture.image == ""
