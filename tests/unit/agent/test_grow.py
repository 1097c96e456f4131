from dataclasses import replace
from pathlib import Path

import pytest

from cloned.agent.grow import _check, _growable, fixed, grown, last, moved
from cloned.agent.target import Skipped, VerifiedDisk
from cloned.agent.tools import ToolError
from cloned.disk.layout import Layout, MbrEntry, Partition, check_layout, parse_dump, table_writes

MIB = 2048
GIB = 1 << 30
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def gpt(*parts: tuple[int, int, int]) -> Layout:
    """(number, start, size) in MiB."""
    guid = "ABCDEF00-1111-2222-3333-{:012X}".format
    made = tuple(Partition(n, start * MIB, size * MIB, LINUX, guid(n)) for n, start, size in parts)
    return Layout("gpt", guid(0), 512, made)


def test_the_partition_that_ends_last_grows_whatever_its_number() -> None:
    layout = gpt((1, 100, 50), (2, 1, 99))
    new = grown(layout, GIB)
    assert last(layout).number == 1
    assert (new.partition(1).start, new.partition(1).end) == (100 * MIB, 1023 * MIB)
    assert new.partition(2) == layout.partition(2)
    table_writes(new, GIB)  # it fits before the second table


def test_nothing_to_gain() -> None:
    with pytest.raises(Skipped):
        grown(gpt((1, 1, 1010)), GIB)
    with pytest.raises(Skipped):
        grown(gpt(), GIB)


def test_large_sectors() -> None:
    layout = replace(gpt((1, 1, 1)), sector_size=4096)
    new = grown(layout, 64 * GIB)
    assert new.partition(1).end % 256 == 0
    table_writes(new, 64 * GIB)


def test_a_logical_partition_takes_the_extended_one_along() -> None:
    parts = (
        Partition(1, MIB, MIB, "83"),
        Partition(2, 2 * MIB, 100 * MIB, "5"),
        Partition(5, 3 * MIB, 10 * MIB, "83"),
        Partition(6, 20 * MIB, 82 * MIB, "83"),
    )
    new = grown(Layout("dos", "0x12345678", 512, parts), GIB)
    assert [part.end // MIB for part in new.partitions] == [2, 1024, 13, 1024]
    table_writes(new, GIB)


def test_an_mbr_ends_at_two_tib() -> None:
    layout = Layout("dos", "0x12345678", 512, (Partition(1, MIB, MIB, "83"),))
    assert grown(layout, 4 << 40).partition(1).end <= 0xFFFFFFFF


FIELD = Path(__file__).parents[2] / "data" / "field"
RECOVERY, DATA = "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


def test_windows_recovery_at_the_end_goes_to_the_very_end_and_never_grows() -> None:
    layout = parse_dump((FIELD / "windows-oem.sf").read_text())
    new = grown(layout, 512 * GIB)
    windows, recovery = layout.partition(4), layout.partition(5)
    place = new.partition(5)
    assert replace(place, start=recovery.start) == recovery
    assert place.start % MIB == 0
    assert 0 <= 512 * 2**30 // 512 - 33 - place.end < 2 * MIB
    assert new.partition(4) == replace(windows, size=place.start - windows.start)
    assert [new.partition(n) for n in (1, 2, 3)] == [layout.partition(n) for n in (1, 2, 3)]
    table_writes(new, 512 * GIB)
    with pytest.raises(Skipped, match="no larger than the image"):
        grown(new, 512 * GIB)


def windows(*behind: tuple[int, int]) -> Layout:
    """Windows at 100 MiB, 1000 MiB large, and recovery partitions: (start, size) in MiB."""
    layout = gpt((1, 1, 99), (2, 100, 1000), *((n, start, size) for n, (start, size) in enumerate(behind, 3)))
    kind = {1: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 2: DATA}
    return replace(layout, partitions=tuple(
        replace(part, type=kind.get(part.number, RECOVERY)) for part in layout.partitions))  # fmt: skip


def test_several_recovery_partitions_keep_their_order() -> None:
    old = windows((1100, 500), (1600, 700))
    new = grown(old, 4 * GIB)
    assert [(part.start // MIB, part.size // MIB) for part in new.partitions[1:]] == [
        (100, 2795), (2895, 500), (3395, 700)]  # fmt: skip
    assert moved(old, new) == {3: 2895 * MIB, 4: 3395 * MIB}


def test_a_place_that_covers_the_old_one_is_refused() -> None:
    with pytest.raises(
        Skipped, match=r"partition 3 \(recovery\) lies behind it, and there is no room to carry it past"
    ):
        grown(windows((1100, 500)), 1800 << 20)
    with pytest.raises(Skipped, match="no larger than the image"):
        grown(windows((1100, 500)), 1605 << 20)


def test_one_that_is_at_the_end_already_lets_the_one_before_it_grow() -> None:
    """So it is where the file system could not follow, and somebody tries again."""
    old = windows((3000, 500))
    new = grown(old, 3502 << 20)
    assert moved(old, new) == {}
    assert new.partition(2).end == new.partition(3).start == 3000 * MIB


def test_on_an_mbr_and_beside_a_hybrid_one_nothing_moves() -> None:
    parts = (Partition(1, MIB, 9 * MIB, "7"), Partition(2, 10 * MIB, MIB, "27"))
    with pytest.raises(Skipped, match="lies behind it and stays"):
        grown(Layout("dos", "0x12345678", 512, parts), GIB)
    hybrid = (MbrEntry(1, 1, MIB - 1, "ee"), MbrEntry(2, 1100 * MIB, 500 * MIB, "27"))
    with pytest.raises(Skipped, match="lies behind it and stays"):
        grown(replace(windows((1100, 500)), mbr=hybrid, mbr_id="0x00000001"), 4 * GIB)


def test_new_places_never_cover_what_any_partition_held() -> None:
    for gigabytes in range(2, 40):
        for behind in ([(1100, 500)], [(1100, 1000), (2100, 3000)], [(1101, 17), (1118, 1)]):
            old = windows(*behind)
            try:
                new = grown(old, (gigabytes << 30) + 512 * 8)
            except Skipped:
                continue
            for number, start in moved(old, new).items():
                end = new.partition(number).end
                assert not any(start < each.end and each.start < end for each in old.partitions)
            check_layout(new)


@pytest.mark.parametrize("name", ["windows-oem", "chromeos", "not-in-order", "logical-disorder", "mbr-deleted-first"])
def test_no_partition_of_the_field_that_must_stay_grows(name: str) -> None:
    layout = parse_dump((FIELD / f"{name}.sf").read_text())
    try:
        new = grown(layout, 1 << 40)
    except Skipped:
        return
    changed = [part for part, old in zip(new.partitions, layout.partitions, strict=True) if part.size != old.size]
    assert all(part.extended or not fixed(part) for part in changed)


@pytest.mark.parametrize(("kind", "attrs"), [
    ("BFBFAFE7-A34F-448A-9A5B-6213EB736C22", "8000000000000001"), (DATA, "8000000000000001"), ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", ""),
    ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", ""), ("AF9B60A0-1431-4F62-BC68-3311714A69AD", ""),
])  # fmt: skip
def test_partitions_that_stay_as_they_are(kind: str, attrs: str) -> None:
    layout = gpt((1, 1, 50), (2, 51, 9))
    parts = (replace(layout.partition(1), type=DATA, attrs="8000000000000000"), replace(
        layout.partition(2), type=kind, attrs=attrs))  # fmt: skip
    with pytest.raises(Skipped, match="partition 1 would grow, but partition 2"):
        grown(replace(layout, partitions=parts), GIB)
    with pytest.raises(Skipped, match="no partition that is meant to grow"):
        grown(replace(layout, partitions=parts[1:]), GIB)


@pytest.mark.parametrize("kind", ["27", "de", "12", "82", "1c", "42"])
def test_recovery_on_mbr_disks(kind: str) -> None:
    before = Layout("dos", "0x12345678", 512, (Partition(1, MIB, 9 * MIB, kind), Partition(2, 10 * MIB, MIB, "7")))
    assert grown(before, GIB).partition(1) == before.partition(1)
    behind = Layout("dos", "0x12345678", 512, (Partition(1, MIB, 9 * MIB, "7"), Partition(2, 10 * MIB, MIB, kind)))
    with pytest.raises(Skipped, match="partition 1 would grow"):
        grown(behind, GIB)


def test_a_disk_of_the_same_size_says_just_that() -> None:
    layout = replace(gpt((1, 1, 50), (2, 51, 970)), partitions=gpt((1, 1, 50), (2, 51, 970)).partitions)
    parts = (layout.partition(1), replace(layout.partition(2), type=RECOVERY))
    with pytest.raises(Skipped, match="no larger than the image"):
        grown(replace(layout, partitions=parts), GIB)


def test_what_a_hybrid_mbr_names_stays() -> None:
    entries = (MbrEntry(1, 1, MIB - 1, "ee"), MbrEntry(2, MIB, 50 * MIB, "83"))
    layout = replace(gpt((1, 1, 50)), mbr=entries, mbr_id="0x00000001")
    with pytest.raises(Skipped, match="stands in a hybrid MBR"):
        grown(layout, GIB)
    active = replace(gpt((1, 1, 50)), mbr=(MbrEntry(1, 1, 0, "ee", "active"),), mbr_id="0x00000000")
    assert grown(active, GIB).mbr == active.mbr


@pytest.mark.wire
def test_a_file_system_that_its_check_cannot_mend_gets_its_next_step(tmp_path: Path) -> None:
    """Real e2fsck on what says ext4 and is nothing."""
    path = tmp_path / "disk"
    path.write_bytes(bytes(1 << 20))
    with pytest.raises(ToolError, match="partition 1 is damaged in the image: start the master"):
        _check(str(path), Partition(1, 0, MIB, LINUX))


def test_where_partitions_have_no_nodes_it_is_said_what_lies_behind() -> None:
    """A lab's laptop in a namespace cannot tell Windows where its recovery went."""
    target = VerifiedDisk({"path": "/dev/null", "size": GIB, "sector_size": 512}, live=False)
    part = Partition(2, MIB, MIB, DATA)
    with pytest.raises(Skipped, match=r"partition 2 would grow, but partition 3 \(recovery\) lies behind it and stays"):
        _growable(target, part, "ntfs", [Partition(3, 2 * MIB, MIB, RECOVERY)])
    with pytest.raises(Skipped, match="no device nodes here"):
        _growable(target, part, "ntfs", [])
    _growable(target, part, "ext4", [])
