"""Parts of a laptop in QEMU: the kernel's own stand-ins, from the live system's own kernel package, in a pack of this test alone.

`vivid` gives the pictures of a camera; `mac80211_hwsim` makes radios, on one of which hostapd opens a network;
snd-aloop is a sound card whose loudspeaker is led back to its microphone, `scsi_debug` a disk with sectors that
cannot be read. Lid and charger are ACPI's, by a table that iasl compiled: it reads a latch that the test sets from
outside (the scratch register of the second serial port), and a thermal zone that the kernel looks at each second
notifies the lid. A socket for headphones with a switch QEMU's sound cards have not: its switch is one of the kernel's
uinput, which follows the same latch. The screen is QEMU's, with the EDID of a laptop's panel by `drm.edid_firmware=`:
an eDP connector no card of QEMU's has, so that of a virtual machine is looked at. QEMU's BIOS gives one of its own.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned import processes
from cloned.lab.vm_parts import NEEDS
from cloned.live import LiveInfo, pack
from cloned.live.rootfs import Debian
from cloned.saying import Phrase
from tests.lab.agent.machine import Machine
from tests.lab.agent.test_attended import until
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]

MODULES = (
    "drivers/media/test-drivers/vivid/vivid.ko", "drivers/net/wireless/mac80211_hwsim.ko",
    "sound/drivers/snd-aloop.ko", "drivers/input/misc/uinput.ko", "drivers/scsi/scsi_debug.ko",
)  # fmt: skip
HERE = "usr/lib/stand-ins"
LOADED = f"""
softdep psmouse post: vivid snd-aloop uinput scsi_debug mac80211_hwsim
options vivid n_devs=1 node_types=0x1
options scsi_debug dev_size_mb=16 opts=2
options snd-aloop index=0 pcm_substreams=1
install mac80211_hwsim modprobe --ignore-install mac80211_hwsim radios=2 && sh /{HERE}/start
"""
"""The mouse of QEMU is there, and brings them along (modprobe.d(5))."""
START = f"""
hostapd -B /{HERE}/hostapd.conf >/run/hostapd.log 2>&1
renice -10 -p $$ >/dev/null
apart() {{ setsid sh -c "$1" </dev/null >/dev/null 2>&1 & }}
apart "python3 -I -S /{HERE}/jack.py"
"""
"""What they need beside their drivers."""
HOSTAPD = """interface=wlan1
driver=nl80211
ssid=WORKSHOP
hw_mode=g
channel=1
"""
LATCH, PLUG, OPEN, JACK, LOOSE, AIR = 0x2FF, 1, 2, 4, 8, 16
"""A register that remembers what is written to it, and does nothing (16550, SCR); and what its bits stand for."""
JACKED = f"""
import fcntl, os, struct, subprocess, time
made = os.open("/dev/uinput", os.O_WRONLY)
fcntl.ioctl(made, 0x40045564, 5)  # UI_SET_EVBIT: EV_SW
fcntl.ioctl(made, 0x4004556D, 2)  # UI_SET_SWBIT: SW_HEADPHONE_INSERT
fcntl.ioctl(made, 0x405C5503, struct.pack("<HHHH80sI", 6, 1, 1, 1, b"a socket for headphones", 0))  # UI_DEV_SETUP
fcntl.ioctl(made, 0x5501)  # UI_DEV_CREATE
latch, before, air = os.open("/dev/port", os.O_RDONLY), 0, None
while True:
    found = os.pread(latch, 1, {LATCH})[0]
    now = found // {JACK} % 2
    if found & {AIR} and air is None:
        raw = "-q -D hw:0,1 -t raw -f S16_LE -r 48000 -c 2"
        air = subprocess.Popen(["sh", "-c", f"arecord {{raw}} | aplay {{raw}}"])
    if now != before:
        os.write(made, struct.pack("llHHi", 0, 0, 5, 2, now) + struct.pack("llHHi", 0, 0, 0, 0, 0))
        before = now
    time.sleep(0.2)
"""
"""The air between loudspeaker and microphone is arecord and aplay, once a person is there: it takes the processor away
from what runs behind everybody else, as the scan of Wi-Fi does."""
ACPI = f"""
DefinitionBlock ("", "SSDT", 2, "CLONED", "LATCH", 1)
{{
    OperationRegion (LTCH, SystemIO, {LATCH:#x}, 1)
    Field (LTCH, ByteAcc, NoLock, Preserve) {{ PLUG, 1, OPEN, 1, , 1, LOOS, 1 }}
    Name (SEEN, 0xFF)
    Name (ASKS, 0)
    Scope (\\_SB)
    {{
        Device (AC0)
        {{
            Name (_HID, "ACPI0003")
            Name (_PCL, Package () {{ \\_SB }})
            Method (_PSR, 0)
            {{
                If (LOOS)
                {{
                    Increment (ASKS)
                    If (LEqual (ASKS, 8)) {{ Return (0) }}
                }}
                Return (PLUG)
            }}
            Method (_STA, 0) {{ Return (0x0F) }}
        }}
        Device (LID0)
        {{
            Name (_HID, EisaId ("PNP0C0D"))
            Method (_LID, 0) {{ Return (OPEN) }}
            Method (_STA, 0) {{ Return (0x0F) }}
        }}
        Device (BAT0)
        {{
            Name (_HID, EisaId ("PNP0C0A"))
            Name (_PCL, Package () {{ \\_SB }})
            Method (_STA, 0) {{ Return (0x1F) }}
            Method (_BIF, 0) {{ Return (Package () {{
                0, 50000, 45000, 1, 11400, 4500, 2250, 10, 10, "LAB", "0", "LION", "CLONED" }}) }}
            Method (_BST, 0) {{ Return (Package () {{ 2, 12000, 40000, 11400 }}) }}
        }}
        ThermalZone (TZ00)
        {{
            Name (_TZP, 10)
            Method (_CRT, 0) {{ Return (3800) }}
            Method (_TMP, 0)
            {{
                Store (OPEN, Local0)
                If (LNotEqual (Local0, SEEN))
                {{
                    Store (Local0, SEEN)
                    Notify (LID0, 0x80)
                }}
                Return (3000)
            }}
        }}
    }}
}}
"""
"""ACPI 6.5, §3.9, §9.4 (lid), §10.3 (charger), §11 (thermal zone, looked at ten tenths of a second apart).

A loose socket lets power go the eighth time that somebody looks: the first two looks begin the test.
"""
PANEL = (1366, 768, 309, 174)
"""Pixels and millimetres of a laptop of 14 inches."""

BIOS_SAYS = {"width": 1280, "height": 800, "width_mm": 325, "height_mm": 203}
"""Of QEMU's screen, by VBE/DDC."""


def edid() -> bytes:
    """Of such a panel (VESA E-EDID 1.4): its only timing, at 60 Hz."""
    width, height, wide, high = PANEL
    blank, lines = 160, 22
    clock = (width + blank) * (height + lines) * 60 // 10_000
    timing = struct.pack(
        "<HBBBBBBBBBBBBBBBB", clock, width & 255, blank, width >> 8 << 4, height & 255, lines, height >> 8 << 4, 48, 32,
        0x36, 0, wide & 255, high & 255, wide >> 8 << 4 | high >> 8, 0, 0, 0x18,
    )  # fmt: skip
    head = b"\0\xff\xff\xff\xff\xff\xff\0" + struct.pack(">H", 0x0C21) + bytes(8) + bytes((1, 4, 0x95, 31, 17, 120, 2))
    body = head + bytes(10) + bytes(3) + b"\1" * 16 + timing + (bytes((0, 0, 0, 0x10, 0)) + bytes(13)) * 3 + b"\0"
    return body + bytes((-sum(body) & 255,))


@pytest.fixture(scope="module")
def unpacked(system: LiveInfo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Debian, pack.PackRecipe]:
    """Debian's packages of a test pack with the stand-ins, of the live system's own kernel; and a place to work."""
    scratch = tmp_path_factory.mktemp("pack")
    shipped = pack.load(firmware=False)
    recipe = replace(
        shipped,
        packages=(*shipped.packages, "hostapd"),
        programs=(*shipped.programs, "hostapd"),
        modules=(*shipped.modules, *MODULES),
        modules_skip=(),
    )
    debian = Debian(pack._unpack(scratch / "debian", system.suite, recipe))
    if debian.kernel != system.kernel:
        pytest.skip(f"Debian has kernel {debian.kernel} by now, the live system {system.kernel}")
    return scratch, debian, recipe


@pytest.fixture(scope="module")
def stand_ins(unpacked: tuple[Path, Debian, pack.PackRecipe]) -> Path:
    """A test pack with them; the shipped one never holds them."""
    scratch, debian, recipe = unpacked
    tree = pack.PackTree(scratch / "tree", debian, recipe)
    tree.assemble()
    files: dict[str, str | bytes] = {
        "usr/lib/modprobe.d/stand-ins.conf": LOADED, f"{HERE}/start": START, f"{HERE}/hostapd.conf": HOSTAPD,
        f"{HERE}/jack.py": JACKED, "usr/lib/firmware/edid/laptop.bin": edid(),
    }  # fmt: skip
    for name, content in files.items():
        place = tree.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return tree.squash()


@pytest.fixture(scope="module")
def of_another_kernel(unpacked: tuple[Path, Debian, pack.PackRecipe]) -> Path:
    """A pack that was made for a kernel which the laptop does not run."""
    scratch, debian, _ = unpacked
    root, made = scratch / "another", scratch / "another.squashfs"
    (root / "usr/lib/modules/5.10.0-1-amd64").mkdir(parents=True)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/stress-ng").write_text("#!/bin/sh\nexit 0\n")
    debian.run("mksquashfs", root, made, "-noappend", "-no-progress", "-quiet")
    return made


ATTENDED = ("screen", "sound", "camera", "headphone", "lid", "charger")


class Desk(Server):
    """Wants Wi-Fi and disks tested by nobody, and then the parts that have stand-ins by a person."""

    def order(self) -> dict[str, Any]:
        told = {each["name"] for each in self.told("test")}
        alone = [name for name in ("wifi", "disk-read") if name not in told]
        if alone:
            return {"do": "wait", "screen": ["Waiting."], "tests": alone}
        left = [name for name in ATTENDED if name not in told]
        if not left and not self.chargers()[1:]:
            left = ["charger"]
        if not left:
            return {"do": "power", "action": "poweroff"}
        return {"do": "wait", "screen": ["Waiting."], "attended": {"tests": left, "layout": "us"}}

    def chargers(self) -> list[tuple[str, str]]:
        """What was found of its socket, each time."""
        told = [each for each in self.told("test") if each["name"] == "charger"]
        return [(each["result"], str(Phrase.read(each["why"]))) for each in told]

    def found(self) -> dict[str, tuple[str, str]]:
        return {each["name"]: (each["result"], str(Phrase.read(each["why"]))) for each in self.told("test")}


@dataclass
class WithParts(Machine):
    """A laptop with a lid, a charger, a battery and a panel, and a person at it."""

    def _command(self, port: int) -> list[str | Path]:
        source = self.folder / "latch.asl"
        source.write_text(ACPI)
        processes.run([processes.need(NEEDS), "-p", self.folder / "latch", source])
        return [*super()._command(port), "-serial", "null", "-acpitable", f"file={self.folder / 'latch.aml'}"]

    async def latch(self, bits: int) -> None:
        """What its switches stand at."""
        await self.monitor(f"o/b {LATCH:#x} {bits}")

    def shows(self, words: str) -> bool:
        """Since the tests with a person began."""
        return words in self.serial().rpartition("Press  T")[2]

    async def then(self, words: str, key: str = "") -> None:
        """It shows these words; a key is pressed."""
        await until(lambda: self.shows(words), words, lambda: self.serial()[-3000:], 200)
        if key:
            await self.monitor(f"sendkey {key}")

    async def again(self, following: str, *steps: Callable[[], Awaitable[None]]) -> None:
        """Until these words are shown, each time slower, as a person does whose laptop is busy."""
        for seconds in range(1, 20):
            for step in steps:
                await step()
                await asyncio.sleep(seconds)
            if self.shows(following):
                return
        raise TimeoutError((following, self.serial()[-3000:]))


async def test_parts_that_have_stand_ins_in_the_kernel_are_found_good_or_bad_as_they_are(
    folder: Path, system: LiveInfo, stand_ins: Path
) -> None:
    machine = WithParts(system, folder, 64 * MIB, append="drm.edid_firmware=Virtual-1:edid/laptop.bin")
    server = Desk(image(), machine.order_disk(), stage="offer")

    async def tests(_asked: web.Request) -> web.FileResponse:
        return web.FileResponse(stand_ins)

    running = asyncio.create_task(machine.run(server, web.get("/live/tests.squashfs", tests), seconds=850))
    await until(lambda: server.told("hello") != [], "its first word", machine.serial)
    await machine.latch(OPEN)
    await until(lambda: "Press  T  to test" in machine.serial(), "the result of Wi-Fi", lambda: server.heard, 400)
    await machine.latch(OPEN | AIR)
    await machine.monitor("sendkey t")
    await machine.then("Look for dead dots")
    await machine.again("Were all colours even", partial(machine.monitor, "sendkey spc"))
    for question in ("Were all colours even", "Did you hear the tone?", "Does the camera see you?"):
        await machine.then(question, "1")
    picture = machine.serial().rpartition("The camera looks")[2].rpartition("Does the camera see you?")[0]
    assert len([line for line in picture.splitlines() if len(line.strip()) > 40]) >= 18, picture
    assert len(set(picture)) > 6, "it has light and dark places"
    await machine.then("Plug headphones in")
    await machine.again("Close the lid", partial(machine.latch, OPEN | JACK), partial(machine.latch, OPEN))
    await machine.again("Plug the charger in.", partial(machine.latch, 0), partial(machine.latch, OPEN))
    before = machine.serial().count("Press  T")
    await machine.latch(OPEN | PLUG)
    await until(lambda: server.chargers() != [], "the result of the charger", machine.serial)
    await machine.latch(OPEN | PLUG | LOOSE)
    await until(lambda: machine.serial().count("Press  T") > before, "another test", machine.serial)
    await machine.monitor("sendkey t")
    await machine.then("is the plug still in its socket?", "1")
    said = await running
    assert server.chargers() == [
        ("passed", "power comes in"),
        ("failed", "power goes away when the plug is moved in its socket"),
    ]
    first, last = server.told("hello")[0]["hardware"], server.told("report")[-1]["parts"]
    assert first["panel"] == BIOS_SAYS, "before there is a driver"
    assert last == {"panel": dict(zip(BIOS_SAYS, PANEL, strict=True))}, "by the driver of the test pack"
    assert server.found() == {
        "disk-read": ("failed", "sda: cannot be read at 0.0 GB"),
        "wifi": ("passed", "networks heard: 1, the loudest at -30 dBm"),
        "screen": ("passed", "its backlight cannot be set here; 1366 x 768, 14.0 inch"),
        "sound": ("passed", "the microphone heard it"),
        "camera": ("passed", "it gives a picture"),
        "headphone": ("passed", "it notices when they come and go"),
        "lid": ("passed", "it notices when it is closed and opened"),
        "charger": server.chargers()[-1],
    }, said


class Clones(Server):
    """Wants the processor tested first, by a program of the pack, and then the laptop cloned."""

    def order(self) -> dict[str, Any]:
        if not self.told("test"):
            return {"do": "wait", "screen": ["Waiting."], "tests": ["processor"]}
        return super().order()


async def test_a_pack_for_another_kernel_is_left_alone_and_the_laptop_is_cloned_all_the_same(
    folder: Path, system: LiveInfo, of_another_kernel: Path
) -> None:
    machine = Machine(system, folder, 64 * MIB)
    server = Clones(image(), machine.order_disk())

    async def tests(_asked: web.Request) -> web.FileResponse:
        return web.FileResponse(of_another_kernel)

    said = await machine.run(server, web.get("/live/tests.squashfs", tests), seconds=550)
    [tested] = server.told("test")
    assert (tested["name"], tested["result"]) == ("processor", "skipped"), said
    assert str(Phrase.read(tested["why"])).endswith(f"the test pack is for another kernel than {system.kernel}"), tested
    assert [each["verdict"] for each in server.verdicts][-1] == "verified", said
    assert server.stage == "done", said
