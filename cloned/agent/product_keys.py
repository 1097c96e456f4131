"""The group of the product key for Windows that firmware holds: the number that says which edition it is for.

The key stays here. It is read from ACPI's table MSDM (Microsoft Software Licensing Tables), its group is computed, and
nothing else of it is kept, sent or shown, nor a sum of it.

A key of Windows 8 or later ("pkey 2009") is 25 signs: digits of base 24, and one N that stands where the first digit
says. The number that they make is, from its lowest bit: 20 bits of group, 30 of serial number, 53 of proof, 10 of
checksum, one that says whether it is an upgrade, and one that is left over. Looked up in what describes the format
publicly, and held against keys that Microsoft publishes for each edition; the proof only Microsoft can check.
"""

from __future__ import annotations

import re

from cloned.agent import signs, sysfs

DIGITS = "BCDFGHJKMPQRTVWXY2346789"
_LENGTH_AT, _KEY_AT = 52, 56
"""36 bytes of header; version, reserved, kind, reserved, length, of 4 bytes each; the key."""
_FORM = re.compile(r"[A-Z0-9]{5}(-[A-Z0-9]{5}){4}")
GROUP_BITS = 20
CHECKSUM_AT, CHECKSUM_BITS = 103, 10
NUMBER_BYTES = 16
_CRC = 0x04C11DB7


def key_facts(base: str = signs.TABLES) -> dict[str, int]:
    """`product_key_group`, 0 where no right key lies there; nothing where the firmware has no such table."""
    return {"product_key_group": group(table)} if (table := sysfs.raw(f"{base}/MSDM")) else {}


def group(table: bytes) -> int:
    """The group of the key in a table MSDM; 0 where it holds none, or one whose checksum is wrong."""
    length = int.from_bytes(table[_LENGTH_AT:_KEY_AT], "little")
    number = _number(table[_KEY_AT : _KEY_AT + length].decode("ascii", "replace").strip("\0 "))
    right = checksum(number) == number >> CHECKSUM_AT & (1 << CHECKSUM_BITS) - 1
    return number & (1 << GROUP_BITS) - 1 if number and right else 0


def _number(text: str) -> int:
    """The key as a number; 0 where it is none of this kind."""
    letters = text.replace("-", "")
    digits = letters.replace("N", "", 1)
    if not _FORM.fullmatch(text) or len(digits) != 24 or not set(digits) <= set(DIGITS):
        return 0
    number = letters.index("N")
    for letter in digits:
        number = 24 * number + DIGITS.index(letter)
    return number


def checksum(number: int) -> int:
    """CRC-32/MPEG-2 of the number without its checksum, in 16 bytes from the lowest; the lowest bits of it, turned."""
    bare = number & ~((1 << CHECKSUM_BITS) - 1 << CHECKSUM_AT)
    crc = 0xFFFFFFFF
    for byte in bare.to_bytes(NUMBER_BYTES, "little"):
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC if crc & 1 << 31 else 0)) & 0xFFFFFFFF
    return ~crc & (1 << CHECKSUM_BITS) - 1
