"""The swap signature page, as mkswap writes it (Linux include/linux/swap.h, `union swap_header`)."""

from __future__ import annotations

import struct
import uuid

from cloned.disk.partitions import LayoutError, Swap
from cloned.saying import Phrase

PAGE_BYTES = 4096
"""Bytes of a page on x86; the signature ends the first page of the area."""

SIGNATURE = b"SWAPSPACE2"
_INFO = struct.Struct("<III16s16s")
"""From byte 1024: version, last page, bad pages, UUID, label."""


def swap_header(swap: Swap, size: int, page: int = PAGE_BYTES) -> bytes:
    """The first page of a swap area of `size` bytes; LayoutError if it is too small or the label too long."""
    pages = size // page
    label = swap.label.encode()
    if pages < 10:  # mkswap's own limit
        raise LayoutError(Phrase("a swap area of {size} bytes is too small", size=size))
    if len(label) > 16:
        raise LayoutError(Phrase("the swap label {label} is longer than 16 bytes", label=repr(swap.label)))
    ident = uuid.UUID(swap.uuid).bytes if swap.uuid else bytes(16)
    info = _INFO.pack(swap.version, min(pages - 1, 0xFFFFFFFF), 0, ident, label)
    return (bytes(1024) + info).ljust(page - len(SIGNATURE), b"\0") + SIGNATURE


def read_swap(data: bytes, page: int = PAGE_BYTES) -> Swap | None:
    """The swap area whose first page `data` begins with, or None if there is none."""
    if len(data) < page or data[page - len(SIGNATURE) : page] != SIGNATURE:
        return None
    version, _, _, ident, label = _INFO.unpack_from(data, 1024)
    name = label.split(b"\0")[0].decode("utf-8", "replace")
    return Swap(str(uuid.UUID(bytes=ident)) if any(ident) else "", name, version)
