"""A file system that really is full."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloned.errors import MissingError
from cloned.images import capture as channel
from cloned.images.capture import Capture, Captures
from cloned.images.store import ImageStore
from cloned.processes import run
from tests.images import BIG, Disk, Part

pytestmark = pytest.mark.wire


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "tiny"
    path.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path])
    yield path
    run(["umount", path])


def test_import_onto_a_full_disk(tiny: Path, tmp_path: Path) -> None:
    store = ImageStore(tiny / "images")
    store.import_image(Disk([Part(1)]).write(tmp_path / "small"))
    before = sorted(store.pieces.all())
    large = Disk([Part(1, used=BIG), Part(2, used=BIG, seed=2)]).write(tmp_path / "large")
    with pytest.raises(MissingError, match="no space left"):
        store.import_image(large)
    assert store.names() == ["small"]
    assert sorted(store.pieces.all()) == before
    assert store.verify_image("small") == []


async def pieces_of(path: Path) -> AsyncIterator[bytes]:
    data = path.read_bytes()
    for at in range(0, len(data), 65536):
        yield data[at : at + 65536]


async def sent(captures: Captures, one: Capture, source: Path) -> None:
    for path in sorted(source.iterdir()):
        await captures.receive(one, path.name, 0, pieces_of(path))


async def test_a_capture_that_fills_the_disk(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is sent, and while it is proven: nothing stays of it, and it can be tried again."""
    monkeypatch.setattr(channel, "RESERVE_BYTES", 0)
    store = ImageStore(tiny / "images")
    captures = Captures(store)
    store.import_image(Disk([Part(1)]).write(tmp_path / "small"))
    before = sorted(store.pieces.all())

    def unchanged() -> bool:
        left = [path for path in (store.root / ".captures").rglob("*") if path.is_file()]
        return (store.names(), sorted(store.pieces.all()), left) == (["small"], before, [])

    large = Disk([Part(1, used=BIG), Part(2, used=BIG, seed=2)]).write(tmp_path / "large")
    with pytest.raises(MissingError, match=r"the server has 0\.0 GB free"):
        captures.begin("master", 4 << 20)
    one = captures.begin("master", 1000)
    with pytest.raises(MissingError, match=r"No space left|GB free"):
        await sent(captures, one, large)
    captures.fail(one, one.why or "given up")
    assert unchanged()
    middle = Disk([Part(1, used=((0, 1000),))]).write(tmp_path / "middle")
    one = captures.begin("master", 1000)
    await sent(captures, one, middle)
    with pytest.raises(MissingError, match="no space left"):
        await captures.finish(one)
    assert "no space left" in one.why
    assert unchanged()
    one = captures.begin("master", 1000)
    await sent(captures, one, Disk([Part(1, seed=5)]).write(tmp_path / "fits"))
    await captures.finish(one)
    assert store.names() == ["master", "small"]
