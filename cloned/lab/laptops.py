"""What every laptop of the lab is, of whichever kind: one model by the dozen, told apart by serial, UUID and MAC."""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cloned.disk.manifest import Manifest
from cloned.lab.network import laptop_mac

VENDOR = "Lab"
PRODUCT = "Workshop 14"
_NAMESPACE = uuid.UUID("6d7f4a4e-6f3e-5b0a-9d1f-3c1de1ab0000")
_SPARE = 256 * 1024 * 1024
_MIB = 1024 * 1024


PARTS: dict[str, object] = {
    "cores": 4, "threads": 8, "slots": [{"place": "DIMM A", "size": 8 << 30, "kind": "DDR4", "mhz": 2667}],
    "batteries": [{"name": "BAT0", "design_wh": 50.0, "full_wh": 46.0, "cycles": 112}], "charger": True,
    "portable": True, "camera": True, "bluetooth": True, "sound": True, "wifi": "Intel 8086:24fd", "tpm": "2.0",
    "uefi": True, "passwords": [], "wpbt": False, "product_key": True, "product_key_group": 3258,
    "firmware_date": "2021-03-04",
}  # fmt: skip
"""A laptop of flesh and blood that lacks nothing, as a hello tells it."""


class LaptopKind(StrEnum):
    """How a laptop is made."""

    VM = "vm"
    THIN = "thin"


class Firmware(StrEnum):
    """What it boots with."""

    BIOS = "bios"
    UEFI = "uefi"
    SECUREBOOT = "secureboot"

    @property
    def family(self) -> str:
        """bios or uefi: what an image says that it can boot on."""
        return "bios" if self is Firmware.BIOS else "uefi"


@dataclass(frozen=True)
class LabIdentity:
    """What stands in a laptop's firmware and on its sticker."""

    number: int
    """1 … N; also the number of its socket on the switch."""
    mac: str
    uuid: str
    serial: str
    disk_serial: str
    firmware: Firmware
    vendor: str = VENDOR
    product: str = PRODUCT


def identities(run: str, count: int, firmware: tuple[Firmware, ...]) -> list[LabIdentity]:
    """The laptops of a run; kinds of firmware are dealt out in turn."""
    return [_identity(run, number, firmware[(number - 1) % len(firmware)]) for number in range(1, count + 1)]


def _identity(run: str, number: int, firmware: Firmware) -> LabIdentity:
    machine = str(uuid.uuid5(_NAMESPACE, f"{run}/{number}"))
    tail = f"{run[2:].upper()}{number:03d}"
    return LabIdentity(number, laptop_mac(run, number), machine, f"LAB{tail}", f"DSK{tail}", firmware)


def disk_size(manifest: Manifest) -> int:
    """Bytes of a lab disk for an image: what it needs, some to spare so that growing has work, whole MiB."""
    wanted = max(manifest.plan.min_size, manifest.disk_size) + _SPARE
    return -(-wanted // _MIB) * _MIB


@dataclass(frozen=True)
class LabDisk:
    """A disk's backing file: raw and sparse."""

    path: Path
    size: int

    @classmethod
    def create(cls, path: Path, size: int) -> LabDisk:
        """An empty disk."""
        with path.open("xb") as file:
            file.truncate(size)
        return cls(path, size)

    def read(self, offset: int, length: int) -> bytes:
        """What the disk holds, read behind the laptop's back."""
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), length, offset)

    def write(self, offset: int, data: bytes) -> None:
        """Change the disk behind the laptop's back."""
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), data, offset)
            os.fsync(file.fileno())


class LabLaptop(ABC):
    """A laptop with a power button."""

    def __init__(self, identity: LabIdentity, disk: LabDisk, folder: Path) -> None:
        self.identity = identity
        self.disk = disk
        self.others: tuple[Path, ...] = ()
        """Files behind its further disks."""
        self.remembered: dict[Path, dict[int, bytes]] = {}
        """What files that somebody gave for its disks held before, where they are to be erased."""
        self.folder = folder
        self.bytes_per_second: int | None = None
        """What its disk moves at most, where a fault slows it down."""
        self.dead_disk = False
        """Whether its last disk takes no write, where a fault says so."""
        self.parts: dict[str, object] = {}
        """As `hardware` of a hello tells them; empty: a thin laptop looks for itself, a virtual one has none."""
        self.chooses = ""
        """The item of its boot menu that somebody chooses, such as `clone`; empty: nobody stands there."""

    @property
    def number(self) -> int:
        """1 … N."""
        return self.identity.number

    @property
    @abstractmethod
    def screen(self) -> Path:
        """The file that everything it shows goes to."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it is powered on."""

    @abstractmethod
    def power_on(self) -> None:
        """Press the button: it boots from the network."""

    @abstractmethod
    def power_cut(self) -> None:
        """Pull the plug and the battery. Nothing happens if it is off."""

    @abstractmethod
    def freeze(self) -> None:
        """Let it stand still, powered on."""

    @abstractmethod
    def thaw(self) -> None:
        """Let it go on."""

    def close(self) -> None:
        """Power off for good and give back what the machine lent it."""
        self.power_cut()

    def shown(self) -> str:
        """All that its screen has shown."""
        try:
            return self.screen.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""
