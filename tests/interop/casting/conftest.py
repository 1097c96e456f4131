"""The network that all tests of classic streams use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.casting.bridge import Net


@pytest.fixture
def net() -> Iterator[Net]:
    net = Net()
    try:
        net.build()
        yield net
    finally:
        net.remove()
