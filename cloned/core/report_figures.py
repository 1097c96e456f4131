"""What a laptop at work tells of itself each second, as it is kept: only figures that make sense."""

from __future__ import annotations

from typing import Literal, TypedDict

Measured = Literal["bytes", "total", "rate", "pieces_left", "lost"]
MEASURED: tuple[Measured, ...] = ("bytes", "total", "rate", "pieces_left", "lost")


class ReportFigures(TypedDict, total=False):
    """Bytes, bytes per second, seconds; what was not told is missing. The shape of `Progress` in shown.py."""

    bytes: float
    total: float
    rate: float
    pieces_left: float
    lost: float
    held_by: str | None
    left_seconds: float | None
    activity: str
    disks: dict[str, dict[str, object]]
    """While it is erased: of each disk the share that is done, and what is going on."""
