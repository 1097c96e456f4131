"""Whether a laptop can carry Windows 11, and of which generation its processor is. Pure, by rules of thumb.

Source: Microsoft, "Windows 11 Specs and System Requirements" and its lists of supported processors: Intel Core from the
8th generation on, Core Ultra; AMD Ryzen mobile from 3000 on; TPM 2.0, UEFI, 4 GB, 64 GB. The lists hold exceptions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cloned.core.hardware import Hardware

if TYPE_CHECKING:  # a laptop carries its triage, which looks at this
    from cloned.core.laptop import Laptop

LEAST_MEMORY = 4 * 2**30
LEAST_DISK = 64 * 10**9
ULTRA = 14
"""The generation that a Core Ultra counts as: the numbers began anew after the 14th."""


def generation(cpu: str) -> int | None:
    """8 of an i5-8250U, 11 of an i7-1165G7, 3 of a Ryzen 5 3500U; 0 for older families; None where it is not known."""
    if re.search(r"Core\(TM\) Ultra", cpu):
        return ULTRA
    if (ryzen := re.search(r"Ryzen \S+ (?:PRO )?(\d)\d{3}", cpu)) is not None:
        return int(ryzen[1])
    if (core := re.search(r"\b[im][3579]-(\d{3,5}|\d(?=Y))", cpu)) is not None:
        return _of_core(core[1])
    return (
        0
        if re.search(r"Core\(TM\)2|Core\(TM\) i[357] CPU|Pentium\(R\) (M|Dual|4)|AMD (Turion|Sempron|E\d)", cpu)
        else None
    )


def _of_core(number: str) -> int:
    """Three digits are the first; five, and four that begin with 1, have two for it. 7Y30 is the seventh."""
    if len(number) == 3:
        return 1
    return int(number[:2]) if len(number) == 5 or number[0] == "1" else int(number[0])


def carries_windows_11(laptop: Laptop) -> bool | None:
    """Whether all that is told of it suffices; None where something that counts is not told, and nothing is against."""
    votes = [
        _at_least(memory_of(laptop.facts.memory, laptop.facts.hardware), LEAST_MEMORY),
        _at_least(max((disk.size for disk in laptop.eligible()), default=0), LEAST_DISK),
        _processor_does(laptop.facts.cpu),
        laptop.facts.hardware.tpm == "2.0" if laptop.facts.hardware.known else None,
        True if laptop.facts.firmware in ("uefi", "secureboot") else laptop.facts.hardware.uefi,
    ]
    return False if False in votes else None if None in votes else True


def memory_of(seen: int, hardware: Hardware) -> int:
    """Bytes that were fitted: as the modules say, else what Linux has and a tenth, which firmware and kernel keep."""
    fitted = sum(slot.size for slot in hardware.slots)
    return fitted or int(seen * 1.1)


def _at_least(found: int, least: int) -> bool | None:
    return found >= least if found else None


def _processor_does(cpu: str) -> bool | None:
    found = generation(cpu)
    return None if found is None else found >= (3 if "Ryzen" in cpu else 8)
