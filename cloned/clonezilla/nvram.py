r"""The firmware's boot entries of a saved laptop (`efi-nvram.dat`, the output of `efibootmgr -v`). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTRY = re.compile(
    r"^Boot(?P<number>[0-9A-F]{4})(?P<active>\*?)\s+(?P<label>[^\t]*)\tHD\(\d+,GPT,(?P<partition>[0-9a-fA-F-]{36}),[^)]*\)"
    r"/(?:File\((?P<old>[^)]*)\)|(?P<new>\\[^\t]*?\.efi))",
    re.IGNORECASE,
)
r"""Older programs write `/File(\EFI\…)`, newer ones `/\EFI\…`; what follows is the entry's own data."""
_MOST = 32


@dataclass(frozen=True)
class BootEntry:
    """What the firmware of the master started."""

    label: str
    partition: str
    """GUID of the EFI system partition, in upper case."""
    loader: str
    r"""Path on it, with slashes: EFI/debian/shimx64.efi."""


def boot_entries(text: str) -> tuple[BootEntry, ...]:
    """Active entries that start a file on a GPT disk, in the order in which the firmware tries them."""
    order = re.search(r"^BootOrder: ([0-9A-F,]+)$", text, re.MULTILINE)
    places = {number: place for place, number in enumerate(order[1].split(","))} if order else {}
    found = [match for line in text.splitlines()[:1000] if (match := _ENTRY.match(line)) and match["active"]]
    found.sort(key=lambda match: places.get(match["number"].upper(), len(places)))
    return tuple(_entry(match) for match in found[:_MOST])


def _entry(match: re.Match[str]) -> BootEntry:
    path = (match["old"] or match["new"] or "").replace("\\", "/").strip("/")
    label = "".join(each for each in match["label"] if each.isprintable()).strip()[:64]
    return BootEntry(label, match["partition"].upper(), path)
