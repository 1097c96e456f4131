"""Debian's Chromium by the DevTools protocol, and axe-core in its pages."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0 --window-size=1280,900"
)
AXE = Path(__file__).resolve().parents[2] / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Page:
    """A tab."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket, self.count = socket, 0
        self.said: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> Any:
        self.count += 1
        await self.socket.send_json({"id": self.count, "method": method, "params": params})
        async with asyncio.timeout(60):
            while True:
                answer = json.loads((await self.socket.receive()).data)
                if answer.get("id") == self.count:
                    return answer["result"]
                self.said.append(answer)

    async def run(self, script: str) -> Any:
        """The value of a script, which may wait for something."""
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until a script says yes; a page that is just going has no answer yet."""
        end = asyncio.get_running_loop().time() + 60
        while not await self.run(script):
            assert asyncio.get_running_loop().time() < end, f"{script}: {await self.run('document.body.innerText')}"
            await asyncio.sleep(0.1)

    async def go(self, address: str) -> None:
        """Another page, whole."""
        await self.run("window.old = true")
        await self.call("Page.navigate", url=address)
        await self.until("!window.old && document.readyState === 'complete'")

    async def look(self, width: int, height: int, scale: float = 1.0, theme: str = "light") -> None:
        """As on a screen of so many pixels, in a theme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    async def picture(self, to: Path, *, whole: bool = False) -> None:
        """What is on the screen, as PNG; `whole`: all of the page."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(base64.b64decode(shot["data"]))

    async def faults(self) -> list[str]:
        """What axe-core finds wrong with the page as it is now: rule, place and why, a line each."""
        if not await self.run("typeof axe === 'object'"):
            await self.run(AXE.read_text(encoding="utf-8") + "; 0")
        options = json.dumps({"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
        found = await self.run(f"axe.run(document, {options}).then((all) => JSON.stringify(all.violations))")
        return [
            f"{rule['id']}: {node['target']}: {node['failureSummary']}"
            for rule in json.loads(found)
            for node in rule["nodes"]
        ]


@contextlib.asynccontextmanager
async def opened(folder: Path, address: str, *words: str) -> AsyncIterator[Page]:
    """A browser of its own with one page open; `words` are options of it."""
    profile = folder / "profile"
    with tempfile.TemporaryDirectory(prefix="cr-", ignore_cleanup_errors=True) as short:  # of its sockets: 108 bytes
        process = await asyncio.create_subprocess_exec(
            "chromium", *QUIET.split(), *words, f"--user-data-dir={profile}", address, env={**os.environ, "TMPDIR": short},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            async with (
                ClientSession() as session,
                session.ws_connect(await _tab(session, profile), max_msg_size=1 << 28) as it,
            ):
                page = Page(it)
                await page.call("Runtime.enable")
                await page.call("Log.enable")
                await page.until("location.protocol !== 'about:' && document.readyState === 'complete'")
                yield page
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its helpers still write into what is removed next


async def _tab(session: ClientSession, profile: Path) -> str:
    """The address of the browser's one tab, once it is there."""
    async with asyncio.timeout(60):
        told = profile / "DevToolsActivePort"
        while not (lines := told.read_text(encoding="ascii").splitlines() if told.exists() else []):  # empty at first
            await asyncio.sleep(0.1)
        port = lines[0]
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [each for each in await answer.json() if each["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.1)
