"""Camera and Wi-Fi in QEMU: the kernel's own stand-ins, from the live system's own kernel package, in a pack of this test alone.

`vivid` gives the pictures of a camera, `mac80211_hwsim` radios that scan an empty air; what looks at them are the agent
and `iw`, as on a laptop.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.live import LiveInfo, pack
from cloned.live.rootfs import Debian
from cloned.saying import Phrase
from tests.lab.agent.machine import Machine
from tests.lab.agent.test_attended import until
from tests.wire.agent.bench import MIB, Server, image

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

MODULES = ("drivers/media/test-drivers/vivid/vivid.ko", "drivers/net/wireless/mac80211_hwsim.ko")
LOADED = """
softdep psmouse post: vivid mac80211_hwsim
options vivid n_devs=1 node_types=0x1
options mac80211_hwsim radios=2
"""
"""The mouse of QEMU is there, and brings them along (modprobe.d(5))."""


@pytest.fixture(scope="module")
def unpacked(system: LiveInfo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Debian, pack.PackRecipe]:
    """Debian's packages of a test pack with the stand-ins, of the live system's own kernel; and a place to work."""
    scratch = tmp_path_factory.mktemp("pack")
    shipped = pack.load(firmware=False)
    recipe = replace(shipped, modules=(*shipped.modules, *MODULES), modules_skip=())
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
    loaded = tree.root / "usr/lib/modprobe.d/stand-ins.conf"
    loaded.parent.mkdir(parents=True, exist_ok=True)
    loaded.write_text(LOADED)
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


class Desk(Server):
    """Wants the camera tested by a person, and Wi-Fi by nobody."""

    def order(self) -> dict[str, Any]:
        told = {each["name"] for each in self.told("test")}
        if {"camera", "wifi"} <= told:
            return {"do": "power", "action": "poweroff"}
        alone = [] if "wifi" in told else ["wifi"]
        attended = {"tests": ["camera"], "layout": "us"} if "camera" not in told and "wifi" in told else {}
        return {"do": "wait", "screen": ["Waiting."], "tests": alone, "attended": attended}


async def test_a_camera_gives_its_picture_and_a_wireless_card_is_asked_what_it_hears(
    folder: Path, system: LiveInfo, stand_ins: Path
) -> None:
    machine = Machine(system, folder, 64 * MIB)
    server = Desk(image(), machine.order_disk(), stage="offer")

    async def tests(_asked: web.Request) -> web.FileResponse:
        return web.FileResponse(stand_ins)

    running = asyncio.create_task(machine.run(server, web.get("/live/tests.squashfs", tests), seconds=900))
    await until(lambda: "Press  T  to test" in machine.serial(), "the result of Wi-Fi", lambda: server.heard, 400)
    await machine.monitor("sendkey t")
    await until(lambda: "Does the camera see you?" in machine.serial(), "a picture", lambda: server.told("test"))
    picture = machine.serial().rpartition("The camera looks")[2].rpartition("Does the camera see you?")[0]
    assert len([line for line in picture.splitlines() if len(line.strip()) > 40]) >= 18, picture
    assert len(set(picture)) > 6, "it has light and dark places"
    await machine.monitor("sendkey 1")
    said = await running
    found = {each["name"]: (each["result"], str(Phrase.read(each["why"]))) for each in server.told("test")}
    assert found["camera"] == ("passed", "it gives a picture"), said
    assert found["wifi"] == ("skipped", "it hears no network: there is none here, or its antenna is off"), found


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
