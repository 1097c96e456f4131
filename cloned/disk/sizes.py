"""How large a file system says it is, by its first bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

Read = Callable[[int, int], bytes]
_EXT, _BTRFS = 1024, 65536
"""Bytes from the start of the partition to the superblock."""
_64BIT = 0x80


def size_of_file_system(read: Read) -> int:
    """Bytes of an ext2/3/4, NTFS, XFS or btrfs (on one device), whatever its partition has; 0 if it is none of them."""
    try:
        head = read(0, _BTRFS + 4096)
        return _ext(head) or _ntfs(head) or _xfs(head) or _btrfs(head)
    except struct.error:
        return 0


def _ext(head: bytes) -> int:
    """Documentation/filesystems/ext4/super.rst."""
    block = head[_EXT : _EXT + 1024]
    if block[56:58] != b"\x53\xef":
        return 0
    low, log_size, features = (struct.unpack_from("<I", block, at)[0] for at in (4, 24, 96))
    high = struct.unpack_from("<I", block, 0x150)[0] if features & _64BIT else 0
    return int(((high << 32) | low) * (1024 << min(log_size, 6)))


def _ntfs(head: bytes) -> int:
    """ntfs-3g's layout.h, NTFS_BOOT_SECTOR; the copy of the boot sector stands behind the last one counted."""
    if head[3:11] != b"NTFS    ":
        return 0
    (sector,), (sectors,) = struct.unpack_from("<H", head, 11), struct.unpack_from("<Q", head, 40)
    return int((sectors + 1) * sector)


def _xfs(head: bytes) -> int:
    """xfsprogs' xfs_format.h, struct xfs_dsb."""
    if head[:4] != b"XFSB":
        return 0
    size, blocks = struct.unpack_from(">IQ", head, 4)
    return int(size * blocks)


def _btrfs(head: bytes) -> int:
    """btrfs-progs' ctree.h, struct btrfs_super_block: `total_bytes`."""
    block = head[_BTRFS:]
    return int(struct.unpack_from("<Q", block, 0x70)[0]) if block[0x40:0x48] == b"_BHRfS_M" else 0
