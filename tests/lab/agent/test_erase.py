"""An erasure from the boot menu to its papers, in QEMU: a real NVMe Format, and a disk with a bad sector beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.lab import stock as stocks
from cloned.lab.laptops import Firmware, LabDisk, disk_size
from cloned.lab.machine import VirtualLaptop
from cloned.lab.media import MARK, find, plant
from tests.lab.agent.shop import ErasingFirst, NvmeLaptop, press, shop

pytestmark = [pytest.mark.lab]
SIZE = 64 << 20
BAD = 10_240_000
"""Byte of the second disk that cannot be written."""
FORMAT = "pci_nvme_format_set"
"""What QEMU's NVMe traces for each namespace that it formats."""


class TwoDisks(VirtualLaptop):
    """An honest NVMe disk whose controller is listened to, and a SATA disk that cannot write one sector (blkdebug)."""

    @property
    def second(self) -> LabDisk:
        return LabDisk(self.folder / "second", SIZE)

    @property
    def trace(self) -> Path:
        return self.folder / "trace"

    def _disk(self) -> Iterator[str]:
        who = self.identity.disk_serial
        yield from ("-drive", f"if=none,id=disk,file={self.disk.path},format=raw,discard=unmap")
        yield from ("-device", f"nvme,drive=disk,serial={who},bootindex=2")
        fault = f"inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.sector={BAD // 512}"
        image = f"image.driver=file,image.filename={self.second.path}"
        yield from ("-blockdev", f"driver=blkdebug,node-name=flawed,{image},{fault},inject-error.0.errno=5")
        yield from ("-blockdev", "driver=raw,node-name=second,file=flawed")
        yield from ("-device", f"ide-hd,bus=ide.1,drive=second,serial=MORE{who[3:]},werror=report")
        yield from ("-trace", f"enable={FORMAT},file={self.trace}")


async def test_one_disk_of_two_with_a_bad_sector_makes_the_laptop_not_erased(stock: stocks.Stock, folder: Path) -> None:
    async with shop(folder, stock, Firmware.BIOS) as here:
        laptop = here.laptop(1, TwoDisks, SIZE)
        assert isinstance(laptop, TwoDisks)
        LabDisk.create(laptop.second.path, SIZE)
        for disk in (laptop.disk, laptop.second):
            plant(disk)
        laptop.power_on()
        asks = await here.until(
            laptop, lambda seen: seen["reason"] == "wants-erasure" and seen["media"], "it asks", key="6"
        )
        assert (asks["state"], asks["erasure"]) == ("asking", None)
        await here.until(
            laptop, lambda _: "Press  E  to erase this laptop" in laptop.shown(), "its screen says what E does"
        )
        assert find(laptop.disk.path, most=1), "nothing is touched before somebody confirmed it"
        assert find(laptop.second.path, most=1)
        mine, other = laptop.identity.disk_serial, f"MORE{laptop.identity.disk_serial[3:]}"
        code, said = await here.cloned("erase", "explain", laptop.identity.serial)
        assert code == 0, said
        assert "+ nvme-format (clear): OACS bit 1: offered" in said
        assert f"{other}, 67.1 MB: overwritten once with zeros (clear), about 1 min" in said
        for words, told in (
            (["--disk", mine], other),
            (["--disk", mine, "--disk", other, "--level", "purge"], "Purge"),
        ):
            code, said = await here.cloned("erase", "start", laptop.identity.serial, *words, "--yes")
            assert code == 2, said
            assert told in said
        assert (await here.seen(laptop))["erasure"] is None

        press(laptop, "e")
        seen = await here.until(laptop, lambda seen: seen["state"] in ("erased", "aside"), "it is through")
        assert (seen["state"], seen["reason"], seen["erasure"]["result"]) == ("aside", "not-erased", "not-erased")
        disks = {each["serial"]: each for each in seen["erasure"]["disks"]}
        good, bad = disks[mine], disks[other]
        assert (good["method"], good["level"], good["verified"]) == ("nvme-format", "clear", True)
        assert (bad["method"], bad["fault"], bad["verified"]) == ("overwrite", "unreached", False)
        assert bad["serial"] in seen["why"]
        laptop.power_cut()

        assert FORMAT in laptop.trace.read_text(), "the controller never heard of a Format"
        assert find(laptop.disk.path) == []
        [(first, length)] = bad["unreached"]
        assert first <= BAD < first + length <= first + 8192
        assert all(first <= place < first + length for place in find(laptop.second.path, MARK, most=100))
        paper = folder / "paper.pdf"
        code, said = await here.cloned("erase", "certificate", laptop.identity.serial, "-o", str(paper))
        assert (code, "NOT a certificate" in said) == (1, True), said
        code, said = await here.cloned("erase", "status")
        assert bad["serial"] in said
        assert "not-erased" in said


@pytest.mark.slow
async def test_a_key_at_the_laptop_confirms_the_erasure_that_must_come_first(stock: stocks.Stock, folder: Path) -> None:
    """C confirms the clone, E the erasure before it; neither does the other's work, and then nobody is needed."""
    async with shop(folder, stock, Firmware.BIOS, settings=ErasingFirst) as here:
        await here.stocked(stock, "school")
        laptop = here.laptop(1, NvmeLaptop, disk_size(stock.manifest))
        plant(laptop.disk)
        laptop.power_on()
        await here.until(laptop, lambda seen: seen["state"] == "asking" and seen["media"], "it asks", key="1")
        press(laptop, "c")
        waits = await here.until(laptop, lambda seen: seen["state"] == "waiting", "the clone is confirmed")
        assert (waits["reason"], waits["erasure"]) == ("erase-first", None), waits
        await here.until(laptop, lambda _: "Press  E  to erase this laptop" in laptop.shown(), "it says what E does")
        press(laptop, "x")
        assert find(laptop.disk.path, most=1), "nothing is touched before somebody confirmed it"

        press(laptop, "e")
        done = await here.until(laptop, lambda seen: seen["state"] in ("done", "aside", "erased"), "it is through")
        assert (done["state"], done["verdict"], done["erasure"]["result"]) == ("done", "verified", "erased"), done
        assert done["erasure"]["by"] == "the laptop's own keyboard"
        assert find(laptop.disk.path) == []
