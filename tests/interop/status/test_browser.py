"""The page in a real browser: it follows the events, keeps to its security policy, signs in and acts."""

from __future__ import annotations

import asyncio
import shutil
import time

import pytest
from aiohttp import web

from cloned.core.verbs import Role
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from cloned.status.people import People
from tests.interop.status.browser import opened
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]


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
    async with opened(tmp_path, served[1]) as page:
        await page.until("!!document.querySelector('.tile')")
        yield page


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
    assert [(each.do, each.target, each.disk, each.by) for each in workshop.commands] == [
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
    assert (command.disk, command.image) == (workshop.state["laptops"][18]["disks"][1]["key"], "school-2026")


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


async def typed(page, text, gap=0.0, end="\r"):
    """What a keyboard sends; a scanner's is one without gaps, and all of it ends with Enter.

    Each key has its own time: a busy machine makes no person of a scanner.
    """
    begin = time.time()
    for number, char in enumerate([*text, *end]):
        key = {"key": "Enter", "windowsVirtualKeyCode": 13} if char == "\r" else {"key": char}
        key["timestamp"] = begin + number * max(gap, 0.002)
        await page.call("Input.dispatchKeyEvent", type="keyDown", text=char, **key)
        await page.call("Input.dispatchKeyEvent", type="keyUp", **key)
        await asyncio.sleep(gap)


async def test_a_scan_leads_to_its_laptop_from_wherever_the_keyboard_is(page, served):
    workshop, _, _ = served
    laptop = next(each for each in workshop.state["laptops"] if each["tag"])
    await page.run("document.activeElement.blur()")
    await typed(page, laptop["tag"])
    await page.until(f"location.pathname === '/laptops/{laptop['id']}'")


async def test_a_number_that_nobody_has_is_given_to_the_laptop_one_chooses(page, served):
    workshop, _, pin = served
    await page.run(f"post('/api/v1/sign-in', {{pin: '{pin}'}}).then(entered)")
    await typed(page, "DM-2026-0077")
    await page.until("document.getElementById('ask').open")
    assert "DM-2026-0077" in await page.run("document.querySelector('dialog h2').textContent")
    assert await page.run("document.querySelector('dialog [name=target]:checked')") is None
    await page.run("document.querySelector('dialog [name=target][value=\"00000004\"]').click()")
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("location.pathname === '/laptops/00000004'")
    [command] = workshop.commands
    assert (command.do, command.target, command.text) == ("tag", "00000004", "DM-2026-0077")


async def test_a_scan_into_a_dialog_that_asks_for_something_else_answers_nothing(page, served):
    workshop, _, pin = served
    await page.run(f"post('/api/v1/sign-in', {{pin: '{pin}'}}).then(entered)")
    await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Confirm 2').click()")
    assert await page.run("document.activeElement.hasAttribute('data-close')")
    await typed(page, "0401")
    assert await page.run("document.getElementById('ask').open")
    assert "scan" in await page.run("document.querySelector('.wrong').textContent")
    assert workshop.commands == []
    await typed(page, "", gap=0.3)  # Enter by hand is Back, where the focus is
    await page.until("!document.getElementById('ask').open")
    assert workshop.commands == []


async def test_the_same_is_done_with_every_laptop_that_is_chosen_also_after_the_list_moved(page, served):
    workshop, url, pin = served
    await page.run(f"post('/api/v1/sign-in', {{pin: '{pin}'}})")
    await page.call("Page.navigate", url=f"{url}/laptops")
    await page.until("location.pathname === '/laptops' && document.readyState === 'complete'")
    await page.run("['0000001d', '0000001c'].forEach((id) => document.querySelector(`[value=\"${id}\"]`).click())")
    workshop.state["laptops"].append(workshop.state["laptops"][0] | {"id": "0000ffff", "number": 99, "tag": "0499"})
    await page.until("document.querySelector('[value=\"0000ffff\"]') !== null")
    await page.run("[...document.querySelectorAll('.act')].find((each) => each.textContent === 'Pause').click()")
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("!document.getElementById('ask').open")
    assert sorted(each.target for each in workshop.commands) == ["0000001c", "0000001d"]


async def test_somebody_signs_in_by_name_and_sees_what_administrators_see(page, served, tmp_path):
    People(tmp_path).add("Bart", Role.ADMINISTRATOR, "correct horse battery")
    await page.run("document.getElementById('sign-in').click()")
    await page.run("document.querySelector('.entrance button').click()")
    for name, value in (("name", "Bart"), ("password", "correct horse battery")):
        await page.run(f"document.querySelector('dialog [name={name}]').value = '{value}'")
    await page.run("document.querySelector('dialog .go').click()")
    await page.until("document.body.classList.contains('administrator')")
    assert await page.run("document.querySelector('.who').textContent") == "Bart"
    await page.run("document.getElementById('sign-in').click()")
    await page.until("!document.body.classList.contains('signed-in')")
