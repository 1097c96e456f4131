"""How large a file system says it is."""

from __future__ import annotations

import struct

import pytest

from cloned.disk.sizes import size_of_file_system


def head(at: int, *fields: tuple[int, str, int | bytes], size: int = 65536 + 4096) -> bytes:
    """A partition's first bytes with these fields, from byte `at` on."""
    made = bytearray(size)
    for offset, form, value in fields:
        struct.pack_into(form, made, at + offset, value)
    return bytes(made)


EXT = (1024, (56, "2s", b"\x53\xef"), (4, "<I", 1000), (24, "<I", 2), (0x150, "<I", 1))
NTFS = (0, (3, "8s", b"NTFS    "), (11, "<H", 512), (40, "<Q", 999))
XFS = (0, (0, "4s", b"XFSB"), (4, ">I", 4096), (8, ">Q", 100))
BTRFS = (65536, (0x40, "8s", b"_BHRfS_M"), (0x70, "<Q", 123456))


@pytest.mark.parametrize(
    ("found", "size"),
    [
        (head(*EXT), 1000 * 4096),
        (head(*EXT, (96, "<I", 0x80)), (1000 + (1 << 32)) * 4096),
        (head(*NTFS), 1000 * 512),
        (head(*XFS), 409600),
        (head(*BTRFS), 123456),
        (head(0), 0),
        (head(*EXT, (96, "<I", 0x80))[: 1024 + 0x150], 0),
        (head(*BTRFS)[:65536], 0),
        (b"", 0),
    ],
    ids=["ext", "ext with 64 bits", "ntfs", "xfs", "btrfs", "none", "half a superblock", "cut short", "nothing"],
)
def test_each_kind_by_its_own_superblock_and_nothing_else(found: bytes, size: int) -> None:
    assert size_of_file_system(lambda offset, length: found[offset : offset + length]) == size


@pytest.mark.parametrize("whole", [EXT, NTFS, XFS, BTRFS], ids=["ext", "ntfs", "xfs", "btrfs"])
def test_without_its_signature_it_is_none(whole: tuple[int, tuple[int, str, bytes]]) -> None:
    at, (offset, form, signature), *rest = whole
    damaged = head(at, (offset, form, bytes(len(signature))), *rest)
    assert size_of_file_system(lambda offset, length: damaged[offset : offset + length]) == 0
