"""What a disk says of itself, as far as erasing asks: IDENTIFY, SANICAP, EXT_CSD and their like, read into facts.

Bytes in, facts out. What a disk can do is never guessed from its name. Sources: ACS-4 (INCITS 529) for ATA, the NVM
Express base specification 2.0, JESD84-B51 for eMMC, SBC-4 and SPC-5 for SAS.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cloned.saying import Phrase, Sentence, parts, sentence

IDENTIFY_WORDS = 256
"""16-bit words of an ATA IDENTIFY DEVICE answer."""
NO_TIME = 0xFFFFFFFF
"""What a sanitize log holds where the drive makes no promise."""


class FactsError(ValueError):
    """A drive or a tool answered something that is not what it should be; the message is for people."""


@dataclass(frozen=True)
class AtaAbilities:
    """IDENTIFY DEVICE words 59 (SANITIZE), 82/89/90/128 (security), 82, 83 and 119 (what hides sectors)."""

    sanitize: bool = False
    block_erase: bool = False
    crypto_scramble: bool = False
    overwrite: bool = False
    sanitize_frozen: bool = False
    security: bool = False
    security_enabled: bool = False
    security_locked: bool = False
    security_frozen: bool = False
    erase_minutes: int = 0
    """What the drive says a plain SECURITY ERASE takes; 0: it does not say."""
    rotational: bool = True
    """Word 217: anything but 1 is a spinning disk, or one that does not say."""
    hpa: bool = False
    """Whether it may have a host protected area, or since ACS-3 an accessible max address, which hides sectors too."""
    hidden_sectors: int = 0
    """Sectors behind a host protected area."""
    dco_sectors: int = 0
    """Sectors taken away by a device configuration overlay."""
    dco: bool = False
    """Whether it may have such an overlay."""
    untold: bool = False
    """Whether it could hide sectors so, and would not tell whether it does: firmware freezes that, bridges drop it."""


@dataclass(frozen=True)
class NvmeAbilities:
    """Identify Controller: OACS bit 1, FNA, SANICAP; the sanitize log's estimates."""

    format: bool = False
    format_crypto: bool = False
    format_all: bool = False
    """FNA bit 1: a secure erase takes all namespaces whatever the command says."""
    block_erase: bool = False
    crypto_erase: bool = False
    overwrite: bool = False
    namespaces: int = 1
    seconds: tuple[int, int, int] = (0, 0, 0)
    """Expected for overwrite, block erase, crypto erase; 0: not said."""
    firmware: str = ""


@dataclass(frozen=True)
class MmcAbilities:
    """EXT_CSD: SEC_FEATURE_SUPPORT [231], EXT_CSD_REV [192]."""

    sanitize: bool = False
    trim: bool = False
    secure_erase: bool = False
    revision: int = 0
    write_protected: bool = False


@dataclass(frozen=True)
class ScsiAbilities:
    """REPORT SUPPORTED OPERATION CODES for SANITIZE (48h) and its service actions."""

    block_erase: bool = False
    crypto_erase: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Medium:
    """One disk as erasing sees it; sizes in bytes."""

    path: str
    size: int
    sector_size: int = 512
    serial: str = ""
    wwn: str = ""
    model: str = ""
    bus: str = ""
    """nvme, sata, scsi, mmc, virtio, loop, usb …"""
    rotational: bool = False
    barred: Sentence = ""
    """Why it must not or cannot be written: in use, write-protected …; empty if it can."""
    built_in: bool = True
    """False for sticks, cards and whatever the live system runs from: they are left alone and not counted."""
    asked: Sentence = ""
    """Why the disk could not be asked what it can do; empty if it was."""
    smart: str = "unknown"
    ata: AtaAbilities | None = None
    nvme: NvmeAbilities | None = None
    mmc: MmcAbilities | None = None
    scsi: ScsiAbilities | None = None

    @property
    def key(self) -> str:
        """What names it for good: WWN, else serial, else (only where it has neither) path and size."""
        return self.wwn or self.serial or f"{self.path}:{self.size}"

    def to_json(self) -> dict[str, object]:
        """Plain data, read again by `from_json`."""
        return asdict(self) | {"barred": parts(self.barred), "asked": parts(self.asked)}

    @classmethod
    def from_json(cls, data: object) -> Medium:
        """From plain data that anybody may have sent; FactsError where a part has the wrong shape."""
        if not isinstance(data, Mapping):
            raise FactsError("a disk is a JSON object")
        if "path" not in data or "size" not in data:
            raise FactsError("a disk has a path and a size")
        plain = _checked(cls, data, skip=("ata", "nvme", "mmc", "scsi"))
        kinds = {"ata": AtaAbilities, "nvme": NvmeAbilities, "mmc": MmcAbilities, "scsi": ScsiAbilities}
        able = {name: _able(kind, data.get(name)) for name, kind in kinds.items()}
        return cls(**plain, **able)


def medium_of(disk: Mapping[str, object], **more: Any) -> Medium:
    """A medium from the agent's facts of a disk, which call the bus `transport`."""
    names = ("path", "size", "sector_size", "serial", "wwn", "model", "rotational")
    known: dict[str, Any] = {name: disk[name] for name in names if name in disk}
    return Medium(**known, bus=str(disk.get("transport", "")), **more)


def ata_abilities(identify: bytes) -> AtaAbilities:
    """Abilities from the 512 bytes of IDENTIFY DEVICE (little-endian words, ACS-4 §7.12)."""
    if len(identify) != 2 * IDENTIFY_WORDS:
        raise FactsError(
            Phrase("an IDENTIFY answer has {value} bytes, not {count}", value=2 * IDENTIFY_WORDS, count=len(identify))
        )
    word = struct.unpack(f"<{IDENTIFY_WORDS}H", identify)
    sanitize, security = word[59], word[128]
    return AtaAbilities(
        sanitize=bool(sanitize & 1 << 12),
        crypto_scramble=bool(sanitize & 1 << 12 and sanitize & 1 << 13),
        overwrite=bool(sanitize & 1 << 12 and sanitize & 1 << 14),
        block_erase=bool(sanitize & 1 << 12 and sanitize & 1 << 15),
        security=bool(word[82] & 1 << 1),
        security_enabled=bool(security & 1 << 1),
        security_locked=bool(security & 1 << 2),
        security_frozen=bool(security & 1 << 3),
        erase_minutes=_minutes(word[89]),
        rotational=word[217] != 1,
        hpa=bool(word[82] & 1 << 10 or word[119] & 0xC100 == 0x4100),
        dco=bool(word[83] & 0xC800 == 0x4800),
    )


def _minutes(word: int) -> int:
    """Word 89: two-minute steps in 8 bits, or in 15 where bit 15 is set (ACS-3 on); 508 or 65532 is "or more"."""
    return 2 * (word & 0x7FFF if word & 1 << 15 else word & 0xFF)


def identify_bytes(text: str) -> bytes:
    """The 512 bytes behind `hdparm --Istdout`: 256 words as four hex digits each."""
    words = re.findall(r"(?<![0-9a-fA-F])[0-9a-fA-F]{4}(?![0-9a-fA-F])", text)
    if len(words) != IDENTIFY_WORDS:
        raise FactsError(
            Phrase(
                "hdparm showed {count} {count:word|words} of IDENTIFY, not {identify_words}",
                count=len(words),
                identify_words=IDENTIFY_WORDS,
            )
        )
    return struct.pack(f"<{IDENTIFY_WORDS}H", *(int(word, 16) for word in words))


def hidden_area(text: str) -> int:
    """Sectors that `hdparm -N` tells are hidden: ` max sectors   = 1000/2000, HPA is enabled` (or ACCESSIBLE MAX …)."""
    found = re.search(r"max sectors\s*=\s*(\d+)/(\d+)", text)
    return max(0, int(found[2]) - int(found[1])) if found else 0


def overlay_sectors(text: str, native: int) -> int | None:
    """Sectors that an overlay takes away (`hdparm --dco-identify`: `Real max sectors: N`); None: it does not tell."""
    found = re.search(r"Real max sectors:\s*(\d+)", text)
    return max(0, int(found[1]) - native) if found and native else None


def native_sectors(text: str) -> int:
    """The native maximum that `hdparm -N` tells; 0 where it does not."""
    found = re.search(r"max sectors\s*=\s*\d+/(\d+)", text)
    return int(found[1]) if found else 0


def nvme_abilities(identify: bytes, sanitize_log: bytes = b"") -> NvmeAbilities:
    """Abilities from Identify Controller (4096 bytes; base specification figure 275) and log page 81h."""
    if len(identify) != 4096:
        raise FactsError(Phrase("an Identify Controller answer has 4096 bytes, not {count}", count=len(identify)))
    oacs, sanicap = struct.unpack_from("<H", identify, 256)[0], struct.unpack_from("<I", identify, 328)[0]
    spaces, fna = struct.unpack_from("<I", identify, 516)[0], identify[524]
    return NvmeAbilities(
        format=bool(oacs & 1 << 1),
        format_crypto=bool(oacs & 1 << 1 and fna & 1 << 2),
        format_all=bool(fna & 1 << 1),
        crypto_erase=bool(sanicap & 1),
        block_erase=bool(sanicap & 2),
        overwrite=bool(sanicap & 4),
        namespaces=min(spaces, 1024),
        seconds=_estimates(sanitize_log),
        firmware=identify[64:72].decode("ascii", "replace").strip(),
    )


def _estimates(log: bytes) -> tuple[int, int, int]:
    """ETO, ETBE and ETCE of the sanitize log: seconds, 0 where nothing is said."""
    if len(log) < 20:
        return (0, 0, 0)
    told = struct.unpack_from("<III", log, 8)
    over, block, crypto = (0 if seconds == NO_TIME else seconds for seconds in told)
    return over, block, crypto


def mmc_abilities(text: str) -> MmcAbilities:
    """Abilities from what `mmc extcsd read` prints: `[NAME: 0x55]`, and for some fields `[NAME]: 0x00`."""
    fields = re.findall(r"\[(\w+)(?:\[\d+\])?\]?: ?(0x[0-9a-fA-F]+)", text)
    found = {name: int(value, 16) for name, value in fields}
    if "SEC_FEATURE_SUPPORT" not in found:
        raise FactsError("the EXT_CSD that mmc showed has no SEC_FEATURE_SUPPORT")
    revision = re.search(r"Extended CSD rev 1\.(\d+)", text)
    feature = found["SEC_FEATURE_SUPPORT"]
    return MmcAbilities(
        sanitize=bool(feature & 1 << 6),
        trim=bool(feature & 1 << 4),
        secure_erase=bool(feature & 1),
        revision=int(revision[1]) if revision else 0,
        write_protected=bool(found.get("USER_WP", 0) & 0b101),
    )


def scsi_abilities(block: str, crypto: str, overwrite: str) -> ScsiAbilities:
    """Abilities from three answers of `sg_opcodes --opcode=0x48,ACTION`."""
    return ScsiAbilities(_supported(block), _supported(crypto), _supported(overwrite))


def _supported(text: str) -> bool:
    return "supported [" in text.lower() and "not supported" not in text.lower()


def _able(kind: type, data: object) -> Any:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise FactsError("what a disk can do is a JSON object")
    return kind(**_checked(kind, data))


def _checked(kind: type, data: Mapping[str, object], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of `kind` that `data` has, each of the type of its default; texts and numbers within bounds."""
    blank = {"path": "", "size": 0}
    found: dict[str, Any] = {}
    for name, field in kind.__dataclass_fields__.items():  # type: ignore[attr-defined]
        if name in skip or name not in data:
            continue
        found[name] = _value(name, data[name], blank.get(name, field.default))
    return found


def _value(name: str, value: object, like: object) -> object:
    if isinstance(like, bool) and isinstance(value, bool):
        return value
    if isinstance(like, int) and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    if name in ("barred", "asked") and isinstance(value, Mapping):
        return _said(name, value)
    if isinstance(like, str) and isinstance(value, str):
        return "".join(char for char in value[:2000] if char.isprintable())[:300]
    if isinstance(like, tuple) and isinstance(value, list | tuple) and len(value) == len(like):
        return tuple(_value(name, each, 0) for each in value)
    raise FactsError(Phrase("{name} of a disk cannot be {value}", name=name, value=repr(str(value)[:40])))


def _said(name: str, told: Mapping[str, object]) -> str:
    try:
        return sentence(told)
    except ValueError as error:
        raise FactsError(Phrase("{name} of a disk cannot be {value}", name=name, value=error)) from error
