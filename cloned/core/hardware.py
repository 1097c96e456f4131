"""What a laptop is made of: memory, screen, batteries, cards. Told by the agent's hello, kept with every result.

All of it may be missing, as in the hello of an older agent: empty texts, zeros and None mean "not told".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TypeVar

from cloned.core import windows_keys

_T = TypeVar("_T")
MOST = 16
"""Things of one kind that are kept."""
_LONGEST = 80
LOCKS = ("firmware-password", "absolute", "planted-program")
"""What an erasure does not free and an agent can see."""
_NEVER_COUNTED = 0xFFFF
"""What a battery that does not count its cycles says."""


@dataclass(frozen=True, slots=True)
class MemorySlot:
    """A place for a memory module (SMBIOS 3.x, type 17); `size` in bytes, 0 where it is empty."""

    place: str = ""
    size: int = 0
    kind: str = ""
    """`DDR4`, `LPDDR5`."""
    mhz: int = 0
    """Transfers a second in millions, as modules are sold by."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
    portable: bool | None = None
    """Whether its case is one that is carried; None, here and below: not told."""
    charger: bool | None = None
    """Whether mains power came in."""
    camera: bool | None = None
    bluetooth: bool | None = None
    sound: bool | None = None
    uefi: bool | None = None
    """Whether its firmware can start by UEFI, however it started now."""
    passwords: tuple[str, ...] | None = None
    """Those that are set in the firmware: `power-on`, `keyboard`, `administrator`."""
    wpbt: bool | None = None
    """Whether the firmware puts a program of its own into Windows: Absolute/Computrace does, and so do some makers."""
    product_key: bool | None = None
    """Whether the firmware holds a key for Windows (MSDM). The key itself never leaves the laptop."""
    product_key_edition: str = ""
    """What that key is for: `Windows 10/11 Pro`; of `windows_keys.EDITIONS`."""
    hides_disks: str = ""
    """`VMD` or `RAID`: a mode of the firmware's behind which a disk may not be seen."""
    clock: str = ""
    """The day that its clock stood at."""
    authorities: tuple[str, ...] = ()
    """Microsoft's certificates that its Secure Boot trusts."""
    revoked: int | None = None
    """Files that its Secure Boot refuses (dbx)."""
    late: tuple[str, ...] = ()
    """What did not answer in time."""

    @property
    def known(self) -> bool:
        """Whether an agent said anything at all of these."""
        return self.threads > 0

    @property
    def left(self) -> float | None:
        """Share of their designed capacity that all batteries together still hold; None where it cannot be told."""
        known = [each for each in self.batteries if each.left is not None]
        design = sum(each.design_wh for each in known)
        return sum(min(each.full_wh, each.design_wh) for each in known) / design if design else None

    def with_later(self, later: Hardware) -> Hardware:
        """It with what was told of it later: what is not told there stays; `late` is as it is by then."""
        told = {each.name: getattr(later, each.name) for each in fields(later)}
        news = {name: value for name, value in told.items() if value != getattr(_UNTOLD, name)}
        return replace(self, **news | {"late": later.late})

    def data(self) -> dict[str, object]:
        """As plain data for snapshots and ledger rows; `hardware` reads it back.

        What a key is for is left out where it is not told: rows of before keep the keys they are known by.
        """
        told = asdict(self)
        return told if self.product_key_edition else {name: told[name] for name in told if name != _LATER}


_UNTOLD = Hardware()


def hardware(data: object) -> Hardware:
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
        **{name: _flag(data, name) for name in _FLAGS},
        product_key_edition=windows_keys.edition(data),
        passwords=_words(data.get("passwords")) if isinstance(data.get("passwords"), list | tuple) else None,
        hides_disks=_text(data, "hides_disks"),
        clock=_text(data, "clock"),
        authorities=_words(data.get("authorities")),
        revoked=int(_number(data, "revoked")) if data.get("revoked") is not None else None,
        late=_words(data.get("late")),
    )


_LATER = "product_key_edition"
_FLAGS = ("portable", "charger", "camera", "bluetooth", "sound", "uefi", "wpbt", "product_key")


def _locks(told: object) -> tuple[str, ...]:
    return tuple(code for code in LOCKS if isinstance(told, list | tuple) and code in told)


def _slot(data: Mapping[str, object]) -> MemorySlot:
    return MemorySlot(_text(data, "place"), int(_number(data, "size")), _text(data, "kind"), int(_number(data, "mhz")))


def _panel(data: Mapping[str, object]) -> Screen | None:
    sides = [int(_number(data, key)) for key in ("width", "height", "width_mm", "height_mm")]
    return Screen(*sides) if all(sides[:2]) else None


def _battery(data: Mapping[str, object]) -> Battery:
    cycles = data.get("cycles")
    if isinstance(cycles, bool) or not isinstance(cycles, int) or not 0 < cycles < _NEVER_COUNTED:
        cycles = None
    return Battery(
        _text(data, "name"),
        round(_number(data, "design_wh"), 2),
        round(_number(data, "full_wh"), 2),
        cycles,
    )


def _several(found: object, one: Callable[[Mapping[str, object]], _T]) -> tuple[_T, ...]:
    each: Iterable[object] = found[:MOST] if isinstance(found, list | tuple) else ()
    return tuple(one(item) for item in each if isinstance(item, Mapping))


def _text(data: Mapping[str, object], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        return ""
    return " ".join("".join(char for char in value if char.isprintable()).split())[:_LONGEST]


def _words(found: object) -> tuple[str, ...]:
    each: Iterable[object] = found[:MOST] if isinstance(found, list | tuple) else ()
    return tuple(text for item in each if (text := _text({"": item}, "")))


def _flag(data: Mapping[str, object], key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def _number(data: Mapping[str, object], key: str) -> float:
    """A number that is none of Python's oddities; 0 where there is none."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 2**53 else 0.0
