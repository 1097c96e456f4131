"""A drive of the tests' own (drive.c): a loop device over a file of old data, and what the real programs are answered."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cloned.agent import erase_ask
from cloned.agent.erase_driver import carry_out
from cloned.agent.erase_hands import RealHands
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium

SIZE = 6 << 20
OLD = b"the family's holiday photographs, never to be seen again. "
ALL_SANITIZE = 0xF000
TOOLS = ("gcc", "hdparm", "nvme", "mmc", "blkdiscard", "sg_sanitize")


class Drive:
    """A loop device over a file full of old data, and the answers of the drive above it."""

    def __init__(self, folder: Path, device: str, file: Path) -> None:
        self.folder, self.device, self.file = folder, device, file
        self.identify()
        self.controller()
        ext_csd = bytearray(512)
        ext_csd[231], ext_csd[192], ext_csd[196] = 0x55, 8, 0x57
        self.answers("ext_csd", bytes(ext_csd))
        self.state(looks=2)

    def identify(
        self, sanitize: int = ALL_SANITIZE, security: int = 1, sectors: int = SIZE // 512,
        more: Mapping[int, int] | None = None,
    ) -> None:  # fmt: skip
        words = [0] * 256
        words[49], words[60], words[61] = 0x200, sectors & 0xFFFF, sectors >> 16
        words[0], words[83], words[84], words[87] = 0x40, 0x4000, 0x4000, 0x4000
        words[59], words[82], words[89], words[128], words[217] = sanitize, 0x402, 1, security, 1
        for at, value in (more or {}).items():
            words[at] = value
        self.answers("identify", struct.pack("<256H", *words))

    def answers(self, question: str, data: bytes) -> None:
        """From now on it answers `identify`, `controller` or `ext_csd` so."""
        (self.folder / question).write_bytes(data)

    def controller(self, oacs: int = 2, sanicap: int = 3, fna: int = 4) -> None:
        data = bytearray(4096)
        struct.pack_into("<H", data, 256, oacs)
        struct.pack_into("<I", data, 328, sanicap)
        struct.pack_into("<I", data, 516, 1)
        data[524] = fna
        self.answers("controller", bytes(data))

    def state(self, **values: int) -> None:
        (self.folder / "state").write_text("".join(f"{name} {value}\n" for name, value in values.items()))

    def did(self, name: str) -> int:
        told = dict(line.split() for line in (self.folder / "state").read_text().splitlines())
        return int(told.get(name, 0))

    def medium(self, bus: str) -> Medium:
        (found,) = erase_ask.every(self.device, {"serial": "LOOP1"})
        return erase_ask.asked(replace(found, bus=bus, rotational=False))

    def record(self, bus: str, level: EraseLevel = EraseLevel.CLEAR) -> DiskErasure:
        return machine.plan(self.medium(bus), level, "ab" * 16)

    def hands(self) -> RealHands:
        return RealHands(self.device, {"serial": "LOOP1"}, False, lambda: False, lambda record, done: None)

    def erase(self, bus: str, level: EraseLevel = EraseLevel.CLEAR) -> DiskErasure:
        return carry_out(self.record(bus, level), self.hands(), lambda _: None)

    @property
    def clean(self) -> bool:
        return OLD not in self.file.read_bytes()
