"""What the first bytes of a partition say, where that keeps it from being cloned or changed. Pure.

Sources: util-linux's libblkid (superblocks/swap.c, bitlocker.c, btrfs.c), the kernel's kernel/power/swap.c.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

from cloned.disk.extfs import Ext, ExtError
from cloned.disk.ntfs import Ntfs, NtfsError
from cloned.saying import Phrase

Read = Callable[[int, int], bytes]
"""Reads (offset, length) of a partition."""

HEAD_BYTES = 65536
"""Bytes that hold the end of the first page, whatever the page size."""
_SLEEPING = (b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001")
"""Where a swap area has SWAPSPACE2 else: the kernel's own, uswsusp's, and an old patch's."""
_TO_GO = (
    bytes.fromhex("3bd66749292ed84a8399f6a339e3d001"),
    bytes.fromhex("3b4da89280dd0e4d9e4eb1e3284eaed8"),
)
"""BitLocker's GUIDs: everything is encrypted, or what is used."""
_SWAP_FILES = ("swapfile", "swap.img")
_BTRFS, _BTRFS_MAGIC = 65536, b"_BHRfS_M"
PAGE = 4096


def is_bitlocker(head: bytes) -> bool:
    """Whether a partition that begins so is a BitLocker volume, or one "to go", which looks like FAT to others."""
    return head[3:11] == b"-FVE-FS-" or (head[3:11] == b"MSWIN4.1" and head[424:440] in _TO_GO)


def is_sleeping_swap(head: bytes) -> bool:
    """Whether a hibernated Linux lies in the swap area that begins so."""
    sizes = (4096, 8192, 16384, 32768, 65536)
    return any(head[size - 10 : size].startswith(_SLEEPING) for size in sizes if len(head) >= size)


def is_sleeping_windows(read: Read) -> bool:
    """Whether this partition holds a Windows that was hibernated, or shut down by fast startup."""
    with suppress(NtfsError, struct.error, IndexError):
        return Ntfs(read).hibernated()
    return False


def sleeps_in_file(read: Read) -> bool:
    """Whether a hibernated Linux lies in the usual swap file of the ext file system on this partition."""
    for name in _SWAP_FILES:
        with suppress(ExtError, struct.error, ZeroDivisionError, ValueError, IndexError):
            if is_sleeping_swap(Ext(read).read_head(name, PAGE)):
                return True
    return False


def unclean_ext(read: Read) -> str:
    """Why the ext file system on this partition needs its check first; empty if it does not.

    Source: the kernel's fs/ext4/ext4.h, s_state: bit 0, unmounted properly; bit 1, errors were found.
    """
    superblock = read(1024, 1024)
    if superblock[56:58] != b"\x53\xef":
        return ""
    (state,) = struct.unpack_from("<H", superblock, 58)
    if state & 2:
        return Phrase("has errors that its check must mend")
    return "" if state & 1 else Phrase("was not unmounted properly")


def btrfs_devices(read: Read) -> int:
    """Over how many devices the btrfs on this partition lies; 0 if there is none."""
    block = read(_BTRFS, PAGE)
    return int(struct.unpack_from("<Q", block, 136)[0]) if block[64:72] == _BTRFS_MAGIC else 0
