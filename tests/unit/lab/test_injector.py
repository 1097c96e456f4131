"""The fault `corrupt` really changes a byte that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from cloned.disk.manifest import Layer, PieceMap
from cloned.errors import ClonedError
from cloned.lab.damage import change_used_byte
from cloned.lab.fault import Fault, FaultHands
from cloned.lab.faults import Corrupt
from cloned.lab.laptops import Firmware, LabDisk, LabLaptop, identities

SIZE = 1 << 20
LAYERS = (
    Layer(1, "sda1", "ext4", 4096, 65536, ((0, 512), (8192, 1024))),
    Layer(2, "sda2", "ext4", 131072, 65536, ((4096, 4096),)),
)
USED = {
    layer.start + offset + byte
    for layer in LAYERS for offset, length in layer.extents for byte in range(length)
    if layer.start is not None
}  # fmt: skip


class Box(LabLaptop):
    """A laptop that is never switched on."""

    screen = Path("/nowhere")
    running = False

    def power_on(self) -> None: ...

    power_cut = freeze = thaw = power_on


def box(folder: Path) -> Box:
    disk = LabDisk.create(folder / "disk", SIZE)
    return Box(identities("clab12", 1, (Firmware.BIOS,))[0], disk, folder)


@pytest.mark.wire
def test_one_bit_of_one_used_byte_changes(tmp_path: Path) -> None:
    laptop = box(tmp_path)
    before = bytearray(laptop.disk.read(0, SIZE))
    for _ in range(20):
        where = change_used_byte(laptop, PieceMap(LAYERS), (0, 1))
        after = laptop.disk.read(0, SIZE)
        [changed] = [at for at in range(SIZE) if before[at] != after[at]]
        assert changed in USED
        assert (before[changed] ^ after[changed]).bit_count() == 1
        assert f"byte {changed} " in where
        before = bytearray(after)


@dataclass
class Bench:
    """The laptops, image and gates that the fault looks at."""

    laptops: dict[int, LabLaptop]
    pieces: PieceMap
    gates: dict[int, Callable[[Sequence[int]], None]] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)

    stage = services = manifest = plan = property(lambda self: self)
    map = property(lambda self: self.pieces)

    def happened(self, fault: Fault, what: str) -> None:
        self.did.append(what)

    def say(self, words: str) -> None: ...


def test_the_byte_lies_where_the_laptop_still_reads(tmp_path: Path) -> None:
    """A laptop that lost its power in the middle has read the first pieces already, and does so once in a boot."""
    laptop = box(tmp_path)
    for _ in range(20):
        bench = Bench({1: laptop}, PieceMap(LAYERS))
        Corrupt("corrupt:1", 1).prepare(cast("FaultHands", bench))
        before = laptop.disk.read(0, SIZE)
        bench.gates[1]([])
        assert (laptop.disk.read(0, SIZE), bench.did) == (before, [])
        bench.gates[1]([1])
        after = laptop.disk.read(0, SIZE)
        [changed] = [at for at in range(131072 + 4096, 131072 + 8192) if before[at] != after[at]]
        bench.gates[1]([0, 1])
        assert (laptop.disk.read(0, SIZE), len(bench.did)) == (after, 1)
        assert f"byte {changed} " in bench.did[0]


def test_a_disk_that_takes_no_change_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = box(tmp_path)
    monkeypatch.setattr(LabDisk, "write", lambda self, offset, data: None)
    with pytest.raises(ClonedError, match="did not change"):
        change_used_byte(laptop, PieceMap(LAYERS), (0, 1))
