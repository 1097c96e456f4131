"""The page in a real browser: it follows the events, keeps to its security policy, signs in and acts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from tests.unit.status.workshops import FakeRecords, FakeWorkshop

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0 --window-size=1280,900"
)


class Page:
    """A tab, by the DevTools protocol."""

    def __init__(self, socket):
        self.socket, self.count, self.said = socket, 0, []

    async def call(self, method, **params):
        self.count += 1
        await self.socket.send_json({"id": self.count, "method": method, "params": params})
        async with asyncio.timeout(20):
            while True:
                answer = json.loads((await self.socket.receive()).data)
                if answer.get("id") == self.count:
                    return answer["result"]
                self.said.append(answer)

    async def run(self, script):
        """The value of a script, which may wait for something."""
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def until(self, script):
        async with asyncio.timeout(20):
            while not await self.run(script):
                await asyncio.sleep(0.1)


@pytest.fixture
async def served(tmp_path):
    workshop, hub = FakeWorkshop(), Hub()
    auth = Auth(tmp_path)
    app = create_app(workshop, FakeRecords(), auth, hub)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    serving = asyncio.create_task(hub.run())
    yield workshop, f"http://127.0.0.1:{runner.addresses[0][1]}", auth.new_pin
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await runner.cleanup()


@pytest.fixture
async def page(served, tmp_path):
    profile = tmp_path / "profile"
    process = await asyncio.create_subprocess_exec(
        "chromium", *QUIET.split(), f"--user-data-dir={profile}", served[1],
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with ClientSession() as session, session.ws_connect(await tab(session, profile)) as socket:
            page = Page(socket)
            await page.call("Runtime.enable")
            await page.call("Log.enable")
            await page.until("document.readyState === 'complete' && !!document.querySelector('.tile')")
            yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def tab(session, profile: Path) -> str:
    """The address of the browser's one tab, once it is there."""
    async with asyncio.timeout(30):
        while not (profile / "DevToolsActivePort").exists():
            await asyncio.sleep(0.1)
        port = (profile / "DevToolsActivePort").read_text(encoding="ascii").splitlines()[0]
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [each for each in await answer.json() if each["type"] == "page"]
            if tabs:
                return tabs[0]["webSocketDebuggerUrl"]
            await asyncio.sleep(0.1)


def tile(ident):
    return f"document.querySelector('[data-part=\"tile-{ident}\"]')"


async def test_the_page_follows_what_happens_without_being_loaded_again(page, served):
    workshop, _, _ = served
    await page.run(f"window.kept = {tile('00000003')}.firstElementChild")
    workshop.state["laptops"][2] |= {"state": "done", "progress": None}
    await page.until(f"{tile('00000003')}.textContent.includes('Done')")
    assert await page.run(f"window.kept === {tile('00000003')}.firstElementChild")
    workshop.state["laptops"].pop()
    await page.until(f"{tile('0000001e')} === null")
    assert not [each for each in page.said if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]


async def test_a_server_that_went_away_is_said_and_comes_back_by_itself(page, served):
    await page.run("source.onerror()")
    assert await page.run("document.getElementById('offline').hidden") is False
    await page.run("source.close(); listen()")
    await page.until("document.getElementById('offline').hidden")


async def test_a_volunteer_signs_in_and_confirms_two_laptops(page, served):
    workshop, _, pin = served
    wrong = "000000" if pin != "000000" else "111111"
    await page.run("document.getElementById('sign-in').click()")
    for given in (wrong, pin):
        await page.run(f"document.querySelector('.pin').value = '{given}'")
        await page.run("document.querySelector('dialog .go').click()")
        await page.until(
            "document.querySelector('.wrong').textContent.includes('not the PIN')" if given == wrong
            else "document.body.classList.contains('signed-in') && !document.getElementById('ask').open"
        )  # fmt: skip
    await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Confirm 2').click()")
    shown = await page.run("document.getElementById('ask').innerText")
    assert "S3ZHNX0K0007" in shown
    assert "school-2026" in shown
    assert workshop.commands == []
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("!document.getElementById('ask').open")
    assert [(each["do"], each["target"], each["disk"], each["by"]) for each in workshop.commands] == [
        ("confirm", f"{number:08x}", f"eui.00253858{number:08x}", "page") for number in (7, 13)
    ]


async def test_where_there_are_two_disks_none_is_chosen_for_the_volunteer(page, served):
    workshop, url, pin = served
    await page.run(f"post('/api/v1/sign-in', {{pin: '{pin}'}})")
    await page.call("Page.navigate", url=f"{url}/laptops/00000013")
    await page.until("location.pathname !== '/' && document.readyState === 'complete'")
    await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Confirm').click()")
    await page.run("document.querySelector('dialog .go').click()")
    assert workshop.commands == []
    await page.run("document.querySelectorAll('dialog [name=disk]')[1].click()")
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("!document.getElementById('ask').open")
    [command] = workshop.commands
    assert (command["disk"], command["image"]) == (workshop.state["laptops"][18]["disks"][1]["key"], "school-2026")


async def test_what_the_engine_refuses_is_said_in_the_dialog(page, served):
    from cloned.errors import UsageError

    workshop, url, pin = served
    await page.run(f"post('/api/v1/sign-in', {{pin: '{pin}'}})")
    workshop.error = UsageError("laptop 9 is at work", "cancel it first")
    await page.call("Page.navigate", url=f"{url}/laptops/00000009")
    await page.until("location.pathname !== '/' && document.readyState === 'complete'")
    await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Retry').click()")
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("document.querySelector('.wrong').textContent === 'laptop 9 is at work. cancel it first'")
    assert await page.run("document.getElementById('ask').open")
