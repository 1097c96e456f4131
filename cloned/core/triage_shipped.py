"""The rules that ship: what a workshop would want to know of a laptop before ten minutes are spent on it.

A rule of the configuration with the same name takes the place of one of these; `[triage] without` leaves one out. They
stop a clone only where it would be in vain: everything else is a grade and a list of what is to be fetched.
"""

from __future__ import annotations

from cloned.core.triage import Course, TriageRule
from cloned.core.words import to_translate

SHIPPED = (
    TriageRule(
        "locked",
        (("locked", True),),
        Course.ASK,
        to_translate("Its firmware has a password: ask the donor for it before anything else"),
        "D",
        (to_translate("the firmware's password"),),
    ),
    TriageRule(
        "absolute",
        (("absolute", True),),
        Course.ASK,
        to_translate("Absolute (Computrace) is switched on: ask the donor to release it"),
        "D",
        (to_translate("release from Absolute"),),
    ),
    TriageRule(
        "disk-failing",
        (("disk", "failing"),),
        Course.ASK,
        to_translate("Its disk says itself that it is failing"),
        "D",
        (to_translate("disk"),),
    ),
    TriageRule(
        "disk-hidden",
        (("disk", "hidden"),),
        Course.ASK,
        to_translate("No disk is seen behind the firmware's RAID or VMD: set it to AHCI in the firmware"),
    ),
    TriageRule(
        "disk-missing",
        (("disk", "none"), ("portable", True)),
        say=to_translate("It has no disk"),
        grade="D",
        needs=(to_translate("disk"),),
    ),
    TriageRule(
        "disk-worn",
        (("disk", "worn"),),
        say=to_translate("Its disk used up nine tenths of its life"),
        grade="C",
        needs=(to_translate("disk"),),
    ),
    TriageRule(
        "disk-bad",
        (("disk_bad_from", 10),),
        say=to_translate("Its disk gave up ten sectors or more"),
        grade="C",
        needs=(to_translate("disk"),),
    ),
    TriageRule(
        "memory-small",
        (("memory_below_gb", 4),),
        say=to_translate("It has less than 4 GB of memory"),
        grade="D",
        needs=(to_translate("memory"),),
    ),
    TriageRule(
        "memory-scarce", (("memory_below_gb", 8),), say=to_translate("It has less than 8 GB of memory"), grade="C"
    ),
    TriageRule("cores-few", (("cores_below", 2),), say=to_translate("Its processor has one core"), grade="D"),
    TriageRule(
        "screen-small",
        (("screen_height_below", 720), ("portable", True)),
        say=to_translate("Its screen has fewer than 720 lines"),
        grade="C",
    ),
    TriageRule(
        "battery-missing",
        (("battery", "missing"),),
        say=to_translate("It has no battery"),
        grade="C",
        needs=(to_translate("battery"),),
    ),
    TriageRule(
        "battery-worn",
        (("battery_below", 50),),
        say=to_translate("Its battery holds less than half of what it held when new"),
        grade="C",
        needs=(to_translate("battery"),),
    ),
    TriageRule(
        "battery-used",
        (("battery_below", 80),),
        say=to_translate("Its battery holds less than four fifths of what it held when new"),
        grade="B",
    ),
    TriageRule(
        "charger-missing",
        (("charger", False), ("portable", True)),
        say=to_translate("It runs on its battery: no charger is plugged in"),
        needs=(to_translate("charger"),),
    ),
    TriageRule(
        "camera-missing", (("camera", False), ("portable", True)), say=to_translate("No camera answers"), grade="B"
    ),
    TriageRule(
        "wifi-missing",
        (("wifi", False), ("portable", True)),
        say=to_translate("No wireless card answers"),
        grade="C",
        needs=(to_translate("wireless card"),),
    ),
    TriageRule(
        "sound-missing", (("sound", False), ("portable", True)), say=to_translate("No sound card answers"), grade="C"
    ),
    TriageRule(
        "clock-stopped",
        (("clock_stopped", True),),
        say=to_translate("Its clock stands still: the coin cell is dead"),
        needs=(to_translate("coin cell"),),
    ),
    TriageRule(
        "memory-failed",
        (("failed", "memory"),),
        Course.PARTS,
        to_translate("Its memory failed its test"),
        "D",
        (to_translate("memory"),),
    ),
    TriageRule(
        "disk-failed",
        (("failed", "disk-selftest"),),
        Course.ASK,
        to_translate("Its disk failed its own test"),
        "D",
        (to_translate("disk"),),
    ),
    TriageRule(
        "disk-unreadable",
        (("failed", "disk-read"),),
        Course.ASK,
        to_translate("Its disk could not be read everywhere"),
        "D",
        (to_translate("disk"),),
    ),
    TriageRule(
        "processor-failed",
        (("failed", "processor"),),
        say=to_translate("Its processor gets too hot, or reckons wrong"),
        grade="D",
        needs=(to_translate("cleaning of its fan"),),
    ),
    TriageRule(
        "battery-failed",
        (("failed", "battery"),),
        say=to_translate("Its battery gave way under load"),
        grade="C",
        needs=(to_translate("battery"),),
    ),
    TriageRule("wifi-failed", (("failed", "wifi"),), say=to_translate("Its wireless card does not work"), grade="C"),
    TriageRule("usb-failed", (("failed", "usb"),), say=to_translate("A USB port draws too much current"), grade="C"),
    TriageRule(
        "keyboard-failed",
        (("failed", "keyboard"),),
        say=to_translate("Keys of its keyboard do not answer"),
        grade="D",
        needs=(to_translate("keyboard"),),
    ),
    TriageRule(
        "screen-failed",
        (("failed", "screen"),),
        say=to_translate("Its screen shows faults"),
        grade="C",
        needs=(to_translate("screen"),),
    ),
    TriageRule(
        "touchpad-failed",
        (("failed", "touchpad"),),
        say=to_translate("Its touchpad does not work"),
        grade="C",
        needs=(to_translate("mouse"),),
    ),
    TriageRule("sound-failed", (("failed", "sound"),), say=to_translate("Its sound does not work"), grade="C"),
    TriageRule("camera-failed", (("failed", "camera"),), say=to_translate("Its camera is dead"), grade="B"),
    TriageRule("ports-failed", (("failed", "usb-ports"),), say=to_translate("A USB port does not answer"), grade="C"),
    TriageRule(
        "headphone-failed",
        (("failed", "headphone"),),
        say=to_translate("Its socket for headphones does not work"),
        grade="B",
    ),
    TriageRule("lid-failed", (("failed", "lid"),), say=to_translate("It does not notice its lid"), grade="B"),
    TriageRule(
        "charger-failed",
        (("failed", "charger"),),
        say=to_translate("It does not notice its charger"),
        grade="C",
        needs=(to_translate("charger"),),
    ),
    TriageRule(
        "windows-11-unfit",
        (("windows_11", False), ("portable", True)),
        say=to_translate("It cannot carry Windows 11"),
        grade="B",
    ),
    TriageRule(
        "wpbt",
        (("wpbt", True),),
        say=to_translate("Its firmware puts a program into Windows: see whether that is Absolute"),
    ),
    TriageRule("key-present", (("product_key", True),), say=to_translate("A key for Windows is in its firmware")),
)


def combined(
    own: tuple[TriageRule, ...], without: tuple[str, ...] = (), shipped: tuple[TriageRule, ...] = SHIPPED
) -> tuple[TriageRule, ...]:
    """The rules of the workshop, first their own; of the shipped ones those that are neither replaced nor left out."""
    gone = {*without, *(rule.name for rule in own)}
    return (*own, *(rule for rule in shipped if rule.name not in gone))
