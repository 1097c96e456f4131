"""Layouts that no disk can hold, and files that lie: found when an image is taken in, not on twenty laptops."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.disk.layout import Layout, LayoutError, Partition, Swap, check_layout
from cloned.images.export import export
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from tests.images import Disk, Part
from tests.unit.images.test_bad_input import ZST, refused

LINUX = "type=0FC63DAF-8483-4772-8E79-3D69D8477DE4"
CHANGES = {
    "huge": ("size=16384", f"size={10**25}", "lies where no partition can"),
    "negative": ("start=2048", "start=-5", "lies where no partition can"),
    "overlapping": ("start=34816", "start=2050", "partitions 1 and 2 overlap"),
    "no guid": (LINUX, "type=foo", "cannot be put on any disk"),
    "no disk id": ("label-id: 2077A0EF", "label-id: XXXX", "cannot be put on any disk"),
    "odd sectors": ("unit: sectors", "unit: sectors\nsector-size: 7", "sectors of 7 bytes"),
    "no sectors": ("unit: sectors", "unit: sectors\nsector-size: x", "sda-pt.sf"),
    "a number beyond reason": ("/dev/sda2 ", "/dev/sda99999999 ", "lies where no partition can"),
    "the same number twice": ("/dev/sda2 ", "/dev/sda1 ", "not be read back"),
    "a name that is too long": ("size=16384, ", f'size=16384, name="{"x" * 37}", ', "cannot be put on any disk"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_layouts(change: str, store: ImageStore, memory: Path) -> None:
    old, new, named = CHANGES[change]
    path = Disk([Part(1), Part(2, seed=2)], sums=()).write(memory / "image")
    dump = (path / "sda-pt.sf").read_text()
    assert old in dump
    (path / "sda-pt.sf").write_text(dump.replace(old, new, 1))
    refused(store, path, named)


def test_a_swap_label_that_no_header_holds(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    (path / "swappt-sda4.info").write_text(f'UUID="806b6356-742b-4168-9791-ce1c1eecefe8"\nLABEL="{"x" * 17}"\n')
    refused(store, path, "swap label")


@pytest.mark.parametrize("parts", [
    (Partition(1, 2048, 100, "83"), Partition(2, 4096, 100, "f"), Partition(5, 4097, 50, "83"),
     Partition(6, 4147, 40, "83")),
    (Partition(1, 2048, 100, "83"), Partition(5, 4097, 50, "83")),
    (Partition(1, 2048, 100, "1ff"),), (Partition(1, 2048, 1 << 33, "83"),),
], ids=["no room for a table", "no extended one", "no such type", "more than 32 bits"])  # fmt: skip
def test_mbr_layouts(parts: tuple[Partition, ...]) -> None:
    with pytest.raises(LayoutError):
        check_layout(Layout("dos", "0xc10edc10", 512, parts))


def test_good_layouts() -> None:
    swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")
    check_layout(Disk([Part(1), Part(2)]).layout)
    check_layout(Disk([Part(1), Part(2)], label="dos").layout)
    check_layout(Layout("dos", "0xc10edc10", 4096, (
        Partition(1, 256, 1000, "7", attrs="active"), Partition(4, 2000, 9000, "5"), Partition(5, 2256, 1000, "83"),
        Partition(6, 3512, 1000, "82", swap=swap),
    )))  # fmt: skip


LINKS: dict[str, Callable[[Path], object]] = {
    "a loop": lambda path: (path / "junk").symlink_to("junk"),
    "out of it": lambda path: (path / "junk").symlink_to("/etc/passwd"),
    "up and out": lambda path: (path / "junk").symlink_to("../../secret"),
    "data in a loop": lambda path: [(path / ZST).unlink(), (path / ZST).symlink_to(ZST)],
}


@pytest.mark.parametrize("link", LINKS)
def test_links_that_nobody_needs_are_not_followed_either(link: str, store: ImageStore, memory: Path) -> None:
    """What is kept for an export would give away any file that the daemon may read."""
    path = Disk([Part(1)], sums=()).write(memory / "image")
    LINKS[link](path)
    refused(store, path, "is a link that leads")


@pytest.mark.wire
def test_links_within_and_things_that_are_no_files(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    (path / ZST).rename(path / "data")
    (path / ZST).symlink_to("data")
    os.mkfifo(path / "pipe")
    (path / "folder").mkdir()
    store.import_image(path, keep="copy")
    assert {"pipe", "folder"}.isdisjoint(one.name for one in export(store, "image", memory / "out").iterdir())


def test_what_others_wrote_is_fit_for_a_screen(memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    (path / "Info-OS-prober.txt").write_text("/dev/sda1:\x1b[31mEvil\u202e OS:Debian:linux\n")
    (path / "Info-dmi.txt").write_text(
        "System Information\n\tManufacturer: \x1b]0;x\x07Lab\n\tUUID: " + "x" * 500 + "\n\n"
    )
    (path / "sda-pt.parted").write_text(f"Disk /dev/sda: {10**30}s\n")
    image = read_image(path)
    assert image.os == "[31mEvil OS"
    assert image.source == {"vendor": "]0;xLab", "uuid": "x" * 100}
    assert image.disk_size < 2**40
