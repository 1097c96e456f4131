"""Files past the page cache: what was written is what is there, on every file system."""

import errno
import random
from pathlib import Path

import pytest
import zstandard

from cloned.disk.manifest import PIECE
from cloned.errors import ImageError
from cloned.images.direct import BLOCK, SMALL, read_file, write_file
from cloned.images.pieces import Pieces


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL - BLOCK, PIECE + 17])
@pytest.mark.parametrize("place", ["tmp_path", "memory"])
def test_round_trip(size: int, place: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(place) / "file"
    data = random.Random(size).randbytes(size)
    write_file(path, data)
    assert path.read_bytes() == data
    assert read_file(path, size) == data


def test_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="too large") as caught:
        read_file(path, PIECE)
    assert caught.value.errno == errno.EFBIG


def test_a_frame_that_claims_to_hold_more_is_damaged(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    stored = pieces.add(memoryview(b"piece" * 100))
    bomb = zstandard.ZstdCompressor().compress(bytes(64 * PIECE))
    pieces.path(stored.digest).write_bytes(bomb)
    with pytest.raises(ImageError, match="damaged"):
        pieces.data(stored.digest)
    assert pieces.add(memoryview(b"piece" * 100)).new
    assert pieces.data(stored.digest) == b"piece" * 100
