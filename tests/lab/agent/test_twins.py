"""What one name on two things must never do: two disks with one WWN, two laptops of which firmware says the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned import client
from cloned.lab import stock as stocks
from cloned.lab.laptops import Firmware, LaptopKind, disk_size
from cloned.lab.machine import VirtualLaptop
from tests.lab.agent.shop import Shop, shop
from tests.lab.agent.test_confirming import IMAGE

pytestmark = [pytest.mark.lab, pytest.mark.slow]
WWN = "0x5002538e40a0b0c0"
OTHER = "OTHER-DISK"
DELL, FILLER = "4c4c4544-0000-2010-8020-80c04f202020", "To Be Filled By O.E.M."
"""What two Dells with a blank service tag say, and what stands where nobody typed in a serial number."""


class TwoOfOneWwn(VirtualLaptop):
    """Two SATA disks of a batch that has one world wide name; the first found is not the one that is meant."""

    @property
    def other(self) -> Path:
        return self.folder / "other"

    def _disk(self) -> Iterator[str]:
        disks = (("other", self.other, OTHER), ("disk", self.disk.path, self.identity.disk_serial))
        for number, (name, path, serial) in enumerate(disks):
            yield from ("-drive", f"if=none,id={name},file={path},format=raw,discard=unmap")
            yield from ("-device", f"ide-hd,bus=ide.{number},drive={name},serial={serial},wwn={WWN}")


async def test_of_two_disks_with_one_wwn_the_one_that_was_confirmed_is_written(
    stock: stocks.Stock, folder: Path
) -> None:
    size = disk_size(stock.manifest)
    async with shop(folder, stock, Firmware.BIOS) as here:
        await here.stocked(stock, IMAGE)
        laptop = here.laptop(1, TwoOfOneWwn, size)
        assert isinstance(laptop, TwoOfOneWwn)
        laptop.other.write_bytes(b"somebody's only copy. " * (size // 22) + bytes(size % 22))
        before = hashlib.sha256(laptop.other.read_bytes()).digest()
        laptop.power_on()
        asks = await here.until(laptop, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks", key="1")
        assert len({disk["wwn"] for disk in asks["disks"]}) == 1
        assert len({disk["key"] for disk in asks["disks"]}) == 2

        code, said = await here.cloned("confirm", laptop.identity.mac, "--image", IMAGE)
        assert (code, "more than one disk" in said) == (2, True), said
        code, said = await here.cloned("confirm", laptop.identity.mac, "--image", IMAGE, "--disk", WWN)
        assert code == 2, said  # the name of two is nobody's
        serial = laptop.identity.disk_serial
        code, said = await here.cloned("confirm", laptop.identity.mac, "--image", IMAGE, "--disk", serial)
        assert code == 0, said
        done = await here.until(laptop, lambda seen: seen["state"] in ("done", "aside"), "it is done")
        assert (done["state"], done["verdict"]) == ("done", "verified"), done
        assert [disk for _, disk in await verified(here)] == [serial]
        assert hashlib.sha256(laptop.other.read_bytes()).digest() == before


async def verified(here: Shop) -> list[tuple[str, str]]:
    """(laptop, serial number of its disk) of each row that says so."""
    rows = await client.call(here.daemon.settings.runtime, "GET", "/api/v1/ledger")
    return [(row["laptop"], row["disk"]["serial"]) for row in rows if row["verdict"] == "verified"]


async def test_two_laptops_of_one_uuid_and_one_filler_are_both_cloned_each_with_its_own_row(
    stock: stocks.Stock, folder: Path
) -> None:
    size = disk_size(stock.manifest)
    async with shop(folder, stock, Firmware.BIOS, Firmware.BIOS, kind=LaptopKind.THIN) as here:
        await here.stocked(stock, IMAGE)
        twins = [here.thin(number, size, DELL, FILLER) for number in (1, 2)]
        for laptop in twins:
            laptop.chooses = "clone"  # a person does, in its boot menu: nothing else starts one without a name
        idents = {}
        for laptop in twins:  # the second comes when the first is done
            laptop.power_on()
            asks = await here.until(laptop, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks")
            assert asks["verdict"] == "none", asks  # nobody told it that it is done
            code, said = await here.cloned("confirm", laptop.identity.mac, "--image", IMAGE)
            assert code == 0, said
            done = await here.until(laptop, lambda seen: seen["state"] in ("done", "aside"), "it is done")
            assert (done["state"], done["verdict"]) == ("done", "verified"), done
            idents[laptop.number] = done["id"]
        assert len(set(idents.values())) == 2
        cloned = {(idents[laptop.number], laptop.identity.disk_serial) for laptop in twins}
        assert set(await verified(here)) == cloned


async def test_twins_after_a_lost_journal_keep_their_ids_and_numbers(stock: stocks.Stock, folder: Path) -> None:
    """A batch with one UUID and one serial number that are on no list; one of it was never here before."""
    size, said = disk_size(stock.manifest), ("b2f1a3c4-77d0-4e21-9a55-0c1d2e3f4a5b", "A1B2C3D")
    async with shop(folder, stock, *[Firmware.BIOS] * 3, kind=LaptopKind.THIN) as here:
        await here.stocked(stock, IMAGE)
        laptops = [here.thin(number, size, *said) for number in (1, 2, 3)]
        had: dict[int, tuple[str, str]] = {}
        for laptop in laptops:
            laptop.chooses = "clone"
        for laptop in laptops[:2]:
            mac, number = laptop.identity.mac, f"LAB-2026-000{laptop.number}"
            laptop.power_on()
            asks = await here.until(laptop, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks")
            for words in (("tag", mac, number), ("confirm", mac, "--image", IMAGE)):
                code, told = await here.cloned(*words)
                assert code == 0, told
            done = await here.until(laptop, lambda seen: seen["state"] in ("done", "aside"), "it is done")
            assert done["state"] == "done", done
            had[laptop.number] = (asks["id"], number)
            laptop.power_cut()
        await here.daemon.stop()
        for path in here.daemon.settings.state.glob("journal.sqlite*"):
            path.unlink()
        here.daemon.start()
        await here.daemon.ready()
        for laptop in reversed(laptops):
            laptop.power_on()
            seen = await here.until(laptop, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks")
            if laptop.number in had:
                assert (seen["id"], seen["tag"], seen["reason"]) == (*had[laptop.number], "known-before")
            else:
                assert (seen["id"] in [ident for ident, _ in had.values()], seen["tag"]) == (False, "")
