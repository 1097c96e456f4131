"""What the agent's tests in QEMU share."""

from __future__ import annotations

import pytest

from cloned import live
from cloned.lab.stock import cache_root
from cloned.live import LiveInfo


@pytest.fixture(scope="session")
def system() -> LiveInfo:
    """The lab's live system; built if there is none of this recipe yet."""
    return live.build(cache_root() / "live")
