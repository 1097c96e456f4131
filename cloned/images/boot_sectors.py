"""What a Clonezilla directory keeps of the sectors outside all partitions: boot code, gap, protective MBR, EBR."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from cloned.core.warnings import Warn
from cloned.disk.layout import EBR_CODE_BYTES, Layout, LayoutError, with_mbr
from cloned.disk.manifest import BOOT_CODE_BYTES, GAP_LAYER
from cloned.disk.mbr import first_extended
from cloned.errors import ImageError
from cloned.images.folder import Folder
from cloned.images.parts import Saved, file_name, node_name
from cloned.saying import Phrase

SECTOR = 512
GAP_INLINE_BYTES = 64 * 1024 * 1024
"""Bytes of a gap that goes along with the plan; a larger one is sent in pieces."""
KERNEL_SECTOR = 0x5C
"""Where GRUB's boot.img keeps the number of the sector that its second stage begins at (grub/i386/pc/boot.h)."""
GAP_LIMIT_BYTES = 1024 * 1024 * 1024
"""Bytes that Clonezilla saves at most (hidden_data_after_mbr_limit of its drbl-ocs.conf)."""


def read_boot_code(folder: Folder, disk: str) -> bytes | None:
    """The boot code of the MBR; None if no MBR was saved."""
    boot = folder.data(f"{file_name(disk)}-mbr", 4096)
    if boot is not None and len(boot) < BOOT_CODE_BYTES:
        raise ImageError(
            Phrase("{path}/{file_name}-mbr is too short", path=folder.path, file_name=file_name(disk)),
            "copy the image again",
        )
    return None if boot is None else boot[:BOOT_CODE_BYTES]


def with_protective(folder: Folder, disk: str, layout: Layout) -> Layout:
    """A GPT's layout with what the saved MBR says beyond protecting it."""
    head = folder.data(f"{file_name(disk)}-mbr", 4096) if layout.label == "gpt" else None
    if head is None or len(head) < SECTOR:
        return layout
    try:
        found = with_mbr(layout, head)
    except LayoutError:  # no table in it at all: what is written is the plain one
        return layout
    return found if any(entry.protective for entry in found.mbr) else layout


def read_extended_code(folder: Folder, disk: str, layout: Layout) -> bytes | None:
    """The boot code at the start of the extended partition, where there is any."""
    extended = first_extended(layout) if layout.label == "dos" else None
    if extended is None:
        return None
    data = (folder.data(f"{file_name(node_name(disk, extended.number))}-ebr", 4096) or b"")[:EBR_CODE_BYTES]
    return data.ljust(EBR_CODE_BYTES, b"\0") if any(data) else None


def with_extended_code(layout: Layout, code: bytes | None) -> Layout:
    """The layout that a disk with this boot code reads back as."""
    return replace(layout, ebr_code=hashlib.sha256(code).hexdigest()) if code else layout


def read_gap(folder: Folder, disk: str, layout: Layout) -> tuple[bytes | None, Sequence[Saved]]:
    """What lay between the MBR and the first partition: its bytes, or a stream where they are many."""
    name = f"{file_name(disk)}-hidden-data-after-mbr"
    if layout.label != "dos" or name not in folder.names:
        return None, ()
    size = folder.size(name)
    first = min((part.start for part in layout.partitions), default=0) * layout.sector_size
    if size and SECTOR + size > first:
        raise ImageError(
            Phrase("{path} is larger than the gap it was taken from", path=folder.path / name), "copy the image again"
        )
    if size <= GAP_INLINE_BYTES:
        return folder.data(name, GAP_INLINE_BYTES) or None, ()
    if size > GAP_LIMIT_BYTES:
        raise ImageError(
            Phrase("{path} is larger than Clonezilla saves", path=folder.path / name), "copy the image again"
        )
    return None, (
        Saved(
            name=GAP_LAYER,
            number=0,
            start=SECTOR,
            size=size,
            fs="dd",
            raw=True,
            compressor="uncomp",
            files=(folder.file(name),),
        ),
    )


def gap_doubts(
    folder: Folder, disk: str, layout: Layout, boot_code: bytes | None, saved: int, gap: bytes | None = None
) -> list[Warn]:
    """GRUB's second stage lies in the gap of an MBR disk: without it the clone does not start through BIOS."""
    if layout.label != "dos" or not boot_code or b"GRUB" not in boot_code:
        return []
    if saved and not (gap and _lost(boot_code, gap)):
        return []
    if saved:
        text = Phrase("what was saved of the gap after the MBR of {disk} holds nothing where GRUB looks", disk=disk)
        return [Warn("grub-gap", text, "save the disk again with -j2, or run grub-install on the clone")]
    note = f"{file_name(disk)}-hidden-data-after-mbr.notes.txt"
    limit = Phrase("it is larger than Clonezilla's limit")
    why = limit if note in folder.names else Phrase("Clonezilla was not asked to (-j2)")
    text = Phrase(
        "the gap after the MBR of {disk} was not saved ({why}), and GRUB keeps its second stage there",
        disk=disk,
        why=why,
    )
    return [Warn("grub-gap", text, "save the disk again with -j2, or run grub-install on the clone")]


def _lost(boot_code: bytes, gap: bytes) -> bool:
    """Whether there is nothing at the sector that GRUB's first stage loads (kernel_sector of its boot.img)."""
    at = (int.from_bytes(boot_code[KERNEL_SECTOR : KERNEL_SECTOR + 8], "little") - 1) * SECTOR
    return at >= 0 and not any(gap[at : at + SECTOR])


def protective_doubts(folder: Folder, disk: str, layout: Layout) -> list[Warn]:
    """What of a GPT disk's saved MBR is not taken over, or may surprise."""
    if layout.label != "gpt":
        return []
    hybrid = [entry for entry in layout.mbr if not entry.protective]
    if hybrid:
        text = Phrase(
            "{disk} has a hybrid MBR with {count} {count:entry|entries} beside its GPT; it is kept as it is",
            disk=disk,
            count=len(hybrid),
        )
        return [Warn("hybrid-mbr", text, "if nothing needs it, make a plain one with gdisk before saving")]
    head = folder.data(f"{file_name(disk)}-mbr", 4096) or b""
    types = (
        {head[at + 4] for at in range(446, 510, 16)} if len(head) >= SECTOR and head[510:512] == b"\x55\xaa" else {0}
    )
    if any(types) and 0xEE not in types:
        text = Phrase("the saved MBR of {disk} is not that of its GPT; a plain protective one is written", disk=disk)
        return [Warn("mbr-not-protective", text, "look at the master with gdisk if it started through BIOS")]
    return []
