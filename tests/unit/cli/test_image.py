"""What `cloned image capture` says of the outcome."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.cli import image as cli_image
from cloned.cli.image import CaptureStep, _follow

BUSY = {"id": "1", "capture": "m", "progress": {"bytes": 5, "total": 9, "activity": "capturing"}, "reason": "capturing"}
FAILED = {"id": "1", "capture": None, "progress": None, "reason": "capture-failed", "why": "It could not: no room"}


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([([BUSY], []), ([FAILED | {"reason": "captured"}], [{"name": "m"}])], ""),
        ([([], [{"name": "m"}])], ""),
        ([([BUSY], []), ([FAILED], [])], "It could not: no room"),
        ([([FAILED], [])], "It could not: no room"),
        ([([BUSY], []), ([], [])], "the laptop is not there any more"),
    ],
)
def test_follows_to_the_end(states: list[Any], outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_image.time, "sleep", lambda _: None)
    told = iter({"laptops": laptops, "images": images} for laptops, images in states)
    steps: list[CaptureStep] = []
    assert _follow(lambda: next(told), "m", steps.append) == outcome
    assert all(step == CaptureStep("capturing", 5, 9) for step in steps)
