"""Who is who: identifiers, and how a laptop is recognised when it comes back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NewType

from cloned.core.disks import Disk
from cloned.core.fillers import swapped, usable_text, usable_uuid

LaptopId = NewType("LaptopId", str)
SessionId = NewType("SessionId", str)

LONGEST = 64
"""Characters of a word of SMBIOS that are looked at: boot loaders send no more."""
_NOT_TOLD = re.compile(r"[^a-z0-9_.:-]+")


def normal_mac(text: str) -> str:
    """A MAC address as `aa:bb:cc:dd:ee:ff`; empty if it is none, all zeros or a group address."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if len(digits) != 12 or int(digits, 16) == 0 or int(digits[:2], 16) & 1:
        return ""
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


@dataclass(frozen=True)
class Identity:
    """What a machine says of itself; placeholders are dropped by `clean`."""

    uuid: str = ""
    serial: str = ""
    vendor: str = ""
    product: str = ""
    macs: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether it can be recognised for certain: by UUID or serial, not by network card alone."""
        return bool(self.uuid or self.serial)

    # What all known laptops are looked through by whenever one arrives, so it is made once.

    @cached_property
    def uuid_key(self) -> str:
        """One text for its UUID in either byte order; empty for a placeholder."""
        return min(self.uuid, swapped(self.uuid)) if usable_uuid(self.uuid) else ""

    @cached_property
    def serial_key(self) -> str:
        """One text for its serial number however it was told; empty for a placeholder."""
        return word_key(self.serial) if usable_text(self.serial) else ""

    @cached_property
    def make(self) -> tuple[str, str]:
        """Vendor and product however they were told."""
        return word_key(self.vendor), word_key(self.product)

    @cached_property
    def claims(self) -> tuple[tuple[str, str], ...]:
        """The words that only one machine should say, each with what it is."""
        serial = self.serial_key and " ".join((*self.make, self.serial_key))
        found = (("UUID", self.uuid_key), ("serial number", serial))
        return tuple((kind, word) for kind, word in found if word)

    def traces(self, disks: Iterable[Disk]) -> frozenset[str]:
        """All that a machine with these disks could be known by, proven or not: two that share none of it are two."""
        told = (*self.macs, self.uuid_key, self.serial_key, *(disk.serial for disk in disks))
        return frozenset(each for each in told if each)

    def merged(self, newer: Identity) -> Identity:
        """This identity with what a newer sight of the same laptop adds."""
        macs = dict.fromkeys((*newer.macs, *self.macs))
        return Identity(
            newer.uuid or self.uuid,
            _fuller(newer.serial, self.serial),
            _fuller(newer.vendor, self.vendor),
            _fuller(newer.product, self.product),
            tuple(macs)[:16],
        )


def clean(uuid: str = "", serial: str = "", vendor: str = "", product: str = "", macs: Iterable[str] = ()) -> Identity:
    """An Identity from raw strings: bounded, runs of spaces made one, placeholders emptied, MACs normalised."""
    uuid, serial, vendor, product = (_printable(text) for text in (uuid, serial, vendor, product))
    return Identity(
        uuid.lower() if usable_uuid(uuid) else "",
        serial if usable_text(serial) else "",
        vendor if usable_text(vendor) else "",
        product if usable_text(product) else "",
        tuple(dict.fromkeys(mac for mac in map(normal_mac, macs) if mac)),
    )


def _printable(text: str) -> str:
    return " ".join("".join(char for char in text if char.isprintable()).split())[:LONGEST].strip()


def word_key(text: str) -> str:
    """What two ways of telling one word of SMBIOS have in common.

    GRUB's script can send letters, digits and `_ . : -` and makes one space of any run of others; firmware pads.
    """
    return _NOT_TOLD.sub(" ", text.lower()).strip()


def _fuller(newer: str, known: str) -> str:
    """The newer word, unless it is the known one with characters lost on the way."""
    if word_key(newer) == word_key(known) and len(newer.replace(" ", "")) < len(known.replace(" ", "")):
        return known
    return newer or known


def same(known: Identity, seen: Identity) -> bool:
    """Whether two sights are of one laptop.

    UUID and serial decide wherever both sides have them, and must not contradict each other: some
    vendors ship one UUID on a whole batch. A shared MAC counts only where nothing better is known of
    one of them, since dongles and docks travel.
    """
    uuids, serials = known.uuid and seen.uuid, known.serial and seen.serial
    if uuids and known.uuid != seen.uuid:
        return False
    if serials and word_key(known.serial) != word_key(seen.serial):
        return False
    if uuids:
        return True
    if serials:
        return known.make == seen.make or not (known.product and seen.product)
    return bool(set(known.macs) & set(seen.macs)) and not (known.usable and seen.usable)


def derive_id(entropy: str, purpose: str, size: int = 8) -> str:
    """Hex digits derived from random bits that were drawn, and journalled, beforehand."""
    return hashlib.sha256(f"{entropy}/{purpose}".encode()).hexdigest()[:size]


def token_digest(token: str) -> str:
    """How a boot token is kept: only its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
