"""What lay on a disk that somebody gave the lab, and whether it still does."""

from __future__ import annotations

import os
from pathlib import Path

from cloned.lab.media import remembered, still_held

SIZE = 8 << 20


def test_what_lay_on_a_disk_of_ones_own_is_found_until_it_is_written_over(tmp_path: Path) -> None:
    disk = tmp_path / "donor.img"
    with disk.open("wb") as file:
        file.truncate(SIZE)
        for at in (0, 3 << 20, SIZE - 4096):
            os.pwrite(file.fileno(), b"a letter of the donor's ".ljust(4096), at)
        os.pwrite(file.fileno(), b"\xff" * 65536, 5 << 20)
    places = remembered(disk)
    assert {0, 3 << 20, SIZE - 4096} <= set(places)
    assert 5 << 20 not in places, "a stretch of one byte says nothing"
    assert still_held(disk, places, most=9) == sorted(places)
    with disk.open("r+b") as file:
        os.pwrite(file.fileno(), bytes(3 << 20), 0)
    assert still_held(disk, places) == [3 << 20, SIZE - 4096]
    disk.write_bytes(bytes(SIZE))
    assert still_held(disk, places) == []


def test_a_disk_of_ones_own_that_is_empty_or_has_no_byte_has_nothing_to_lose(tmp_path: Path) -> None:
    for size in (0, SIZE):
        disk = tmp_path / f"empty-{size}"
        disk.touch()
        os.truncate(disk, size)
        assert remembered(disk) == {}
        assert still_held(disk, {}) == []
