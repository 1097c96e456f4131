import hashlib
from dataclasses import replace
from pathlib import Path

from cloned.agent import layout as layouts
from cloned.agent.blockio import BlockDevice
from cloned.disk.layout import Layout, Partition, Swap
from cloned.disk.manifest import Plan
from cloned.disk.partitions import RECOVERY

MIB = 1 << 20
LINUX, SWAP = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
GUID = "ABCDEF00-1111-2222-3333-{:012X}".format


def plan(label: str = "gpt") -> Plan:
    swap = Swap("cccccccc-1111-2222-3333-444444444444", "change")
    uuid = GUID if label == "gpt" else lambda _: ""
    kinds = (LINUX, SWAP) if label == "gpt" else ("83", "82")
    parts = (Partition(1, 2048, 2048, kinds[0], uuid(1)), Partition(2, 4096, 2048, kinds[1], uuid(2), swap=swap))
    layout = Layout(label, GUID(0) if label == "gpt" else "0xdeadbeef", 512, parts)
    return Plan(layout.text(), 512, 4 * MIB, b"\1" * 440, b"\2" * 700 if label == "dos" else None, ())


def file(tmp_path: Path, size: int = 8 * MIB) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(b"\xaa" * size)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    for label in ("gpt", "dos"):
        wanted = plan(label)
        disk = BlockDevice(str(file(tmp_path)), writable=True)
        layouts.clear(disk, Layout.parse(wanted.layout))
        layouts.write(disk, wanted)
        text, boot_code, gap = layouts.read_back(disk, wanted)
        disk.close()
        assert text == wanted.layout
        assert boot_code == hashlib.sha256(b"\1" * 440).digest()
        assert gap == (hashlib.sha256(b"\2" * 700).digest() if label == "dos" else None)


def test_ends_are_cleared_and_the_middle_is_not(tmp_path: Path) -> None:
    path = file(tmp_path)
    disk = BlockDevice(str(path), writable=True)
    layouts.clear(disk, Layout("gpt", GUID(0), 512, (Partition(1, 4 * 2048, 5, LINUX, GUID(1)),)))
    disk.close()
    data = path.read_bytes()
    assert not any(data[:MIB] + data[-MIB:] + data[4 * MIB : 4 * MIB + 5 * 512])
    assert set(data[MIB : 4 * MIB]) == {0xAA}


def test_a_disk_that_was_grown_may_still_hold_the_image() -> None:
    wanted = plan()
    layout = Layout.parse(wanted.layout)
    first, second = layout.partitions
    longer = Layout("gpt", GUID(9), 512, (first, Partition(2, second.start, 9999, LINUX, GUID(7))))
    moved = Layout("gpt", GUID(0), 512, (first, Partition(2, second.start + 8, 2048, SWAP, GUID(2))))
    assert layouts.same_places(longer.text(), wanted)
    assert not layouts.same_places(moved.text(), wanted)
    assert not layouts.same_places("invalid no table\n", wanted)
    recovery = replace(second, type=RECOVERY)
    kept = replace(wanted, layout=replace(layout, partitions=(first, recovery)).text())
    carried = replace(layout, partitions=(first, replace(recovery, start=second.start + 4096, swap=None)))
    assert layouts.same_places(carried.text(), kept)
