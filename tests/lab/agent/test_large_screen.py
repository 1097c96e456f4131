"""The laptop's own screen as a person sees it, in QEMU: of 3840 by 2160 pixels, and as text of 80 by 25 with a serial line."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from virt.firmware.efi import guids, ucs16
from virt.firmware.efi.efivar import EfiVar
from virt.firmware.varstore.edk2 import Edk2VarStore

from cloned.agent.screen import GOOD
from cloned.languages import language
from cloned.live import LiveInfo, agent_zipapp
from tests.lab.agent.machine import Machine
from tests.lab.agent.test_keyboard import until
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]

_PLATFORM = "7235c51c-0c80-4cab-87ac-3b084a6304b1"
GREEN, RED, GREY = (0, 170, 0), (170, 0, 0), (170, 170, 170)
GREEN_OF_TEXT = (0, 168, 0)
LARGE = ("-vga", "none", "-device", "VGA,xres=3840,yres=2160,edid=on,vgamem_mb=64")
TEXT = ("-vga", "none", "-device", "VGA")


@dataclass
class Shown(Machine):
    """A laptop with a screen."""

    card: tuple[str, ...] = TEXT
    words: str = "fr"

    def _command(self, port: int) -> list[str | Path]:
        return [*super()._command(port), *self.card]

    async def _serve(self, server: Server, *more: web.RouteDef) -> web.AppRunner:
        async def agent(request: web.Request) -> web.Response:
            return web.Response(body=agent_zipapp(language(self.words).say))

        return await server.start(web.get("/agent.pyz", agent), *more)

    def _firmware(self) -> list[str | Path]:
        """With a variable that OVMF reads to choose its own, and so Linux's, video mode (OvmfPkg/PlatformDxe)."""
        if self.uefi:
            store = Edk2VarStore("/usr/share/OVMF/OVMF_VARS_4M.fd")
            variables = store.get_varlist()
            wanted = EfiVar(ucs16.from_string("PlatformConfig"), guid=guids.parse_str(_PLATFORM), attr=7)
            wanted.data = struct.pack("<II", 3840, 2160)
            variables["PlatformConfig"] = wanted
            store.write_varstore(str(self.folder / "vars.fd"), variables)
        return super()._firmware()

    async def picture(self) -> Picture:
        """What it shows."""
        file = self.folder / "screen.ppm"
        await self.monitor(f"screendump {file}")
        if kept := os.environ.get("CLONED_PICTURES"):
            shutil.copy(file, Path(kept) / f"{self.folder.name}.ppm")
        return Picture.read(file)


@dataclass
class Ended(Server):
    """A daemon for which this laptop is at an end."""

    ending: Mapping[str, Any] = field(default_factory=dict)

    def order(self) -> dict[str, Any]:
        return {"do": "wait", "screen": [], "tag": "DM-2026-0042", "port": "gi7", **self.ending}


@dataclass(frozen=True)
class Picture:
    """A picture as QEMU takes it, Netpbm's P6."""

    width: int
    height: int
    data: bytes

    @classmethod
    def read(cls, file: Path) -> Picture:
        head, width, height, _, data = file.read_bytes().split(maxsplit=4)
        assert head == b"P6"
        return cls(int(width), int(height), data[-3 * int(width) * int(height) :])

    def spread(self, colour: tuple[int, int, int]) -> tuple[int, int]:
        """Columns and rows that have dots of a colour."""
        line = 3 * self.width
        rows = [self.data[at : at + line] for at in range(0, len(self.data), line)]
        has = {row: [dot == colour for dot in zip(row[::3], row[1::3], row[2::3], strict=True)] for row in set(rows)}
        return sum(map(any, zip(*has.values(), strict=True))), sum(any(has[row]) for row in rows)

    def letters(self, column: int, row: int, count: int, width: int = 9, height: int = 16) -> list[bytes]:
        """What is drawn in so many cells of a text console."""
        line = [self.data[3 * (y * self.width) :][: 3 * self.width] for y in range(row * height, (row + 1) * height)]
        cells = range(column * width, (column + count) * width, width)
        return [b"".join(dots[3 * x : 3 * (x + width)] for dots in line) for x in cells]


DONE = {
    "state": "done",
    "screen": ["eeecc?", "\u00e9\u00eb\u00e8c\u00e7\u6f22", "D\u00e9j\u00e0 \u00e0 c\u00f4t\u00e9."],
}
ASIDE = {"state": "aside", "screen": ["Remplacez son disque."]}


async def shown(machine: Shown, ending: Mapping[str, Any]) -> Picture:
    """The picture once the laptop knows how it ended and has drawn it."""
    server = Ended(image(), machine.order_disk(), ending=ending)
    running = asyncio.create_task(machine.run(server))
    last = str(ending["screen"][-1])
    await until(lambda: last in machine.serial() or running.done())
    pictures = [await machine.picture()]
    while len(pictures) < 2 or pictures[-1] != pictures[-2]:  # the cursor blinks, what is drawn stands still
        await asyncio.sleep(0.1)
        pictures.append(await machine.picture())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return pictures[-1]


@pytest.mark.parametrize(("ending", "colour"), [(DONE, GREEN), (ASIDE, RED)])
async def test_a_screen_3840_wide_shows_number_and_ending_across_a_table(
    folder: Path, system: LiveInfo, ending: Mapping[str, Any], colour: tuple[int, int, int]
) -> None:
    picture = await shown(Shown(system, folder, 64 * MIB, uefi=True, card=LARGE), ending)
    assert (picture.width, picture.height) == (3840, 2160)
    columns, rows = picture.spread(colour)
    assert columns == 3 * 78 * 16  # three times as wide as on a screen of 80 by 25, in letters of 16 by 32
    assert rows == (3 * 5 + 2) * 32
    assert picture.spread(GREY)[1] >= 3 * 5 * 32


async def test_text_of_80_by_25_and_a_serial_line_show_french_letters(folder: Path, system: LiveInfo) -> None:
    machine = Shown(system, folder, 64 * MIB)
    picture = await shown(machine, DONE)
    assert (picture.width, picture.height) == (720, 400)
    assert picture.spread(GREEN_OF_TEXT) == (78 * 9, 3 * 16)
    plain, accented = (picture.letters(2, row, 6) for row in (13, 14))
    assert plain[0] == plain[1] == plain[2] != plain[5]  # e, e, e and a question mark
    assert len({*accented[:3], plain[0], plain[5]}) == 5  # each has its accent
    assert accented[3] == plain[3] != accented[4]  # c, and the one with a cedilla
    assert accented[5] == plain[5]  # what the font has not
    assert "\u00e9\u00eb\u00e8c\u00e7?" in machine.serial()
    assert f"{GOOD}Termin\u00e9" in machine.serial()


NASTY = "20L5 \x1b[2J\x1b[41mEvil\x07 \u202egnp.exe \U0001f600 \u05e9\u05dc <b>&" + "A" * 300
"""What firmware says that a laptop is called."""


async def test_what_firmware_calls_it_is_text_on_its_screen(folder: Path, system: LiveInfo) -> None:
    hostile = ("-smbios", f"type=1,manufacturer=LENOVO,product={NASTY},serial=PF1")
    machine = Shown(system, folder, 64 * MIB, append="cloned.want=hardware", card=(*TEXT, *hostile))
    running = asyncio.create_task(machine.run(Server(image(), machine.order_disk())))
    await until(lambda: ("PF1" in machine.serial() and "DISK-1" in machine.serial()) or running.done())
    said = machine.serial()
    picture = await machine.picture()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    told = said[said.index("LENOVO") :]
    assert "Evil" in told
    assert "\x1b[41m" not in told
    assert "\u202e" not in told
    assert picture.spread((168, 0, 0)) == (0, 0)  # nothing of it is red
