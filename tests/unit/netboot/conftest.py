"""Packets from real firmware for the tests of this room."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "wire" / "golden"


@pytest.fixture(scope="session")
def golden():
    """Name of a golden file → its bytes."""
    return lambda name: bytes.fromhex((GOLDEN / f"{name}.hex").read_text())
