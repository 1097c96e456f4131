"""What the agent's tests in QEMU share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned import live
from cloned.lab import stock as stocks
from cloned.lab.stock import cache_root
from cloned.live import LiveInfo


@pytest.fixture(scope="session")
def system() -> LiveInfo:
    """The lab's live system; built if there is none of this recipe yet."""
    return live.build(cache_root() / "live")


@pytest.fixture(scope="module")
def stock() -> stocks.Stock:
    return stocks.prepare("sample", print)


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short path: it holds sockets."""
    with tempfile.TemporaryDirectory(prefix="cl-") as made:
        yield Path(made)
