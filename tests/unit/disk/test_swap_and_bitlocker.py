"""What the first bytes of a partition say of a system that sleeps or is locked, with heads of our own making."""

from __future__ import annotations

import pytest

from cloned.disk.signatures import is_bitlocker, is_sleeping_swap


@pytest.mark.parametrize("page", [4096, 8192, 65536])
@pytest.mark.parametrize(("sign", "sleeps"), [
    (b"S1SUSPEND\0", True), (b"S2SUSPEND\0", True), (b"ULSUSPEND\0", True), (b"LINHIB0001", True),
    (b"SWAPSPACE2", False), (b"SWAP-SPACE", False), (bytes(10), False),
])  # fmt: skip
def test_a_swap_area_sleeps_by_the_end_of_its_first_page(page: int, sign: bytes, sleeps: bool) -> None:
    head = (bytes(page - 10) + sign).ljust(65536, b"\0")
    assert is_sleeping_swap(head) is sleeps
    assert not is_sleeping_swap(head[: page - 1])


@pytest.mark.parametrize(("head", "locked"), [
    (b"\xeb\x58\x90-FVE-FS-", True),
    (b"\xeb\x52\x90-FVE-FS-\0\2", True),
    (b"\xeb\x58\x90MSWIN4.1" + bytes(413) + bytes.fromhex("3bd66749292ed84a8399f6a339e3d001"), True),
    (b"\xeb\x58\x90MSWIN4.1" + bytes(413) + bytes.fromhex("3b4da89280dd0e4d9e4eb1e3284eaed8"), True),
    (b"\xeb\x58\x90MSWIN4.1" + bytes(429), False),
    (b"\xeb\x52\x90NTFS    ", False),
    (b"", False),
])  # fmt: skip
def test_bitlocker_by_either_of_its_beginnings(head: bytes, locked: bool) -> None:
    assert is_bitlocker(head.ljust(512, b"\0")) is locked
