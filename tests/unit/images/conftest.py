"""Stores and images in memory: publishing an image syncs its file system, which may be anybody's."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.images.store import ImageStore


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, or on disk where there is no such thing."""
    shm = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="cloned-test-", dir=shm if shm.is_dir() else tmp_path))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def store(memory: Path) -> ImageStore:
    return ImageStore(memory / "store", level=1)
