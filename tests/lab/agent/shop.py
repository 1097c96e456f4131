"""A workshop of virtual laptops around the whole daemon, which asks before it clones; people use the command line."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloned.errors import ClonedError
from cloned.images.store import ImageStore
from cloned.lab import qmp
from cloned.lab.daemon import DaemonProcess, DaemonSettings
from cloned.lab.laptops import Firmware, LabDisk, LabLaptop, LaptopKind, identities
from cloned.lab.machine import VirtualLaptop
from cloned.lab.network import LabNetwork
from cloned.lab.stock import Stock
from cloned.lab.thinbox import ThinBox

SECONDS = 300
BOOTED = "cloned-sample: booted"
"""What the sample system, and those made of it, print on the serial line."""


class Asking(DaemonSettings):
    """A workshop where a person confirms, volunteers may erase, and without a switch that is read or sinks."""

    def toml(self) -> str:
        return re.sub(r"\[\[(switch|sink)\]\]\n([^\[].*\n)*", "", super().toml()) + '[erase]\nby = "volunteer"\n'


class ErasingFirst(Asking):
    """The same where every laptop must be erased before it is cloned; only administrators may erase otherwise."""

    def toml(self) -> str:
        return super().toml().replace('by = "volunteer"', 'before_cloning = "always"')


class SataLaptop(VirtualLaptop):
    """Its disk is sda."""

    def _disk(self) -> Iterator[str]:
        yield from _drive(self)
        yield from ("-device", f"ide-hd,bus=ide.0,drive=disk,serial={self.identity.disk_serial},bootindex=2")


class NvmeLaptop(VirtualLaptop):
    """Its disk is nvme0n1."""

    def _disk(self) -> Iterator[str]:
        yield from _drive(self)
        yield from ("-device", f"nvme,drive=disk,serial={self.identity.disk_serial},bootindex=2")


def _drive(laptop: VirtualLaptop) -> tuple[str, str]:
    speed = f",throttling.bps-total={laptop.bytes_per_second}" if laptop.bytes_per_second else ""
    return "-drive", f"if=none,id=disk,file={laptop.disk.path},format=raw,discard=unmap{speed}"


class Shop:
    """A daemon in a namespace of its own, and the network around it."""

    def __init__(
        self, folder: Path, stock: Stock, firmware: tuple[Firmware, ...], kind: LaptopKind = LaptopKind.VM,
        settings: type[Asking] = Asking,
    ) -> None:  # fmt: skip
        self.folder, self.firmware = folder, firmware
        self.network = LabNetwork(f"cl{secrets.token_hex(3)}", len(firmware))
        self._who = identities(self.network.run, len(firmware), firmware)
        state = folder / "state"
        state.mkdir()
        made = settings(
            state, folder / "run", stock.live, stock.boot, "", kind, None, "http://10.77.0.2:9", "x", (), {},
            confirm="ask",
        )  # fmt: skip
        self.daemon = DaemonProcess(made, self.network.server, folder / "daemon.log")
        self._laptops: list[LabLaptop] = []

    def laptop(self, number: int, kind: type[VirtualLaptop], size: int, disk: Path | None = None) -> VirtualLaptop:
        """Laptop `number`, switched off; its disk is empty, or the file `disk`."""
        folder = self.folder / f"laptop-{number}"
        folder.mkdir()
        made = LabDisk(disk, size) if disk else LabDisk.create(folder / "disk", size)
        laptop = kind(self._who[number - 1], made, folder, self.network)
        self._laptops.append(laptop)
        return laptop

    def thin(self, number: int, size: int, uuid: str, serial: str) -> ThinBox:
        """Thin laptop `number`, switched off, its disk empty; its firmware tells this UUID and serial number."""
        folder = self.folder / f"laptop-{number}"
        folder.mkdir()
        who = replace(self._who[number - 1], uuid=uuid, serial=serial)
        laptop = ThinBox(who, LabDisk.create(folder / "disk", size), folder, self.network)
        self._laptops.append(laptop)
        return laptop

    async def stocked(self, stock: Stock, image: str) -> None:
        """The sample system, under this name, in the daemon's store."""
        saved = stock.store.original("sample")
        assert saved is not None
        ImageStore(self.daemon.settings.state / "images").import_image(saved, image)
        await self.daemon.stop()
        self.daemon.start()
        await self.daemon.ready()

    async def cloned(self, *words: str) -> tuple[int, str]:
        """Exit status and words of a command, given as a person would."""
        config = str(self.daemon.settings.state / "cloned.toml")
        program = [sys.executable, "-c", "from cloned.cli.main import main; main()", *words, "--config", config]
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "300"},
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def seen(self, laptop: LabLaptop) -> dict[str, Any]:
        """What the daemon knows of a laptop; nothing if it never heard of it."""
        state = await self.daemon.state()
        found = [each for each in state["laptops"] if laptop.identity.mac in (each["boot_mac"], *each["macs"])]
        return found[0] if found else {}

    async def until(
        self, laptop: LabLaptop, true: Callable[[dict[str, Any]], Any], what: str, key: str = ""
    ) -> dict[str, Any]:
        """Wait until something is true of a laptop, pressing a key in its boot menu meanwhile."""
        seen: dict[str, Any] = {}
        try:
            async with asyncio.timeout(SECONDS):
                while not (seen and true(seen)):
                    if key:
                        await asyncio.to_thread(press, laptop, key)
                    await asyncio.sleep(0.5)
                    seen = await self.seen(laptop)
        except TimeoutError as error:
            shown = laptop.shown()[-1500:]
            raise AssertionError(f"not so: {what}; {seen}; {shown}; {self.daemon.last_words()}") from error
        return seen

    async def close(self) -> None:
        for laptop in self._laptops:
            laptop.close()
        await self.daemon.stop()
        self.network.close()


@asynccontextmanager
async def shop(
    folder: Path, stock: Stock, *firmware: Firmware, kind: LaptopKind = LaptopKind.VM,
    settings: type[Asking] = Asking,
) -> AsyncIterator[Shop]:  # fmt: skip
    """A workshop that leaves nothing behind; `firmware` of each laptop."""
    made = Shop(folder, stock, firmware, kind, settings)
    try:
        made.network.build()
        made.network.plug_server()
        made.daemon.start()
        await made.daemon.ready()
        yield made
    finally:
        await made.close()


def press(laptop: LabLaptop, key: str) -> None:
    """Press a key on a laptop's keyboard (QKeyCode); nothing happens if it is not there yet."""
    with suppress(ClonedError):
        qmp.press(laptop.folder / "qmp", key)


async def boots_by_itself(laptop: VirtualLaptop, word: str = BOOTED, seconds: float = 240) -> str:
    """The line with `word` that the laptop prints once it has started from its own disk, without a network card."""
    laptop.boot_own_disk()
    try:
        async with asyncio.timeout(seconds):
            while word not in laptop.shown():
                await asyncio.sleep(0.5)
    except TimeoutError as error:
        raise AssertionError(f"it did not start: {laptop.shown()[-1500:]}") from error
    finally:
        laptop.power_cut()
    return next(line.strip() for line in laptop.shown().splitlines() if word in line)
