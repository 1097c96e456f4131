"""Bitmaps and extents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.disk.extents import Extents
from cloned.images import bitmap
from cloned.images.bitmap import Runs, TooFragmentedError, bitmap_of


def plain(data: bytes, blocks: int, size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for block in range(blocks):
        if not data[block // 8] >> block % 8 & 1:
            continue
        if found and sum(found[-1]) == block * size:
            found[-1] = (found[-1][0], found[-1][1] + size)
        else:
            found.append((block * size, size))
    return found


@given(
    st.lists(st.binary(max_size=5) | st.integers(0, 9).map(bytes) | st.integers(0, 9).map(b"\xff".__mul__)),
    st.integers(0, 7),
)
def test_against_the_obvious_way(chunks: list[bytes], less: int) -> None:
    data = b"".join(chunks)
    blocks = max(0, len(data) * 8 - less)
    runs = Runs()
    for chunk in chunks:
        runs.feed(chunk)
    extents = runs.extents(blocks, 4096)
    assert list(extents) == plain(data, blocks, 4096)
    assert list(Extents.from_flat(extents.flat())) == list(extents)
    whole = int.from_bytes(data, "little") & ((1 << blocks) - 1)
    assert bitmap_of(extents, blocks, 4096) == whole.to_bytes(-(-blocks // 8), "little")


def test_a_lie_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmap, "MAX_EDGES", 1000)
    runs = Runs()
    with pytest.raises(TooFragmentedError):
        runs.feed(b"\x55" * 10000)


def test_extents_behave_like_tuples() -> None:
    extents = Extents([(0, 4096), (8192, 512)])
    assert extents == ((0, 4096), (8192, 512))
    assert extents[1] == (8192, 512)
    assert extents[:1] == Extents([(0, 4096)])
    assert extents != ((0, 4096),)
    assert hash(extents) == hash(Extents([(0, 4096), (8192, 512)]))
