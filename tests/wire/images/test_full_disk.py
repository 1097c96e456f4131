"""A file system that really is full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.errors import MissingError
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
