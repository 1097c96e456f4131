"""Masters captured for good: virtual laptops, their boot menu, the command line; and clones made of what was taken."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from cloned.disk.manifest import image_hash
from cloned.images.store import ImageStore
from cloned.lab import stock as stocks
from cloned.lab.laptops import Firmware, disk_size
from cloned.lab.machine import VirtualLaptop
from tests.images import put, read_back
from tests.lab.agent.shop import NvmeLaptop, SataLaptop, Shop, boots_by_itself, shop
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.slow]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def master(shop: Shop, stock: stocks.Stock) -> VirtualLaptop:
    """Laptop 1, with the sample system on a SATA disk."""
    size = disk_size(stock.manifest)
    disk = shop.folder / "master"
    put(stock.store, "sample", disk, size)
    return shop.laptop(1, SataLaptop, size, disk)


async def watched(shop: Shop, laptop: VirtualLaptop, name: str) -> tuple[int, str, list[str]]:
    """`cloned image capture` to its end: exit status, words, what the laptop was seen doing. Never half an image."""
    ident = (await shop.seen(laptop))["id"]
    work = asyncio.create_task(shop.cloned("image", "capture", ident, name))
    doing: list[str] = []
    while not work.done():
        state = await shop.daemon.state()
        (seen,) = [each for each in state["laptops"] if each["id"] == ident]
        if seen["capture"]:
            if name in [
                image["name"] for image in state["images"]
            ]:  # it is known a moment before the laptop is through
                ImageStore(shop.daemon.settings.state / "images").check(name)
            doing.append(str((seen["progress"] or {}).get("activity")))
        await asyncio.sleep(0.1)
    return *work.result(), doing


async def test_a_master_is_captured_and_its_image_cloned_to_another_kind_of_disk(
    stock: stocks.Stock, folder: Path
) -> None:
    async with shop(folder, stock, Firmware.BIOS, Firmware.BIOS) as here:
        laptop = master(here, stock)
        before = sha256(laptop.disk.path)
        laptop.power_on()
        await here.until(laptop, lambda seen: seen["reason"] == "wants-capture", "it wants to be captured", key="2")
        code, said, doing = await watched(here, laptop, "school")
        assert code == 0, said
        assert "school is captured, whole and proven" in said
        assert {"capturing"} <= set(doing), doing
        laptop.power_cut()
        assert sha256(laptop.disk.path) == before

        store = ImageStore(here.daemon.settings.state / "images")
        manifest = store.manifest("school")
        assert image_hash(manifest.plan, read_back(manifest.plan, laptop.disk.path)) == manifest.image_hash
        assert manifest.os == "cloned sample system"
        assert manifest.firmware == ("bios", "uefi")
        assert manifest.source["serial"] == laptop.identity.serial
        assert not list((store.root / ".captures").iterdir())
        assert [layer.name for layer in manifest.plan.layers if layer.number == 3] == ["sda3"]
        assert (await here.cloned("image", "verify", "school"))[0] == 0

        copy = here.laptop(2, NvmeLaptop, laptop.disk.size + (64 << 20))
        copy.power_on()
        seen = await here.until(copy, lambda seen: seen["state"] == "asking" and seen["disks"], "it asks", key="1")
        code, said = await here.cloned("confirm", seen["id"], "--image", "school")
        assert code == 0, said
        done = await here.until(copy, lambda seen: seen["state"] in ("done", "aside"), "it is done")
        assert (done["state"], done["verdict"]) == ("done", "verified"), done
        assert done["disks"][0]["path"] == "/dev/nvme0n1"
        await _off(copy)
        assert "root=/dev/nvme0n1p3" in await boots_by_itself(copy)


async def test_a_capture_that_loses_its_master_leaves_a_message_and_nothing_else(
    stock: stocks.Stock, folder: Path
) -> None:
    async with shop(folder, stock, Firmware.UEFI) as here:
        laptop = master(here, stock)
        laptop.bytes_per_second = 4 << 20
        laptop.power_on()
        seen = await here.until(laptop, lambda seen: seen["reason"] == "wants-capture", "it is a master", key="2")
        work = asyncio.create_task(here.cloned("image", "capture", seen["id"], "school"))
        await here.until(laptop, lambda seen: _bytes(seen) > 8 << 20, "some of it was sent")
        laptop.power_cut()
        laptop.bytes_per_second = None
        laptop.power_on()
        code, said = await work
        assert code == 1, said
        assert "school was not captured" in said
        await here.until(laptop, lambda seen: seen["reason"] == "wants-capture", "it is a master again", key="2")
        state = await here.daemon.state()
        assert state["images"] == []
        images = here.daemon.settings.state / "images"
        assert not [path for path in images.rglob("*") if path.is_file() and path.name != ".lock"]
        code, said, _ = await watched(here, laptop, "school")
        assert code == 0, said


def _bytes(seen: dict[str, Any]) -> int:
    return int((seen["progress"] or {}).get("bytes") or 0) if seen["capture"] else 0


async def _off(laptop: VirtualLaptop) -> None:
    """Until it has switched itself off."""
    await until(lambda: not laptop.running, 60)
