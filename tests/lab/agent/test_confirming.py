"""Confirmation as a workshop has it, without `auto`: on the laptop's own keyboard, and for a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.lab import stock as stocks
from cloned.lab.laptops import Firmware, disk_size
from cloned.lab.machine import VirtualLaptop
from tests.lab.agent.shop import SataLaptop, Shop, press, shop

pytestmark = [pytest.mark.lab, pytest.mark.slow]
IMAGE = "school"


def untouched(laptop: VirtualLaptop) -> bool:
    """Whether nothing was ever written to its disk."""
    return laptop.disk.path.stat().st_blocks == 0


async def confirmed_by(here: Shop, laptop: VirtualLaptop) -> str:
    """Until it is done; who confirmed it, from its history."""
    done = await here.until(laptop, lambda seen: seen["state"] in ("done", "aside"), "it is done")
    assert (done["state"], done["verdict"]) == ("done", "verified"), done
    return next(each["why"] for each in done["history"] if each["why"].startswith("confirmed by"))


async def test_by_a_key_then_a_batch_and_never_without(stock: stocks.Stock, folder: Path) -> None:
    size = disk_size(stock.manifest)
    async with shop(folder, stock, Firmware.BIOS, Firmware.BIOS) as here:
        await here.stocked(stock, IMAGE)
        known, new = (here.laptop(number, SataLaptop, size) for number in (1, 2))
        known.power_on()
        asks = await here.until(known, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks", key="1")
        assert asks["reason"] == "not-confirmed"
        assert untouched(known)
        press(known, "x")

        code, said = await here.cloned("batch", "Workshop 14", "--image", IMAGE)
        assert code == 0, said
        new.power_on()
        assert "batch of" in await confirmed_by(here, new)
        still = await here.seen(known)
        assert still["state"] == "asking"  # it was here before the batch was given
        assert untouched(known)

        press(known, "c")
        assert "confirmed by the laptop's own keyboard" in await confirmed_by(here, known)
        state = await here.daemon.state()
        assert state["confirmations"] == []
