"""Facts of a laptop as a reader of papers wants them: whole phrases, each translated as one."""

from __future__ import annotations

from cloned.code_words import FIRMWARE_WORDS, STEP_WORDS, TEST_WORDS
from cloned.core.hardware import Battery, MemorySlot
from cloned.languages import Language, to_translate
from cloned.papers.subject import Storage, Subject

VERDICTS = {
    "verified": to_translate("Verified: everything that was written was read back and is right."),
    "differs": to_translate("NOT right: the disk does not hold what the image says. Do not hand this laptop over."),
    "unreadable": to_translate("NOT right: parts of the disk cannot be read. Do not hand this laptop over."),
    "none": to_translate("Nothing was verified on this laptop."),
}
NOT_ERASED = to_translate("NOT ERASED: old data may still be on its disks.")
SMART = {
    "ok": to_translate("good"),
    "failing": to_translate("FAILING"),
    "unknown": to_translate("not told"),
}
KINDS = {"nvme": "NVMe", "sata": "SATA", "mmc": "eMMC", "scsi": "SCSI"}


def processor(laptop: Subject, words: Language) -> str:
    """Its name and cores."""
    cores = laptop.hardware.cores
    if not (laptop.cpu and cores):
        return laptop.cpu
    return words.ngettext("%(cpu)s, %(num)s core", "%(cpu)s, %(num)s cores", cores, cpu=laptop.cpu)


def memory(laptop: Subject, words: Language) -> str:
    """All of it, as modules where they are told: what Linux has is less than what was bought."""
    fitted = sum(slot.size for slot in laptop.hardware.slots)
    count = fitted or laptop.memory
    return words.size(count, binary=True) if count else ""


def slots(laptop: Subject, words: Language) -> str:
    """Which module sits where."""
    return "; ".join(_slot(each, words) for each in laptop.hardware.slots)


def _slot(slot: MemorySlot, words: Language) -> str:
    _ = words.gettext
    if not slot.size:
        return _("%(place)s: empty", place=slot.place)
    size = words.size(slot.size, binary=True)
    kind = f"{slot.kind}-{slot.mhz}" if slot.kind and slot.mhz else slot.kind
    return _("%(place)s: %(size)s %(kind)s", place=slot.place, size=size, kind=kind).rstrip()


def screen(laptop: Subject, words: Language) -> str:
    """Pixels and diagonal."""
    panel = laptop.hardware.panel
    if panel is None:
        return ""
    pixels = f"{panel.width} x {panel.height}"
    if not panel.inches:
        return pixels
    return words.gettext("%(pixels)s, %(inches)s inch", pixels=pixels, inches=words.number(panel.inches, 1))


def firmware(laptop: Subject, words: Language) -> str:
    """Way of starting, version and date."""
    kind = words.gettext(FIRMWARE_WORDS[laptop.firmware]) if laptop.firmware in FIRMWARE_WORDS else ""
    told = laptop.hardware
    return ", ".join(part for part in (kind, told.firmware_version, told.firmware_date) if part)


def tpm(laptop: Subject, words: Language) -> str:
    """Its version, or that there is none."""
    return laptop.hardware.tpm or words.gettext("none found")


def battery(found: Battery, words: Language) -> str:
    """What is left of it, and how often it was charged."""
    _ = words.gettext
    if found.left is None:
        return _("present, its wear is not told")
    full, design = words.number(found.full_wh, 1), words.number(found.design_wh, 1)
    left = words.percent(found.left)
    if found.cycles is None:
        return _("%(left)s of its capacity when new (%(full)s of %(design)s Wh)", left=left, full=full, design=design)
    return words.ngettext(
        "%(left)s of its capacity when new (%(full)s of %(design)s Wh), charged %(num)s time",
        "%(left)s of its capacity when new (%(full)s of %(design)s Wh), charged %(num)s times",
        found.cycles,
        left=left,
        full=full,
        design=design,
    )


def smart(disk: Storage, words: Language) -> str:
    """The disk's own verdict."""
    return words.gettext(SMART.get(disk.smart, SMART["unknown"]))


def hours(disk: Storage, words: Language) -> str:
    """How long it ran."""
    return "" if disk.hours is None else words.gettext("%(hours)s h", hours=words.number(disk.hours))


def worn(disk: Storage, words: Language) -> str:
    """How much of its life is used up."""
    return "" if disk.worn is None else words.percent(disk.worn / 100)


def bad(disk: Storage, words: Language) -> str:
    """Sectors that it gave up."""
    return "" if disk.bad is None else words.number(disk.bad)


def steps(laptop: Subject, words: Language) -> str:
    """What was done after the verdict; what failed is named as such."""
    _ = words.gettext
    named = [(_(STEP_WORDS[name]) if name in STEP_WORDS else name, result) for name, result in laptop.steps]
    done = [name for name, result in named if result == "done"]
    failed = [name for name, result in named if result == "failed"]
    parts = [words.listed(done)] if done else []
    if failed:
        parts.append(_("FAILED: %(steps)s", steps=words.listed(failed)))
    return "; ".join(parts)


def erasure(laptop: Subject, words: Language) -> str:
    """`Purge, NVMe Sanitize: Block Erase, 29 Nov 2026 19:04`; empty where nothing was erased here."""
    done = laptop.erasure
    if done is None:
        return ""
    if not done.erased:
        return words.gettext(NOT_ERASED)
    when = words.moment(done.at) if done.at else ""
    return ", ".join(
        filter(None, (words.gettext(done.level.capitalize()), *(words.say(each) for each in done.techniques), when))
    )


def tests(laptop: Subject, words: Language) -> str:
    """Which tests passed, which failed and why, which were not made; nothing where none was asked for."""
    _ = words.gettext
    named = [(_(TEST_WORDS[name]) if name in TEST_WORDS else name, result, why) for name, result, why in laptop.tests]
    passed = [name for name, result, _why in named if result == "passed"]
    failed = [f"{name} ({why})" if why else name for name, result, why in named if result == "failed"]
    left = [name for name, result, _why in named if result == "skipped"]
    parts = [_("FAILED: %(tests)s", tests=words.listed(failed))] if failed else []
    parts += [_("passed: %(tests)s", tests=words.listed(passed))] if passed else []
    parts += [_("not tested: %(tests)s", tests=words.listed(left))] if left else []
    return "; ".join(parts)
