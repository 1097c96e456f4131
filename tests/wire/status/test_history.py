"""A history that was written while everything spoke English is read in French after a restart: journal and page."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from cloned.control import Control
from cloned.core.disks import Disk
from cloned.core.events import Command, Failed, Hello, ImageInfo, ImageKnown
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, State
from cloned.core.reasons import Reason
from cloned.engine import Engine
from cloned.languages import language
from cloned.monitor import Monitor
from cloned.overview import Overview
from cloned.saying import Phrase
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from tests.unit.status.fakes import FakeRecords
from tests.wire.engine.test_numbers import house

pytestmark = pytest.mark.wire

DISK = Disk("/dev/sda", 250 * 10**9, serial="S1")
IMAGE = ImageInfo("school", "a" * 64, 10**9, 20 * 10**9, unusable=Phrase("it is being checked"))
STOOD_STILL = Phrase("{program} did not end within {timeout} s", program="sfdisk", timeout=9)


async def happens(engine: Engine, control: Control) -> LaptopId:
    """A laptop that is confirmed, waits, fails, is tried again, fails again."""
    facts = Facts(Identity(serial="PF0"), "02:00:00:00:00:00", "uefi", disks=(DISK,))
    await engine.submit(ImageKnown(IMAGE))
    await engine.submit(Hello("t0", facts, "10.0.0.9"))
    found = engine.workshop.boots["t0"].laptop
    assert found is not None
    await control.command(Command("confirm", "Ann", found, image="school", disk=DISK.key))
    await engine.submit(Failed(found, str(Reason.LAYOUT_FAILED), STOOD_STILL))
    await control.command(Command("retry", "Ann", found))
    await engine.submit(Failed(found, str(Reason.LAYOUT_FAILED), STOOD_STILL))
    return found


async def read(engine: Engine, control: Control, folder: Path, ident: str, code: str) -> list[str]:
    """The lines of its history on its page, in a language."""
    view = Overview(engine=engine, monitor=Monitor(engine, 1.0), control=control, name=lambda: "Deel IT")
    runner = web.AppRunner(create_app(view, FakeRecords(), Auth(folder), Hub()), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/laptops/{ident}?lang={code}"
        async with ClientSession() as session, session.get(address) as answer:
            said = html.unescape(await answer.text())
    finally:
        await runner.cleanup()
    assert f'<html lang="{code}"' in said
    rows = re.findall(r"<li><time>[^<]*</time><b class=\"dot (.*?)</li>", said)
    return [" ".join(re.sub(r"^[^>]*>|<[^>]*>", " ", row).replace("\xa0", " ").split()) for row in rows]


async def test_what_happened_in_english_is_read_in_french_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path / "one") as (engine, control, _ledger):
        ident = await happens(engine, control)
        assert engine.workshop.laptops[ident].state is State.ASIDE
        told = [await read(engine, control, tmp_path, ident, code) for code in ("en", "fr", "nl")]
    async with house(tmp_path / "one", 0) as (engine, control, _ledger):
        again = [await read(engine, control, tmp_path, ident, code) for code in ("en", "fr", "nl")]
    assert again == told
    english, french, dutch = again
    assert len(english) == len(french) == len(dutch) > 4
    assert any("sfdisk did not end within 9 s" in line for line in english)
    for code, lines in (("fr", french), ("nl", dutch)):
        assert any(language(code).say(STOOD_STILL) in line for line in lines)
        assert not set(english) & set(lines)
