"""Every reason a volunteer can see: a name, a sentence, and the next step."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a laptop is where it is. Sentences take `{detail}` where there is more to say."""

    AT_MENU = "at-menu"
    NOT_CONFIRMED = "not-confirmed"
    NO_IMAGE = "no-image"
    NO_DISK = "no-disk"
    SEVERAL_DISKS = "several-disks"
    NO_IDENTITY = "no-identity"
    KNOWN_BEFORE = "known-before"
    IMAGE_CHANGED = "image-changed"
    DISK_CHANGED = "disk-changed"
    CONFIRMATION_OLD = "confirmation-old"
    SWITCH_FULL = "switch-full"
    LINK_FULL = "link-full"
    OTHER_IMAGE_FIRST = "other-image-first"
    PAUSED = "paused"
    HELD = "held"
    LEFT_OUT = "left-out"
    CANCELLED = "cancelled"
    IMAGE_UNUSABLE = "image-unusable"
    NEEDS_CLASSIC = "needs-classic"
    CLASSIC_UNDER_WAY = "classic-under-way"
    CLASSIC_FAILED = "classic-failed"
    DISK_TOO_SMALL = "disk-too-small"
    SECTOR_SIZE = "sector-size"
    WRONG_DISK = "wrong-disk"
    DISK_READ_ERROR = "disk-read-error"
    DISK_WRITE_ERROR = "disk-write-error"
    STILL_DIFFERS = "still-differs"
    LAYOUT_FAILED = "layout-failed"
    NO_MULTICAST = "no-multicast"
    NO_MEMORY = "no-memory"
    NO_HEADWAY = "no-headway"
    FINISH_FAILED = "finish-failed"
    NOT_HEARD = "not-heard"
    RESTARTED = "restarted"
    WANTS_CAPTURE = "wants-capture"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    CAPTURE_FAILED = "capture-failed"
    STATE_DISK_FULL = "state-disk-full"
    INTERNAL = "internal"

    @property
    def sentence(self) -> str:
        """What happened, in English; translations key on it."""
        return _TEXTS[self][0]

    @property
    def next_step(self) -> str:
        """What to do about it; empty where there is nothing to do."""
        return _TEXTS[self][1]


_TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.AT_MENU: ("It is at its boot menu", 'Choose "clone this" on its keyboard to clone it'),
    Reason.NOT_CONFIRMED: ("Nobody has confirmed it yet", "Confirm it here or on its own keyboard"),
    Reason.NO_IMAGE: ("No rule says which image it gets", "Choose an image for it"),
    Reason.NO_DISK: ("It has no disk that can be cloned to", "Check that its disk is seated and seen by the firmware"),
    Reason.SEVERAL_DISKS: ("It has more than one disk", "Choose the disk and confirm"),
    Reason.NO_IDENTITY: ("It has neither a usable serial number nor UUID", "Confirm it by hand"),
    Reason.KNOWN_BEFORE: ("It was here before", "Confirm it by hand to clone it again"),
    Reason.IMAGE_CHANGED: ("The image changed since it was confirmed", "Confirm it again"),
    Reason.DISK_CHANGED: ("Its disk is another one than was confirmed", "Confirm it again"),
    Reason.CONFIRMATION_OLD: ("Its confirmation ran out", "Confirm it again"),
    Reason.SWITCH_FULL: ("Every place on the switch is taken", "It starts by itself when one is free"),
    Reason.LINK_FULL: ("The server's network link carries no further image", "It starts by itself when one is done"),
    Reason.OTHER_IMAGE_FIRST: ("The next place is for {detail}, which has fewer", "It starts by itself"),
    Reason.PAUSED: ("It is paused", "Press continue"),
    Reason.HELD: ("Its session is held until {detail}", "It starts by itself then"),
    Reason.LEFT_OUT: ("It was left out by hand", "Press retry to take it in again"),
    Reason.CANCELLED: ("Its session was cancelled", "Confirm it again to clone it"),
    Reason.IMAGE_UNUSABLE: ("Its image cannot be sent: {detail}", "Repair or import the image again, then retry"),
    Reason.NEEDS_CLASSIC: ("Its image needs a classic session: {detail}", "Start a classic session for it"),
    Reason.CLASSIC_UNDER_WAY: ("A classic session of its image is under way", "It joins the next one by itself"),
    Reason.CLASSIC_FAILED: ("Clonezilla could not restore it: {detail}", "Retry: the next session takes it in again"),
    Reason.DISK_TOO_SMALL: ("Its disk is too small: {detail}", "Put in a larger disk or choose a smaller image"),
    Reason.SECTOR_SIZE: ("Its disk has other sectors than the image: {detail}", "Choose an image made on such a disk"),
    Reason.WRONG_DISK: ("The disk that was confirmed is not there", "Check the disk, then confirm again"),
    Reason.DISK_READ_ERROR: ("Its disk gives read errors: {detail}", "Replace the disk"),
    Reason.DISK_WRITE_ERROR: ("Its disk gives write errors: {detail}", "Replace the disk"),
    Reason.STILL_DIFFERS: (
        "Its disk does not keep what is written: {detail}",
        "Test its memory, then replace the disk",
    ),
    Reason.LAYOUT_FAILED: (
        "The partition table could not be written: {detail}",
        "Retry; if it fails again, replace the disk",
    ),
    Reason.NO_MULTICAST: ("Multicast does not reach it", "Check storm control and IGMP snooping on the switch"),
    Reason.NO_MEMORY: ("It has too little memory: {detail}", "Add memory"),
    Reason.NO_HEADWAY: ("It made no headway for {detail}", "Check cable and disk, then retry"),
    Reason.FINISH_FAILED: ("Verified, but a finishing step failed: {detail}", "Look at the step, then retry"),
    Reason.NOT_HEARD: ("Nothing was heard from it for a while", "Switch it on again; it goes on from where it was"),
    Reason.RESTARTED: ("It is starting again", ""),
    Reason.WANTS_CAPTURE: ("It wants to be captured as a master", "Name it: press capture, or `cloned image capture`"),
    Reason.CAPTURING: ("It is being captured as {detail}", ""),
    Reason.CAPTURED: ("It was captured as {detail}: the image is whole and proven", "Switch it off"),
    Reason.CAPTURE_FAILED: ("It could not be captured: {detail}", "Nothing is left of it; capture it again"),
    Reason.STATE_DISK_FULL: ("The server's disk is full", "Free space on the server; sessions go on by themselves"),
    Reason.INTERNAL: ("The agent on it failed: {detail}", "Retry; if it fails again, report it with this text"),
}
