"""What a laptop is made of: memory, screen, batteries, cards. Told by the agent's hello, kept with every result.

All of it may be missing, as in the hello of an older agent: empty texts, zeros and None mean "not told".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")
MOST = 16
"""Things of one kind that are kept."""
_LONGEST = 80
LOCKS = ("firmware-password", "absolute", "planted-program")
"""What an erasure does not free and an agent can see."""


@dataclass(frozen=True)
class MemorySlot:
    """A place for a memory module (SMBIOS 3.x, type 17); `size` in bytes, 0 where it is empty."""

    place: str = ""
    size: int = 0
    kind: str = ""
    """`DDR4`, `LPDDR5`."""
    mhz: int = 0
    """Transfers a second in millions, as modules are sold by."""


@dataclass(frozen=True)
class Screen:
    """The built-in screen, from its EDID: pixels and millimetres."""

    width: int = 0
    height: int = 0
    width_mm: int = 0
    height_mm: int = 0

    @property
    def inches(self) -> float:
        """Its diagonal; 0 where the size is not told."""
        return float(round((self.width_mm**2 + self.height_mm**2) ** 0.5 / 25.4, 1))


@dataclass(frozen=True)
class Battery:
    """A battery: watt hours it was made for and holds when full now, and how often it was charged."""

    name: str = ""
    design_wh: float = 0.0
    full_wh: float = 0.0
    cycles: int | None = None

    @property
    def left(self) -> float | None:
        """Share of the designed capacity that is left, at most 1; None where it cannot be told."""
        return min(1.0, self.full_wh / self.design_wh) if self.design_wh > 0 and self.full_wh > 0 else None


@dataclass(frozen=True)
class Hardware:
    """Everything of a laptop that its papers tell beside its name, processor and disks."""

    cores: int = 0
    threads: int = 0
    slots: tuple[MemorySlot, ...] = ()
    panel: Screen | None = None
    batteries: tuple[Battery, ...] = ()
    wifi: str = ""
    """Name of its wireless card, else the driver's."""
    tpm: str = ""
    """`2.0` or `1.2`; empty where there is none."""
    firmware_version: str = ""
    firmware_date: str = ""
    """`2021-03-04`, or what the firmware has in its place."""
    locks: tuple[str, ...] = ()
    """Of `LOCKS`: what stays though the disks are erased."""

    def data(self) -> dict[str, Any]:
        """As plain data for snapshots and ledger rows; `hardware` reads it back."""
        return asdict(self)


def hardware(data: Any) -> Hardware:
    """Hardware from JSON, whoever sent it: what is unusable counts as not told."""
    if not isinstance(data, Mapping):
        return Hardware()
    panel = data.get("panel")
    return Hardware(
        cores=int(_number(data, "cores")),
        threads=int(_number(data, "threads")),
        slots=_several(data.get("slots"), _slot),
        panel=_panel(panel) if isinstance(panel, Mapping) else None,
        batteries=_several(data.get("batteries"), _battery),
        wifi=_text(data, "wifi"),
        tpm=_text(data, "tpm"),
        firmware_version=_text(data, "firmware_version"),
        firmware_date=_text(data, "firmware_date"),
        locks=_locks(data.get("locks")),
    )


def _locks(told: Any) -> tuple[str, ...]:
    return tuple(code for code in LOCKS if isinstance(told, list | tuple) and code in told)


def _slot(data: Mapping[str, Any]) -> MemorySlot:
    return MemorySlot(_text(data, "place"), int(_number(data, "size")), _text(data, "kind"), int(_number(data, "mhz")))


def _panel(data: Mapping[str, Any]) -> Screen | None:
    sides = [int(_number(data, key)) for key in ("width", "height", "width_mm", "height_mm")]
    return Screen(*sides) if all(sides[:2]) else None


def _battery(data: Mapping[str, Any]) -> Battery:
    cycles = data.get("cycles")
    counted = isinstance(cycles, int) and not isinstance(cycles, bool) and 0 < cycles < 100_000
    return Battery(
        _text(data, "name"),
        round(_number(data, "design_wh"), 2),
        round(_number(data, "full_wh"), 2),
        cycles if counted else None,
    )


def _several(found: Any, one: Callable[[Mapping[str, Any]], _T]) -> tuple[_T, ...]:
    each: Iterable[Any] = found[:MOST] if isinstance(found, list | tuple) else ()
    return tuple(one(item) for item in each if isinstance(item, Mapping))


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        return ""
    return " ".join("".join(char for char in value if char.isprintable()).split())[:_LONGEST]


def _number(data: Mapping[str, Any], key: str) -> float:
    """A number that is none of Python's oddities; 0 where there is none."""
    value = data.get(key)
    told = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
    return float(value) if told and value is not None else 0.0
