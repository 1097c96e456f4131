"""Input devices: nothing is lost, and one that is pulled out is let go."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.agent import inputs
from cloned.agent.inputs import Inputs
from tests.unit.agent.attended.person import Device
from tests.waiting import block_until


def test_nothing_is_lost_while_the_screen_is_drawn(folder: Path, keys: Device) -> None:
    """The kernel keeps 64 events of a keyboard: they are taken as they come, whatever the screen does meanwhile."""
    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        keys.press(*range(1, 101))
        found: list[inputs.InputEvent] = []
        while len(found) < 200:
            found += opened.read(5)
    assert [each.code for each in found if each.value] == list(range(1, 101))


def test_a_device_that_is_pulled_out_is_let_go(folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_fd: int, _size: int) -> bytes:
        raise OSError("no such device")

    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        keys.press(30)
        assert [each.code for each in opened.read(5)][:1] == [30]
        monkeypatch.setattr(inputs.os, "read", gone)
        (folder / "class/event0/device/capabilities/key").write_text("0")  # nor is it found again
        keys.press(31)
        block_until(lambda: not opened._open, "the end of a device that is gone")
        monkeypatch.undo()
