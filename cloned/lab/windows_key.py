"""Product keys that the lab makes up for its laptops: form and checksum are right, the proof is nought.

They say which edition they are for and are no key for any Windows: only Microsoft can make the proof, and it is checked
wherever one is used.
"""

from __future__ import annotations

import struct

from cloned.agent import product_keys

SERIAL = 12_345_678


def made_up(group: int, serial: int = SERIAL) -> str:
    """A key of this group (core/windows_keys.py)."""
    number = group | serial << product_keys.GROUP_BITS
    number |= product_keys.checksum(number) << product_keys.CHECKSUM_AT
    letters = [product_keys.DIGITS[number // 24**power % 24] for power in range(23, -1, -1)]
    letters.insert(number // 24**24, "N")
    return "-".join("".join(letters[at : at + 5]) for at in range(0, 25, 5))


def body(key: str) -> bytes:
    """What follows the header of ACPI's table MSDM (Microsoft Software Licensing Tables): type 1, a product key."""
    return struct.pack("<IIIII", 1, 0, 1, 0, len(key)) + key.encode()
