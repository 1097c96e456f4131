"""Every reason a volunteer can see: a code, a sentence, and the next step."""

from __future__ import annotations

from cloned.core.words import Worded


class Reason(Worded):
    """Why a laptop is where it is. Sentences take `{detail}` where there is more to say."""

    AT_MENU = "at-menu", "It is at its boot menu", 'Choose "clone this" on its keyboard to clone it'
    NOT_CONFIRMED = "not-confirmed", "Nobody has confirmed it yet", "Confirm it here or on its own keyboard"
    NO_IMAGE = "no-image", "No rule says which image it gets", "Choose an image for it"
    NO_DISK = (
        "no-disk",
        "It has no disk that can be cloned to",
        "Check that its disk is seated and seen by the firmware",
    )
    SEVERAL_DISKS = "several-disks", "It has more than one disk", "Choose the disk and confirm"
    NO_IDENTITY = "no-identity", "It has neither a usable serial number nor UUID", "Confirm it by hand"
    KNOWN_BEFORE = "known-before", "It was here before", "Confirm it by hand to clone it again"
    IMAGE_CHANGED = "image-changed", "The image changed since it was confirmed", "Confirm it again"
    DISK_CHANGED = "disk-changed", "Its disk is another one than was confirmed", "Confirm it again"
    DISK_NAMELESS = (
        "disk-nameless",
        "Its disk tells no serial number, so nothing shows that it is the one that was read back",
        "Confirm it again: what is right on the disk is not sent again",
    )
    CONFIRMATION_OLD = "confirmation-old", "Its confirmation ran out", "Confirm it again"
    MAC_CHANGED = (
        "mac-changed",
        "It comes through another network card than when it was confirmed",
        "Confirm it again",
    )
    TWIN = (
        "twin",
        "Another laptop says the same serial number or UUID",
        "Look at both stickers, then confirm it by hand",
    )
    PERHAPS = (
        "perhaps-another",
        "It may be laptop {detail} with another disk, or another laptop on the same dock",
        "Look at its sticker: say that it is the same laptop, or confirm it as another",
    )
    DISK_ASKS = (
        "disk-asks",
        "Its disk says that it can be taken out",
        "Look whether it is the built-in disk, then confirm",
    )
    TRIAGE_ASKS = (
        "triage-asks",
        "Somebody should look before it is cloned: {detail}",
        "See to it and start it again, or confirm it all the same",
    )
    FOR_PARTS = "for-parts", "It is for parts: {detail}", "Take out what is of use, or confirm it all the same"
    GIVE_BACK = "give-back", "It goes back to the donor: {detail}", "Hand it back, or confirm it all the same"
    SWITCH_FULL = "switch-full", "Every place on the switch is taken", "It starts by itself when one is free"
    LINK_FULL = (
        "link-full",
        "The server's network link carries no further image",
        "It starts by itself when one is done",
    )
    OTHER_IMAGE_FIRST = "other-image-first", "The next place is for {detail}, which has fewer", "It starts by itself"
    NO_TAG = (
        "no-tag",
        "It is verified, but has no number yet, which its name is to be made of",
        "Scan or type the number on its sticker: it goes on by itself",
    )
    NO_NUMBER = (
        "no-number",
        "It is verified, but the inventory gave it no number yet: {detail}",
        "Put that right and retry: it only finishes. Or scan the number on its sticker",
    )
    INVENTORY_ASKED = "inventory-asked", "The inventory is being asked what it knows of it", "It goes on by itself"
    INVENTORY_AWAY = (
        "inventory-away",
        "No inventory said what it knows of it, and [inventory] wants one to",
        "See that it is on and start the laptop again, or confirm it by hand",
    )
    LENT_OUT = (
        "lent-out",
        "It is noted as lent out",
        "Look whether it is really back, then confirm it by hand",
    )
    PAUSED = "paused", "It is paused", "Press continue"
    HELD = "held", "Its session is held until {until:time}", "It starts by itself then"
    LEFT_OUT = "left-out", "It was left out by hand", "Press retry to take it in again"
    ERASE_FIRST = (
        "erase-first",
        "It must be erased before it is cloned",
        "Confirm its erasure: here, on its own keyboard, or with `cloned erase start`",
    )
    NOT_ERASED = "not-erased", "NOT ERASED: {detail}", "Look at what its page says of each disk"
    CANCELLED = "cancelled", "Its session was cancelled", "Confirm it again to clone it"
    RESTORED = (
        "restored",
        "A backup was brought back: what was done to it since then is not known here",
        "Look at what the ledger has of it, then confirm it again or start it from its own disk",
    )
    IMAGE_UNUSABLE = (
        "image-unusable",
        "Its image cannot be sent: {detail}",
        "Repair or import the image again, then retry",
    )
    NEEDS_CLASSIC = "needs-classic", "Its image needs a classic session: {detail}", "Start a classic session for it"
    CLASSIC_UNDER_WAY = (
        "classic-under-way",
        "A classic session of its image is under way",
        "It joins the next one by itself",
    )
    CLASSIC_FAILED = (
        "classic-failed",
        "Clonezilla could not restore it: {detail}",
        "Retry: the next session takes it in again",
    )
    DISK_TOO_SMALL = (
        "disk-too-small",
        "Its disk is too small: {detail}",
        "Put in a larger disk or choose a smaller image",
    )
    SECTOR_SIZE = (
        "sector-size",
        "Its disk has other sectors than the image: {detail}",
        "Choose an image made on such a disk",
    )
    LOADER_REFUSED = (
        "loader-refused",
        "Its firmware would not start this image: {detail}",
        "Turn Secure Boot off or renew its keys, choose another image, or confirm it all the same",
    )
    WRONG_DISK = "wrong-disk", "The disk that was confirmed is not there", "Check the disk, then confirm again"
    DISK_READ_ERROR = "disk-read-error", "Its disk gives read errors: {detail}", "Replace the disk"
    DISK_WRITE_ERROR = "disk-write-error", "Its disk gives write errors: {detail}", "Replace the disk"
    STILL_DIFFERS = (
        "still-differs",
        "Its disk does not keep what is written: {detail}",
        "Test its memory, then replace the disk",
    )
    LAYOUT_FAILED = (
        "layout-failed",
        "The partition table could not be written: {detail}",
        "Retry; if it fails again, replace the disk",
    )
    NO_MEMORY = "no-memory", "It has too little memory: {detail}", "Add memory"
    NO_HEADWAY = "no-headway", "It made no headway for {detail}", "Check cable and disk, then retry"
    FINISH_FAILED = "finish-failed", "Verified, but a finishing step failed: {detail}", "Look at the step, then retry"
    NOT_HEARD = "not-heard", "Nothing was heard from it for a while", "Switch it on again; it goes on from where it was"
    RESTARTED = "restarted", "It is starting again", ""
    WANTS_CAPTURE = (
        "wants-capture",
        "It wants to be captured as a master",
        "Name it: press capture, or `cloned image capture`",
    )
    WANTS_ERASURE = (
        "wants-erasure",
        "Erasing it was chosen in its boot menu",
        "Confirm it: on its page, with `cloned erase start`, or by E on it where volunteers may erase",
    )
    CAPTURING = "capturing", "It is being captured as {detail}", ""
    CAPTURED = "captured", "It was captured as {detail}: the image is whole and proven", "Switch it off"
    CAPTURE_FAILED = "capture-failed", "It could not be captured: {detail}", "Nothing is left of it; capture it again"
    INTERNAL = "internal", "The agent on it failed: {detail}", "Retry; if it fails again, report it with this text"
