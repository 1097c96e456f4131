"""The wall of a real daemon in real browsers, in two languages at once, over an evening of a dozen thin laptops."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from cloned.core.verbs import Role
from cloned.lab.bench.service import serving
from cloned.lab.daemon import DaemonProcess, server_address
from cloned.lab.forward import Forward
from cloned.lab.laptops import Firmware, LabDisk, identities
from cloned.lab.network import LabNetwork
from cloned.lab.thinbox import ThinBox
from cloned.status.people import People
from tests.interop.status.browser import Page, opened
from tests.interop.status.test_browser import typed

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

LAPTOPS = 12
DISK_BYTES = 512 << 20
LONGEST_SECONDS = 240.0
PASSWORD = "correct horse battery"
DONE = {"nl": "Klaar", "fr": "Terminé"}
OPEN = "document.getElementById('ask').open"


@dataclass
class Evening:
    """A workshop before anything is powered on."""

    daemon: DaemonProcess
    boxes: list[ThinBox]
    port: int
    """Of its page, on loopback."""
    pin: str

    async def states(self) -> dict[str, str]:
        return {each["id"]: each["state"] for each in await self.daemon.ask("/api/v1/laptops")}

    async def until(self, *states: str) -> None:
        """Every laptop is in one of these states, in the order of their ids."""
        end = asyncio.get_running_loop().time() + LONGEST_SECONDS
        while (found := sorted((await self.states()).values())) != sorted(states):
            assert asyncio.get_running_loop().time() < end, found
            await asyncio.sleep(0.5)


@asynccontextmanager
async def evening(folder: Path, laptops: int, page: tuple[str, ...] = ()) -> AsyncIterator[Evening]:
    """A daemon that is ready and clones nothing that nobody confirmed, and laptops that are off."""
    async with AsyncExitStack() as stack:
        state = folder / "state"
        state.mkdir(exist_ok=True)
        network = LabNetwork(f"cl{secrets.token_hex(2)}", laptops)
        stack.callback(network.close)
        network.build()
        boxes = []
        for who in identities(network.run, laptops, (Firmware.UEFI,)):
            (home := folder / f"laptop-{who.number}").mkdir()
            boxes.append(ThinBox(who, LabDisk.create(home / "disk", DISK_BYTES), home, network))
            boxes[-1].chooses = "clone"  # in its boot menu: nobody would wait for its own disk to start
            stack.callback(boxes[-1].close)
        network.plug_server()
        daemon = serving(folder, network)
        daemon.settings = replace(daemon.settings, confirm="ask", page=page)
        stack.push_async_callback(daemon.stop)
        pin = People(state).new_pin()
        People(state).add("Bart", Role.ADMINISTRATOR, PASSWORD)
        daemon.start()
        await daemon.ready()
        forward = await stack.enter_async_context(Forward(network.path(network.server), server_address(), 0))
        yield Evening(daemon, boxes, forward.port, pin)


def act(verb: str, times: int = 1) -> str:
    """The button that gives so many commands of a verb."""
    which = f"all.length === {times} && all[0].do === {json.dumps(verb)}"
    return (
        "[...document.querySelectorAll('.act')].find((each) => "
        f"{{ const all = [JSON.parse(each.dataset.commands)].flat(); return {which}; }})"
    )


async def signed_in(page: Page, secret: dict[str, str]) -> None:
    await page.run(f"post('/api/v1/sign-in', {json.dumps(secret)}).then(entered)")
    await page.until("document.body.classList.contains('signed-in')")


async def answer(page: Page, *also: str) -> None:
    """Say yes in the dialog, after what else is to be chosen in it."""
    for script in also:
        await page.run(script)
    await page.run("document.querySelector('dialog .go').click()")
    await page.until(f"!{OPEN}")


async def erase_one(page: Page, ident: str, address: str) -> None:
    """Enter alone erases nothing; chosen and said, it is ordered."""
    await page.go(f"{address}/laptops/{ident}")
    await page.until(f"!!{act('erase')}")  # once its agent has told what its disks can do
    await page.run(f"{act('erase')}.click()")
    assert await page.run("document.activeElement.hasAttribute('data-close')")
    await typed(page, "", gap=0.3)
    await page.until(f"!{OPEN}")
    await page.run(f"{act('erase')}.click()")
    assert "&" not in await page.run("document.getElementById('ask').innerText")
    await answer(page, "document.querySelector('dialog [name=level][value=clear]').click()")


async def test_an_evening_on_the_wall_in_two_languages(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(evening(tmp_path, LAPTOPS))
        address = f"http://127.0.0.1:{shop.port}"
        walls = {
            code: await stack.enter_async_context(opened(tmp_path / code, f"{address}/?lang={code}")) for code in DONE
        }
        for box in shop.boxes:
            box.power_on()
        for wall in walls.values():
            await wall.until(f"document.querySelectorAll('.tile.asking').length === {LAPTOPS}")
        await shop.until(*["asking"] * LAPTOPS)
        erased, *others = sorted(await shop.states())
        await signed_in(walls["fr"], {"name": "Bart", "password": PASSWORD})
        await erase_one(walls["fr"], erased, address)
        await shop.until("erased", *["asking"] * len(others))
        await walls["fr"].go(f"{address}/?lang=fr")

        await signed_in(walls["nl"], {"pin": shop.pin})
        await walls["nl"].until(f"!!{act('confirm', len(others))}")
        await walls["nl"].run(f"{act('confirm', len(others))}.click()")
        assert "sample" in await walls["nl"].run("document.getElementById('ask').innerText")
        await answer(walls["nl"])
        for wall in walls.values():
            await wall.until("document.querySelectorAll('.tile.asking, .tile.waiting').length === 0")
        shop.daemon.kill()
        for wall in walls.values():
            await wall.until("document.getElementById('offline').hidden === false")
        shop.daemon.start()
        await shop.daemon.ready()
        await shop.until("erased", *["done"] * len(others))
        for code, wall in walls.items():
            await wall.until("document.getElementById('offline').hidden")
            await wall.until(f"document.querySelectorAll('.tile.done').length === {len(others)}")
            assert DONE[code] in await wall.run("document.querySelector('.tile.done').innerText")

        [tag] = [each["tag"] for each in await shop.daemon.ask("/api/v1/laptops") if each["id"] == others[0]]
        await walls["nl"].run("document.activeElement.blur()")
        await typed(walls["nl"], tag)
        await walls["nl"].until(f"location.pathname === '/laptops/{others[0]}'")


async def test_both_roles_sign_in_over_tls(tmp_path: Path) -> None:
    made = trustme.CA().issue_cert("127.0.0.1")
    (state := tmp_path / "state").mkdir()  # where the daemon's user may read them
    made.private_key_and_cert_chain_pem.write_to_path(state / "page.pem")
    page = (f'certificate = "{state}/page.pem"', f'key = "{state}/page.pem"')
    async with evening(tmp_path, 1, page) as shop:
        address = f"https://127.0.0.1:{shop.port}"
        secrets_of = {"volunteer": {"pin": shop.pin}, "administrator": {"name": "Bart", "password": PASSWORD}}
        for role, secret in secrets_of.items():
            async with opened(tmp_path / role, f"{address}/", "--ignore-certificate-errors") as browser:
                await browser.until("typeof post === 'function'")
                await signed_in(browser, secret)
                [cookie] = (await browser.call("Network.getCookies"))["cookies"]
                assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
                told = await browser.run("post('/api/v1/commands', {do: 'reload'})")
                assert told["ok"] is (role == "administrator"), told
        async with opened(tmp_path / "plain", f"http://127.0.0.1:{shop.port}/", "--ignore-certificate-errors") as led:
            assert await led.run("location.protocol") == "https:"
