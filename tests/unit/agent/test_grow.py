from dataclasses import replace

import pytest

from cloned.agent.grow import grown, last
from cloned.agent.target import Skipped
from cloned.disk.layout import Layout, Partition, table_writes

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
