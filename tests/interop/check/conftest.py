"""A wire for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.check.wires import Wire


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    built = Wire(f"cl{secrets.token_hex(3)}", tmp_path)
    try:
        built.build()
        yield built
    finally:
        built.close()
