"""The tests with a person on a laptop in QEMU: its keyboard and mouse are driven, sticks come and go, its speaker is heard."""

from __future__ import annotations

import array
import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.agent import keyboards, tones
from cloned.lab.camera import LabCamera
from cloned.live import LiveInfo, pack
from cloned.saying import Phrase
from tests.lab.agent.machine import Machine
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ALL = ["keyboard", "touchpad", "screen", "sound", "camera", "usb-ports", "headphone", "lid", "charger"]
EXTENDED = {100: "alt_r", 103: "up", 105: "left", 106: "right", 108: "down"}
"""Keys whose scan code is not their number in Linux, as QEMU's `sendkey` calls them."""
FEW, TRIES = 6, 6
SPEAKER = 44_100
"""Samples a second of QEMU's recording; two channels."""


class Desk(Server):
    """Wants every test with a person until it was told of it; the laptop waits meanwhile."""

    layout = "be"

    def order(self) -> dict[str, Any]:
        told = {each["name"] for each in self.told("test")}
        left = [name for name in ALL if name not in told]
        if not left:
            return {"do": "power", "action": "poweroff"}
        return {"do": "wait", "screen": ["Waiting."], "attended": {"tests": left, "layout": self.layout}}

    def found(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.told("test")}


@dataclass
class WithParts(Machine):
    """A laptop with sound and USB."""

    def _command(self, port: int) -> list[str | Path]:
        return [
            *super()._command(port), "-audiodev", f"wav,id=sound,path={self.folder / 'speaker.wav'}",
            "-device", "intel-hda", "-device", "hda-duplex,audiodev=sound", "-device", "usb-ehci,id=usb",
            "-chardev", f"socket,id=camera,path={self.folder / 'camera'},reconnect=1",
            "-device", "usb-redir,chardev=camera,bus=usb.0,port=6",
        ]  # fmt: skip

    async def press(self, *codes: int) -> None:
        for code in codes:
            await self.monitor(f"sendkey {EXTENDED.get(code, hex(code))}")


async def until(true: Callable[[], bool], what: str, told: Callable[[], object] = str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: {told()}")
        await asyncio.sleep(0.2)


async def test_a_person_tests_a_laptop_in_two_minutes(
    folder: Path, system: LiveInfo, request: pytest.FixtureRequest
) -> None:
    packed = pack.build(system)
    camera = LabCamera(folder / "camera")  # it answers on the bus, and gives no picture
    request.addfinalizer(camera.close)
    machine = WithParts(system, folder, 64 * MIB)
    server = Desk(image(), machine.order_disk(), stage="offer")
    fetched: list[str] = []

    async def tests(asked: web.Request) -> web.FileResponse:
        fetched.append(asked.path)
        return web.FileResponse(packed.squashfs)

    running = asyncio.create_task(machine.run(server, web.get("/live/tests.squashfs", tests), seconds=900))
    shows = lambda words: lambda: words in machine.serial().rpartition("Press  T")[2]  # noqa: E731
    await until(lambda: "Press  T  to test keyboard" in machine.serial(), "the invitation")
    assert fetched == [], "nobody wants it yet"
    await machine.press(20)
    await until(shows("Press every key once."), "the keyboard's test")
    await machine.press(46)  # a C there confirms nothing
    await every_key(machine, server)
    await until(shows("Move a finger"), "the touchpad's test")
    await machine.monitor("mouse_move 40 30")
    await machine.monitor("mouse_button 1")
    await machine.monitor("mouse_button 0")
    await until(lambda: "touchpad" in server.found(), "the touchpad to be noticed", machine.serial)
    await until(shows("Look for dead dots"), "the screen's test")
    await until_told(machine, server, "screen", 57, shows("Were all colours even"))
    await machine.press(2)
    await until(lambda: "screen" in server.found(), "the screen's result")
    await until(shows("Did you hear the tone?"), "the tone's end", server.found)
    await machine.press(2)
    await until(shows("Plug a stick or a mouse"), "the ports' test")
    for port in (1, 2):
        await machine.monitor(f"device_add usb-mouse,id=m{port},bus=usb.0,port={port},usb_version=2")
        await until(shows(f"Ports that noticed it: {port}"), f"port {port} to notice it")
        await machine.monitor(f"device_del m{port}")
    await machine.press(3)
    said = await running
    found = {name: (each["result"], str(Phrase.read(each["why"]))) for name, each in server.found().items()}
    assert found["keyboard"] == ("passed", "all 61 keys of layout be answer"), said
    assert found["touchpad"] == ("passed", "it moves both ways and clicks")
    assert found["screen"][0] == "passed"
    assert found["sound"] == ("passed", "the microphone did not hear it"), "QEMU's microphone is silent"
    assert found["camera"] == ("failed", "a camera is there, and its driver gets nothing out of it")
    assert found["usb-ports"][0] == "failed", "the person said so"
    assert found["usb-ports"][1].startswith("2 ports noticed")
    assert [found[name][0] for name in ("headphone", "lid", "charger")] == ["skipped"] * 3
    assert server.told("confirm") == []
    assert fetched == ["/live/tests.squashfs"]
    assert spoken(folder / "speaker.wav"), "the tone is in what came out of the loudspeaker"


async def every_key(machine: WithParts, server: Desk) -> None:
    """As a person does: a few at a time, and those again that did not light up on a laptop that was busy."""

    def to_go() -> int:
        counts = re.findall(r"(\d+) keys to go", machine.serial())
        return 0 if "keyboard" in server.found() else int(counts[-1]) if counts else len(codes)

    codes = sorted(keyboards.expected("be") - {1})
    codes.insert(3, 1)  # Escape twice in a row leaves
    for at in range(0, len(codes), FEW):
        few = codes[at : at + FEW]
        for _ in range(TRIES):
            await machine.press(*few)
            with suppress(TimeoutError):
                left = len(codes) - at - len(few)
                await until(lambda left=left: to_go() <= left, "keys to light up", machine.serial, 20)  # type: ignore[misc]
                break
        else:
            raise TimeoutError(f"{few} never lit up: {machine.serial()[-2000:]}")
    await until(lambda: to_go() == 0, "the keyboard's result", machine.serial)


async def until_told(machine: WithParts, server: Desk, name: str, key: int, shown: Callable[[], bool]) -> None:
    """Press a key for each picture until the question comes."""
    for _ in range(12):
        if shown():
            return
        await machine.press(key)
        await asyncio.sleep(1)
    raise AssertionError(f"{name}: {machine.serial()[-2000:]}")


def spoken(file: Path) -> bool:
    """Whether a part of a second of the recording has the tone and little else."""
    samples = array.array("h", file.read_bytes()[44:][: (file.stat().st_size - 44) // 4 * 4])[::2]
    for at in range(0, len(samples) - SPEAKER // 4, SPEAKER // 8):
        part = samples[at : at + SPEAKER // 4]
        strong = tones.power(part, tones.HERTZ, SPEAKER)
        if strong > 300 and strong > 6 * tones.power(part, tones.HERTZ * 1.25, SPEAKER):
            return True
    return False
