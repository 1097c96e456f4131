"""A laptop whose input devices are pipes, and the keyboard among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.agent import inputs
from tests.unit.agent.attended.person import Device


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    there = inputs.present
    monkeypatch.setattr(inputs, "present", lambda kind, code: there(kind, code, str(tmp_path / "class")))
    return tmp_path


@pytest.fixture
def keys(folder: Path) -> Iterator[Device]:
    made = Device(folder, "event0", key=2**128 - 1)
    yield made
    made.close()
