"""Any table in any order: it is written as it was read, and what grows is never what must stay."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloned.agent.grow import fixed, grown
from cloned.agent.target import Skipped
from cloned.disk.layout import Layout, LayoutError, MbrEntry, Partition, check_layout, min_disk_size, parse_dump

from cloned.disk.layout import read_layout, sfdisk_script, table_writes  # isort: skip

MIB = 2048
GPT_TYPES = ["0FC63DAF-8483-4772-8E79-3D69D8477DE4", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
             "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
             "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"]  # fmt: skip
MBR_TYPES = ["83", "7", "27", "de", "12", "82", "c", "1c"]
GUID = "C10EDC10-0000-4000-8000-{:012X}"


@st.composite
def places(draw: st.DrawFn, most: int) -> list[tuple[int, int]]:
    """(start, size) of partitions on a disk, ascending, in sectors, some aligned and some not."""
    found, at = [], draw(st.sampled_from([34, 63, MIB])) + 2
    for _ in range(draw(st.integers(1, most))):
        size = draw(st.integers(1, 64 * MIB))
        found.append((at, size))
        at += size + draw(st.sampled_from([0, 1, 63, MIB]))
    return found


@st.composite
def gpt_layouts(draw: st.DrawFn) -> Layout:
    where = draw(places(9))
    numbers = draw(st.permutations(range(1, 13)))
    parts = [
        Partition(number, start, size, draw(st.sampled_from(GPT_TYPES)), GUID.format(number),
                  draw(st.sampled_from(["", "0000000000000001", "8000000000000000"])), draw(st.text("aö\u4e2d -", max_size=6)))
        for number, (start, size) in zip(numbers, where, strict=False)
    ]  # fmt: skip
    parts.sort(key=lambda part: part.number)
    active = draw(st.sampled_from([(), (MbrEntry(1, 1, 0, "ee", "active"),), (MbrEntry(3, 1, 0, "ee"),)]))
    return Layout("gpt", GUID.format(0), 512, tuple(parts), mbr=active, mbr_id="0x00000000" if active else "")


@st.composite
def mbr_layouts(draw: st.DrawFn) -> Layout:
    where = draw(places(4))
    numbers = draw(st.permutations(range(1, 5)))
    parts = [
        Partition(number, start, size, draw(st.sampled_from(MBR_TYPES)), attrs=draw(st.sampled_from(["", "active"])))
        for number, (start, size) in zip(numbers, where, strict=False)
    ]
    return Layout("dos", "0xc10edc10", 512, tuple(sorted(parts, key=lambda part: part.number)))


layouts = st.one_of(gpt_layouts(), mbr_layouts())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layouts, st.integers(0, 1 << 30))
def test_written_and_read(layout: Layout, more: int) -> None:
    check_layout(layout)
    assert Layout.parse(layout.text()) == layout
    dump = parse_dump(sfdisk_script(layout))
    assert dump.partitions == layout.partitions
    size = min_disk_size(layout) + more // 512 * 512
    writes = table_writes(layout, size)

    def read(offset: int, length: int) -> bytes:
        data = bytearray(length)
        for start, chunk in writes:
            first, last = max(start, offset), min(start + len(chunk), offset + length)
            if first < last:
                data[first - offset : last - offset] = chunk[first - start : last - start]
        return bytes(data)

    assert read_layout(read, size, 512) == layout


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layouts, st.integers(0, 1 << 31))
def test_only_what_is_meant_to_grow_grows(layout: Layout, more: int) -> None:
    size = min_disk_size(layout) + more
    try:
        new = grown(layout, size)
    except Skipped:
        return
    changed = [part for part, old in zip(new.partitions, layout.partitions, strict=True) if part != old]
    assert len(changed) == 1
    (part,) = changed
    assert not fixed(part)
    assert replace(part, size=layout.partition(part.number).size) == layout.partition(part.number)
    assert part.size > layout.partition(part.number).size
    check_layout(new)
    table_writes(new, size)
    spans = sorted((each.start, each.end) for each in new.partitions)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=512, max_size=512), gpt_layouts())
def test_no_first_sector_breaks_it(head: bytes, layout: Layout) -> None:
    """What an MBR of a GPT disk holds is kept or refused, never lost in silence."""
    from cloned.disk.layout import with_mbr

    head = head[:510] + b"\x55\xaa"
    found = with_mbr(layout, head)
    try:
        check_layout(found)
    except LayoutError:
        return
    kinds = [head[at + 4] for at in range(446, 510, 16) if head[at + 4]]
    assert [int(entry.type, 16) for entry in found.mbr] == kinds or kinds == [0xEE]
