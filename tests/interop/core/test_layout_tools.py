"""Our partition tables as sfdisk, sgdisk and mkswap see them, and theirs as we do."""

from pathlib import Path

import pytest

from cloned.disk.layout import (
    Layout,
    Partition,
    Swap,
    min_disk_size,
    parse_dump,
    read_layout,
    sfdisk_script,
    swap_header,
    table_writes,
)
from cloned.processes import run

pytestmark = pytest.mark.interop
MIB = 1024 * 1024
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"

GPT = Layout(
    "gpt",
    "2077A0EF-FDAF-4799-9C9F-3D760BE2651B",
    512,
    (
        Partition(
            1, 40, 100, "21686148-6449-6E6F-744E-656564454649", "C8CC386C-5989-4907-880C-74183A59F4B3", name='a"b\\$ c'
        ),
        Partition(5, 2048, 4096, LINUX, "5CDD1561-6279-48C7-8390-76E30AA0361C", "8001000000000005", "root"),
        Partition(130, 8192, 4096, LINUX, "5CDD1561-6279-48C7-8390-76E30AA0361D"),
    ),
)
DOS = Layout(
    "dos",
    "0x12345678",
    512,
    (
        Partition(1, 63, 2000, "83", attrs="active"),
        Partition(3, 4096, 40000, "f"),
        Partition(5, 4159, 1000, "83"),
        Partition(6, 5222, 1000, "82"),
        Partition(7, 6223, 1000, "83"),
        Partition(8, 20000, 1000, "7"),
    ),
)


def blank(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def read(path: Path) -> Layout:
    with path.open("rb") as file:

        def at(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        return read_layout(at, path.stat().st_size, 512)


@pytest.mark.parametrize("layout", [GPT, DOS], ids=["gpt", "dos"])
@pytest.mark.parametrize("extra", [0, 3 * MIB])
def test_what_we_write_sfdisk_reads(layout: Layout, extra: int, tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk", min_disk_size(layout) + extra)
    with disk.open("r+b") as file:
        for offset, data in table_writes(layout, disk.stat().st_size):
            file.seek(offset)
            file.write(data)
    assert parse_dump(run(["sfdisk", "-d", disk]).stdout.decode()) == layout
    assert b"No errors detected" in run(["sfdisk", "--verify", disk]).stdout


def test_sgdisk_is_content(tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk", 64 * MIB)
    with disk.open("r+b") as file:
        for offset, data in table_writes(GPT, 64 * MIB):
            file.seek(offset)
            file.write(data)
    assert b"No problems found" in run(["sgdisk", "-v", disk]).stdout


@pytest.mark.parametrize("layout", [GPT, DOS], ids=["gpt", "dos"])
def test_what_sfdisk_writes_from_our_script_we_read(layout: Layout, tmp_path: Path) -> None:
    disk = blank(tmp_path / "disk", 64 * MIB)
    script = sfdisk_script(layout, 64 * MIB // 512)
    run(["sfdisk", "--wipe", "always", "--force", "-q", disk], stdin=script.encode())
    assert read(disk) == layout


def test_mkswap_writes_the_same_page(tmp_path: Path) -> None:
    area = blank(tmp_path / "swap", 12345 * 512)
    swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")
    run(["mkswap", "-U", swap.uuid, "-L", swap.label, area])
    assert area.read_bytes()[:4096] == swap_header(swap, 12345 * 512)
