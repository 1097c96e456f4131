"""Two real browsers at a page whose engine, journal and ledger are the real ones: one number, asked for twice at once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from cloned.engine import Engine
from cloned.monitor import Monitor
from cloned.overview import Overview
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from tests.interop.status.browser import Page, opened
from tests.interop.status.test_browser import typed
from tests.unit.status.fakes import FakeRecords
from tests.waiting import until
from tests.wire.engine.test_numbers import house

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
TAG = "DM-2026-0042"


@dataclass
class Served:
    """Where it is, and the engine behind it."""

    engine: Engine
    url: str
    pin: str

    def tags(self) -> list[str]:
        return sorted(each.tag for each in self.engine.workshop.laptops.values())


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    """The page of a workshop with two laptops that have no number."""
    async with house(folder / "state") as (engine, control, _ledger):
        hub, auth = Hub(), Auth(folder)
        view = Overview(engine=engine, monitor=Monitor(engine, 1.0), control=control, name=lambda: "Deel IT")
        runner = web.AppRunner(create_app(view, FakeRecords(), auth, hub), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        at_work = asyncio.create_task(hub.run())
        yield Served(engine, f"http://127.0.0.1:{runner.addresses[0][1]}", auth.new_pin)
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await runner.cleanup()


@asynccontextmanager
async def browsers(served: Served, folder: Path, *codes: str) -> AsyncIterator[list[Page]]:
    """As many browsers as languages, each signed in."""
    async with AsyncExitStack() as stack:
        pages = []
        for code in codes:
            page = await stack.enter_async_context(opened(folder / code, f"{served.url}/?lang={code}"))
            await page.until("typeof post === 'function'")
            await page.run(f"post('/api/v1/sign-in', {{pin: '{served.pin}'}}).then(entered)")
            await page.until("document.body.classList.contains('signed-in')")
            pages.append(page)
        yield pages


async def scans(page: Page, laptop: str) -> None:
    """A number that nobody has, scanned, and the laptop chosen that is to get it; not yet sent."""
    await typed(page, TAG)
    await page.until("document.getElementById('ask').open")
    await page.run(f"document.querySelector('dialog [name=target][value=\"{laptop}\"]').click()")


SENT = "document.querySelector('dialog .go').click()"
TOLD = "document.querySelector('dialog .wrong').textContent"


async def test_one_number_from_two_browsers_in_the_same_moment_goes_to_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, browsers(served, tmp_path, "nl", "fr") as pages:
        laptops = list(served.engine.workshop.laptops)
        await asyncio.gather(*map(scans, pages, laptops))
        await asyncio.gather(*(page.run(SENT) for page in pages))
        ends = [f"location.pathname === '/laptops/{laptop}' || !!({TOLD})" for laptop in laptops]
        await asyncio.gather(*(page.until(end) for page, end in zip(pages, ends, strict=True)))
        assert served.tags() == ["", TAG]
        at = [await page.run("location.pathname") for page in pages]
        [won] = [laptop for laptop, path in zip(laptops, at, strict=True) if path == f"/laptops/{laptop}"]
        assert served.engine.workshop.laptops[won].tag == TAG
        lost = laptops.index(won) ^ 1
        said = await pages[lost].run(TOLD)
        serial = served.engine.workshop.laptops[won].facts.identity.serial
        assert TAG in said
        assert serial in said or won in said
        assert ("staat op laptop" if lost == 0 else "sur le portable") in said


async def test_a_scan_into_a_half_filled_field_for_a_number_takes_the_place_of_what_stood_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, browsers(served, tmp_path, "nl") as [page]:
        ident = next(iter(served.engine.workshop.laptops))
        await page.go(f"{served.url}/laptops/{ident}")
        await page.until("document.body.classList.contains('signed-in')")
        await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Nummer').click()")
        await page.until("document.activeElement.matches('dialog input[name=text]')")
        await typed(page, "DM-20", gap=0.12, end="")  # as a person types
        await typed(page, TAG)
        await until(lambda: served.engine.workshop.laptops[ident].tag == TAG)
        await page.until("!document.getElementById('ask').open")
        assert served.tags() == ["", TAG]
