"""The partition layout as one canonical text, and back (images/FORMAT.md, "Layout")."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Swap:
    """What identifies a swap area: `mkswap -U -L`, version 1."""

    uuid: str
    label: str
    version: int = 1


@dataclass(frozen=True)
class Partition:
    """One partition; start and size in logical sectors."""

    number: int
    start: int
    size: int
    type: str
    """GPT: type GUID in upper case; MBR: hex without 0x, e.g. `83`."""
    uuid: str = ""
    attrs: str = ""
    """GPT: as sfdisk writes it; MBR: `active` or nothing."""
    name: str = ""
    swap: Swap | None = None


@dataclass(frozen=True)
class Layout:
    """A disk's partition table."""

    label: str
    """gpt or dos."""
    id: str
    """GPT: disk GUID in upper case; MBR: 0x and eight hex digits."""
    sector_size: int
    partitions: tuple[Partition, ...]
