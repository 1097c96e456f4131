"""What a lab run was asked for, checked, and as data for the process that does it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cloned.errors import UsageError
from cloned.json_data import JsonObject
from cloned.lab.erasing import MODES
from cloned.lab.fault import Fault
from cloned.lab.fault_texts import Late, check_together, parse_fault, parse_late, takes_time
from cloned.lab.laptops import Firmware, LaptopKind
from cloned.lab.media import MediumKind, parse_disks, parse_images
from cloned.lab.network import parse_rate

SYSTEM, BULK = "sample", "bulk"
"""The sample images: a small system that boots, and a gigabyte that does not compress."""
_MOST = {LaptopKind.VM: 16, LaptopKind.THIN: 200}


@dataclass(frozen=True)
class LabOptions:
    """As the command line gave them; `check` has been through all of them."""

    action: str
    """`run`, or `up`: leave it running."""
    laptops: int
    kind: str
    firmware: tuple[str, ...]
    image: str = ""
    rate: str = ""
    late: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    keep: bool = False
    classic: bool = False
    """Whether the image goes through a classic session, though the agent could lay it out."""
    disks: tuple[str, ...] = ()
    """Each laptop's disks in turn: `nvme`, `sata+nvme`; empty: one virtio disk."""
    erase: str = ""
    """Erase before cloning, `always` or `first`; `only`: and clone nothing; `only:2,3`: these two, the others clone."""
    tests: str = ""
    """`all`: every laptop's parts are tested, as far as nobody is needed for it; empty: nothing is."""
    disk_images: tuple[str, ...] = ()
    """N:FILE: files that are laptop N's disks."""
    json: str = ""
    """Path of the report; `-` is standard output; empty: none."""

    def to_json(self) -> JsonObject:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabOptions:
        """The inverse of `to_json`."""
        lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
        return cls(**{**data, **lists})

    @property
    def of_kind(self) -> LaptopKind:
        """Which kind of laptop."""
        return LaptopKind(self.kind)

    @property
    def kinds_of_firmware(self) -> tuple[Firmware, ...]:
        """What they boot with, in turn."""
        return tuple(Firmware(name) for name in self.firmware)

    @property
    def bits_per_second(self) -> int | None:
        """Of every port; None: unlimited."""
        return parse_rate(self.rate) if self.rate else None

    @property
    def wanted_faults(self) -> list[Fault]:
        """The faults."""
        return [parse_fault(text, self.laptops) for text in self.faults]

    @property
    def erasers(self) -> frozenset[int]:
        """Laptops that are erased; UsageError."""
        mode, colon, chosen = self.erase.partition(":")
        if mode and (mode not in MODES or bool(colon) is not (mode == "only" and bool(chosen))):
            raise UsageError(f"--erase {self.erase} is not known", "there are always, first, only and only:N,N")
        everybody = range(1, self.laptops + 1)
        if not colon:
            return frozenset(everybody if mode else ())
        if self.of_kind is not LaptopKind.THIN:
            raise UsageError(f"--erase {self.erase} is not possible", "with --kind thin")
        numbers = frozenset(int(each) if each.isdecimal() else 0 for each in chosen.split(","))
        if not numbers < frozenset(everybody):
            raise UsageError(f"--erase {self.erase} names laptops that are not there, or all", "name some of them")
        return numbers

    @property
    def latecomers(self) -> dict[int, Late]:
        """Laptops that are powered on late."""
        return {late.laptop: late for late in (parse_late(text, self.laptops) for text in self.late)}

    @property
    def parts(self) -> bool:
        """Whether laptops have parts that can be looked at: where these are tested, and where one is bad."""
        return bool(self.tests) or any(fault.bad_part for fault in self.wanted_faults)

    @property
    def image_name(self) -> str:
        """The image asked for, or the sample that serves what was asked for."""
        if self.image:
            return self.image
        return BULK if takes_time(self.wanted_faults, list(self.latecomers.values())) else SYSTEM

    def disks_of(self, number: int) -> tuple[MediumKind, ...]:
        """The kinds of laptop `number`'s disks, the one that is cloned to first; UsageError."""
        return parse_disks(self.disks[(number - 1) % len(self.disks)]) if self.disks else (MediumKind("virtio"),)

    @property
    def images_of(self) -> dict[int, list[Path]]:
        """Files that are disks, by laptop; UsageError."""
        return parse_images(self.disk_images, self.laptops)

    def check(self) -> None:
        """Raise UsageError, in one line, for the first thing that makes no sense."""
        most = _MOST[self.of_kind]
        if not 1 <= self.laptops <= most:
            raise UsageError(f"--laptops {self.laptops} is not possible", f"with --kind {self.kind}: 1 to {most}")
        for name in self.firmware:
            if name not in list(Firmware):
                raise UsageError(f"--firmware {name or '(nothing)'} is not known", "there are " + ", ".join(Firmware))
        _ = self.erasers
        if self.tests not in ("", "all"):
            raise UsageError(f"--tests {self.tests} is not known", "there is: all")
        if self.disks and self.of_kind is not LaptopKind.VM:
            raise UsageError("--disks is not possible with thin laptops", "their disks are loop devices: --kind vm")
        _ = [self.disks_of(number) for number in range(1, self.laptops + 1)], self.images_of
        if self.classic and self.of_kind is not LaptopKind.VM:
            raise UsageError("--classic is not possible with thin laptops", "it needs a system of its own: --kind vm")
        late = [parse_late(text, self.laptops) for text in self.late]
        check_together(self.wanted_faults, late, self.laptops)
        _ = self.bits_per_second
