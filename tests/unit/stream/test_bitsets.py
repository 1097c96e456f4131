from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloned.stream import bitsets

SETS = st.sets(st.integers(0, 3000), max_size=200)


@given(SETS)
def test_a_set_and_its_numbers_are_the_same(members: set[int]) -> None:
    bits = bitsets.of(members)
    assert list(bitsets.numbers(bits)) == sorted(members)
    assert bits.bit_count() == len(members)
    assert bitsets.lowest(bits) == min(members, default=-1)


@given(SETS, st.integers(0, 250))
def test_take_gives_the_lowest(members: set[int], most: int) -> None:
    assert list(bitsets.numbers(bitsets.take(bitsets.of(members), most))) == sorted(members)[:most]


@given(SETS)
def test_what_has_room_comes_back_whole(members: set[int]) -> None:
    bits = bitsets.of(members)
    base, coding, body = bitsets.encode(bits, 1400)
    assert bitsets.decode(base, coding, body, 3001) == bits


@given(SETS, st.integers(1, 40))
def test_what_has_no_room_loses_its_highest(members: set[int], room: int) -> None:
    bits = bitsets.of(members)
    base, coding, body = bitsets.encode(bits, room)
    assert len(body) <= room
    told = bitsets.decode(base, coding, body, 3001)
    assert told is not None
    kept = list(bitsets.numbers(told))
    assert kept == sorted(members)[: len(kept)]


@given(st.integers(0, 5000), st.integers(0, 3), st.binary(max_size=40), st.integers(0, 300))
def test_anything_decodes_within_its_limit_or_not_at_all(base: int, coding: int, body: bytes, limit: int) -> None:
    members = bitsets.decode(base, coding, body, limit)
    assert members is None or members.bit_length() <= limit


def test_runs_end_where_a_run_ends() -> None:
    assert bitsets.decode(0, bitsets.RUNS, b"\x02\x01", 100) is None  # a gap with nothing after it
    assert bitsets.decode(0, bitsets.RUNS, b"\x02\x00", 100) is None
    assert bitsets.decode(0, bitsets.RUNS, b"\xff\xff\xff\xff\xff\xff", 100) is None
    assert bitsets.decode(5, bitsets.RUNS, b"\x02\x01\x01", 9) == 0b1011 << 5


@given(st.lists(SETS, min_size=1, max_size=9))
def test_the_most_common_members(sets: list[set[int]]) -> None:
    counts = {number: sum(number in one for one in sets) for number in set().union(*sets)}
    most = max(counts.values(), default=0)
    expected = {number for number, count in counts.items() if count == most}
    assert set(bitsets.numbers(bitsets.most_common(map(bitsets.of, sets)))) == expected


def test_a_set_of_a_kind_that_is_not_known_is_none_and_so_is_one_longer_than_it_can_be() -> None:
    assert bitsets.decode(0, bitsets.BITMAP, b"\5\0", 8) == 0b101
    assert bitsets.decode(0, bitsets.BITMAP, b"\5\0\0", 8) is None
    assert bitsets.decode(0, 7, b"\5", 8) is None


def test_runs_are_written_as_short_as_they_can_be_and_read_by_any_length() -> None:
    for count, body in ((1, b"\1"), (127, b"\x7f"), (128, b"\x80\1"), (800, b"\xa0\6")):
        assert bitsets.encode(bitsets.first(count), 1000) == (0, bitsets.RUNS, body)
        assert bitsets.decode(0, bitsets.RUNS, body, count) == bitsets.first(count)
        assert bitsets.decode(0, bitsets.RUNS, body, count - 1) is None
    assert bitsets.decode(0, bitsets.RUNS, b"\0\1\1", 8) is None, "a run of nothing"
    assert bitsets.decode(0, bitsets.RUNS, b"\1\0\1", 8) is None, "a gap of nothing"


def test_runs_that_just_find_room_are_all_told() -> None:
    members = bitsets.span(0, 1000) | bitsets.span(2000, 3000)
    for room, told in ((6, members), (5, bitsets.first(1000))):
        base, coding, body = bitsets.encode(members, room)
        assert len(body) <= room
        assert bitsets.decode(base, coding, body, 3000) == told
