"""A store for images that real tools saved."""

from pathlib import Path

import pytest

from cloned.images.store import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "store", level=1)
