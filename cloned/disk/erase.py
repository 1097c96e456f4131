"""How a disk can be erased: what it says of itself in, the techniques it offers with levels and reasons out.

Pure. The level of a technique is one table, `LEVELS`; a weaker level than asked for is never chosen. Clear and Purge
are used as in NIST SP 800-88 Rev. 2 (2025), which points to IEEE 2883-2022 for techniques.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cloned.disk.erase_models import passed_over
from cloned.disk.media import AtaAbilities, Medium, MmcAbilities, NvmeAbilities, ScsiAbilities
from cloned.saying import Phrase, message

PASSWORD = "cloned"  # noqa: S105 - no secret: it is in the papers so that anybody can take it off a drive again
"""What an ATA drive is locked with while SECURITY ERASE runs; taken off again by the erase itself, else by us."""

TAKE_OFF = f"hdparm --user-master u --security-disable {PASSWORD} /dev/sdX"
"""What takes it off by hand."""

STANDARD = "IEEE 2883-2022, NIST SP 800-88 Rev. 2"


class EraseLevel(StrEnum):
    """How thoroughly: against recovery without and with a laboratory's means."""

    CLEAR = "clear"
    PURGE = "purge"


class Technique(StrEnum):
    """What can be done to a disk, by the command that does it."""

    ATA_BLOCK = "ata-sanitize-block"
    ATA_CRYPTO = "ata-sanitize-crypto"
    ATA_OVERWRITE = "ata-sanitize-overwrite"
    ATA_SECURITY = "ata-security-erase"
    NVME_BLOCK = "nvme-sanitize-block"
    NVME_CRYPTO = "nvme-sanitize-crypto"
    NVME_OVERWRITE = "nvme-sanitize-overwrite"
    NVME_FORMAT = "nvme-format"
    NVME_FORMAT_CRYPTO = "nvme-format-crypto"
    SCSI_BLOCK = "scsi-sanitize-block"
    SCSI_CRYPTO = "scsi-sanitize-crypto"
    SCSI_OVERWRITE = "scsi-sanitize-overwrite"
    MMC_SANITIZE = "mmc-sanitize"
    OVERWRITE = "overwrite"


@dataclass(frozen=True)
class Rating:
    """Which level a technique counts as, in whose words, and what the disk may hold afterwards."""

    level: EraseLevel
    source: str
    leaves: str
    """zeros, uniform (each block one repeated byte) or noise."""
    words: str
    """What a certificate calls it."""


_PURGE_SSD = Phrase("IEEE 2883-2022: sanitize commands of the drive's own are Purge, what is not addressable included")
LEVELS: dict[Technique, Rating] = {
    Technique.ATA_BLOCK: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "ATA SANITIZE: BLOCK ERASE EXT"),
    Technique.ATA_CRYPTO: Rating(EraseLevel.PURGE, _PURGE_SSD, "noise", "ATA SANITIZE: CRYPTO SCRAMBLE EXT"),
    Technique.ATA_OVERWRITE: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "ATA SANITIZE: OVERWRITE EXT"),
    Technique.ATA_SECURITY: Rating(
        EraseLevel.CLEAR, "not Purge in IEEE 2883-2022; SP 800-88r1 table A-5 has the plain one as Clear",
        "uniform", "ATA SECURITY ERASE UNIT (normal mode)",
    ),
    Technique.NVME_BLOCK: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "NVMe Sanitize: Block Erase"),
    Technique.NVME_CRYPTO: Rating(EraseLevel.PURGE, _PURGE_SSD, "noise", "NVMe Sanitize: Crypto Erase"),
    Technique.NVME_OVERWRITE: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "NVMe Sanitize: Overwrite"),
    Technique.NVME_FORMAT: Rating(
        EraseLevel.CLEAR, "Purge only where the vendor says so, which nobody can ask the drive; so Clear", "uniform",
        "NVMe Format NVM with user data erase (SES 1)",
    ),
    Technique.NVME_FORMAT_CRYPTO: Rating(
        EraseLevel.CLEAR, "Purge only where the vendor says so, which nobody can ask the drive; so Clear", "noise",
        "NVMe Format NVM with cryptographic erase (SES 2)",
    ),
    Technique.SCSI_BLOCK: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "SCSI SANITIZE: BLOCK ERASE"),
    Technique.SCSI_CRYPTO: Rating(EraseLevel.PURGE, _PURGE_SSD, "noise", "SCSI SANITIZE: CRYPTOGRAPHIC ERASE"),
    Technique.SCSI_OVERWRITE: Rating(EraseLevel.PURGE, _PURGE_SSD, "uniform", "SCSI SANITIZE: OVERWRITE"),
    Technique.MMC_SANITIZE: Rating(
        EraseLevel.PURGE, "IEEE 2883-2022, JESD84-B51 §6.6.11: everything trimmed, then SANITIZE_START", "uniform",
        "eMMC: all of it trimmed, then SANITIZE",
    ),
    Technique.OVERWRITE: Rating(
        EraseLevel.CLEAR, "IEEE 2883-2022: every addressable place written over once is Clear, on an SSD too", "zeros",
        "overwritten once with zeros",
    ),
}  # fmt: skip
"""The one table of levels; the documentation is made from it."""

RANK = {EraseLevel.CLEAR: 1, EraseLevel.PURGE: 2}


@dataclass(frozen=True)
class EraseOffer:
    """A technique, whether this disk can have it now, why or why not, and how long it may take."""

    technique: Technique
    possible: bool
    why: str
    seconds: float = 0.0

    @property
    def level(self) -> EraseLevel:
        """What it counts as."""
        return LEVELS[self.technique].level


@dataclass(frozen=True)
class EraseChoice:
    """What is to be done to one disk: a technique, or the refusal and what a person can do about it."""

    technique: Technique | None
    level: EraseLevel | None
    why: str
    next_step: str = ""
    seconds: float = 0.0


def offers(medium: Medium) -> tuple[EraseOffer, ...]:
    """Everything that could erase this disk, the strongest first, each with its reason."""
    found: list[EraseOffer] = []
    if medium.ata is not None:
        found += _ata(medium, medium.ata)
    if medium.nvme is not None:
        found += _nvme(medium, medium.nvme)
    if medium.mmc is not None:
        found += _mmc(medium, medium.mmc)
    if medium.scsi is not None:
        found += _scsi(medium, medium.scsi)
    found = [_unless_known_bad(medium, each) for each in found]
    found.append(EraseOffer(Technique.OVERWRITE, True, "any disk can be written over", overwrite_seconds(medium)))
    return tuple(sorted(found, key=lambda each: (-RANK[each.level], not each.possible)))


def choose(medium: Medium, level: EraseLevel) -> EraseChoice:
    """The strongest technique that this disk offers, or a refusal where that is less than `level`."""
    refused = _refused(medium)
    if refused is not None:
        return refused
    possible = [each for each in offers(medium) if each.possible]
    best = possible[0]
    if RANK[best.level] < RANK[level]:
        return EraseChoice(None, None, _too_weak(medium, best, level), _instead(medium, level))
    return EraseChoice(best.technique, best.level, best.why, seconds=best.seconds)


def _refused(medium: Medium) -> EraseChoice | None:
    """Why this disk cannot be erased at all."""
    if not medium.built_in:
        return EraseChoice(
            None, None, Phrase("it is not built in ({why}), so it is left alone", why=medium.barred or medium.bus)
        )
    if medium.barred:
        step = Phrase("Take it out and erase it elsewhere, or destroy it")
        return EraseChoice(None, None, Phrase("it cannot be written: {why}", why=medium.barred), step)
    if medium.size <= 0:
        return EraseChoice(None, None, "it says that it has no capacity", "Take it out and destroy it: it is broken")
    if medium.ata is not None and medium.ata.security_locked:
        step = Phrase("Unlock it with its password, or take it out and destroy it")
        return EraseChoice(None, None, "it is locked with a password (ATA security)", step)
    return None


def _too_weak(medium: Medium, best: EraseOffer, level: EraseLevel) -> str:
    names = {"name": LEVELS[best.technique].words, "level": best.level.capitalize(), "asked": level.capitalize()}
    known = {name: message(text) for name, text in names.items()}
    if medium.asked:
        return Phrase(
            "the strongest it offers is {name}, which is {level}, not {asked} ({why})", why=medium.asked, **known
        )
    return Phrase("the strongest it offers is {name}, which is {level}, not {asked}", **known)


def _instead(medium: Medium, level: EraseLevel) -> str:
    if medium.ata is not None and medium.ata.sanitize_frozen:
        return Phrase("Switch the laptop off and on: its firmware froze SANITIZE, and that ends with the power")
    if medium.rotational or level is EraseLevel.PURGE:
        return Phrase("Ask for Clear if the donor agrees, or take the disk out and destroy it")
    return Phrase("Take the disk out and destroy it")


def _ata(medium: Medium, ata: AtaAbilities) -> Iterable[EraseOffer]:
    frozen = Phrase("SANITIZE is frozen until the next power-on") if ata.sanitize_frozen else ""
    lacks = "" if ata.sanitize else Phrase("it has no SANITIZE (IDENTIFY word 59, bit 12)")
    for technique, able, bit, seconds in (
        (Technique.ATA_BLOCK, ata.block_erase, 15, 300.0),
        (Technique.ATA_CRYPTO, ata.crypto_scramble, 13, 60.0),
        (Technique.ATA_OVERWRITE, ata.overwrite, 14, overwrite_seconds(medium)),
    ):
        why_not = lacks or frozen or ("" if able else Phrase("IDENTIFY word 59, bit {bit} is not set", bit=bit))
        yield EraseOffer(
            technique, not why_not, why_not or Phrase("IDENTIFY word 59, bit {bit} offers it", bit=bit), seconds
        )
    yield _security(medium, ata)


def _security(medium: Medium, ata: AtaAbilities) -> EraseOffer:
    """SECURITY ERASE: for SSDs that have no SANITIZE only, since it blocks hard disks for hours."""
    reasons = (
        (not ata.security, Phrase("it has no ATA security (IDENTIFY word 82, bit 1)")),
        (medium.rotational or ata.rotational, Phrase("not for hard disks: it blocks them for hours")),
        (ata.block_erase or ata.crypto_scramble or ata.overwrite, Phrase("it has SANITIZE, which is better")),
        (ata.security_enabled, Phrase("somebody set a password on it (IDENTIFY word 128, bit 1)")),
    )
    why_not = next((why for true, why in reasons if true), "")
    able = "IDENTIFY word 82, bit 1"
    if ata.security_frozen:
        able = Phrase("IDENTIFY word 82, bit 1; the firmware froze it, so the laptop sleeps for 15 s first")
    seconds = ata.erase_minutes * 60.0 or 300.0
    return EraseOffer(Technique.ATA_SECURITY, not why_not, why_not or able, seconds)


def _nvme(medium: Medium, nvme: NvmeAbilities) -> Iterable[EraseOffer]:
    over, block, crypto = nvme.seconds
    for technique, able, bit, seconds in (
        (Technique.NVME_BLOCK, nvme.block_erase, 1, block or 120.0),
        (Technique.NVME_CRYPTO, nvme.crypto_erase, 0, crypto or 30.0),
        (Technique.NVME_OVERWRITE, nvme.overwrite, 2, over or overwrite_seconds(medium)),
    ):
        why = (
            Phrase("SANICAP bit {bit} offers it", bit=bit) if able else Phrase("SANICAP bit {bit} is not set", bit=bit)
        )
        yield EraseOffer(technique, able, why, seconds)
    alone = nvme.namespaces <= 1 or nvme.format_all
    several = (
        "" if alone else Phrase("it has {count} namespaces and would erase one (FNA bit 1)", count=nvme.namespaces)
    )
    for technique, able, says in (
        (Technique.NVME_FORMAT, nvme.format, "OACS bit 1"),
        (Technique.NVME_FORMAT_CRYPTO, nvme.format_crypto, "OACS bit 1 and FNA bit 2"),
    ):
        why_not = several if able else Phrase("{bits}: not offered", bits=says)
        yield EraseOffer(technique, not why_not, why_not or Phrase("{bits}: offered", bits=says), 60.0)


def _mmc(medium: Medium, mmc: MmcAbilities) -> Iterable[EraseOffer]:
    reasons = (
        (mmc.write_protected, Phrase("its user area is write-protected (EXT_CSD byte 171)")),
        (not mmc.sanitize, Phrase("EXT_CSD byte 231, bit 6: no SANITIZE")),
        (not mmc.trim, Phrase("EXT_CSD byte 231, bit 4: nothing can be trimmed, and SANITIZE removes only that")),
    )
    why_not = next((why for true, why in reasons if true), "")
    yield EraseOffer(Technique.MMC_SANITIZE, not why_not, why_not or "EXT_CSD byte 231, bits 4 and 6 offer it", 120.0)


def _scsi(medium: Medium, scsi: ScsiAbilities) -> Iterable[EraseOffer]:
    for technique, able, action, seconds in (
        (Technique.SCSI_BLOCK, scsi.block_erase, "02h", 300.0),
        (Technique.SCSI_CRYPTO, scsi.crypto_erase, "03h", 60.0),
        (Technique.SCSI_OVERWRITE, scsi.overwrite, "01h", overwrite_seconds(medium)),
    ):
        there = Phrase("SANITIZE, service action {action}, is among its commands", action=action)
        lacks = Phrase("SANITIZE, service action {action}, is not among its commands", action=action)
        yield EraseOffer(technique, able, there if able else lacks, seconds)


def _unless_known_bad(medium: Medium, offer: EraseOffer) -> EraseOffer:
    """The offer, or why it is passed over on this model."""
    known = passed_over(medium.model, offer.technique)
    if known is None or not offer.possible:
        return offer
    return EraseOffer(
        offer.technique,
        False,
        Phrase("passed over: {why} ({source})", why=message(known.why), source=known.source),
        offer.seconds,
    )


def overwrite_seconds(medium: Medium) -> float:
    """An estimate: what such a disk writes in a second, from beginning to end, and reads back."""
    speed = {"nvme": 800e6, "mmc": 60e6, "virtio": 300e6, "loop": 300e6}.get(medium.bus, 350e6)
    return medium.size / (90e6 if medium.rotational else speed)
