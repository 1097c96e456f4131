"""Every page and every dialog in Chromium: axe-core finds nothing, in each language and theme; what it once found stays mended."""

from __future__ import annotations

import json
import shutil

import pytest

from cloned.languages import CODES
from cloned.status.app import ROUTES
from tests.interop.status.browser import opened
from tests.interop.status.conftest import PASSWORD, serving
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeWorkshop

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
NOT_DRAWN = {"/metrics", "/healthz", "/readyz", "/events"}
NAMED = {"id": "00000003", "code": "still-differs"}
PAGES = (
    *(
        path.format(**NAMED)
        for method, path, _ in ROUTES
        if method == "GET" and "." not in path and not path.startswith("/api") and path not in NOT_DRAWN
    ),
    "/no-such-page",
)
"""Every page that there is: a new one is looked at from its first day."""


def few():
    """Three laptops: one that asks, one at work, one set aside."""
    snapshot = workshops.busy()
    chosen = {"00000003", "00000007", "00000009"}
    return snapshot | {"laptops": [each for each in snapshot["laptops"] if each["id"] in chosen]}


async def signed_in(page, served, role):
    """Whoever has this role, in the browser."""
    await page.until("typeof post === 'function' && document.readyState === 'complete'")
    given = {"pin": served.pin} if role == "volunteer" else {"name": "Bart", "password": PASSWORD}
    await page.run(f"post('/api/v1/sign-in', {json.dumps(given)}).then(entered)")
    await page.until(f"document.body.classList.contains('{role}')")


def test_every_page_is_looked_at():
    assert {"/", "/laptops", "/laptops/00000003", "/help/still-differs", "/erasures", "/check", "/sign-in"} < set(PAGES)


async def test_no_page_of_three_laptops_is_at_fault_in_any_language(tmp_path):
    async with serving(tmp_path, FakeWorkshop(few())) as served, opened(tmp_path, served.url) as page:
        found = []
        for address in (f"{path}?lang={code}" for code in CODES for path in PAGES):
            await page.go(served.url + address)
            assert await page.run("location.search.endsWith(document.documentElement.lang)")
            found += [(address, fault) for fault in await page.faults()]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ["volunteer", "administrator"])
async def test_no_page_of_a_busy_evening_is_at_fault_in_either_theme(house, tmp_path, theme, role):
    extra = ["/laptops/00000007", "/laptops/00000009", "/laptops/00000013", "/laptops/0000001d", "/laptops/nobody"]
    async with opened(tmp_path, house.url) as page:
        await page.look(1280, 900, theme=theme)
        await signed_in(page, house, role)
        found = []
        for path in [*PAGES, *extra]:
            await page.go(f"{house.url}{path}?lang=nl")
            found += [(path, fault) for fault in await page.faults()]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("code", CODES)
async def test_no_dialog_is_at_fault_and_none_that_erases_is_answered_by_enter(house, tmp_path, theme, code):
    async with opened(tmp_path, house.url) as page:
        await page.look(1280, 900, theme=theme)
        await page.go(f"{house.url}/?lang={code}")
        await page.run("document.getElementById('sign-in').click()")
        assert await page.faults() == []
        await page.run("document.querySelector('.entrance button').click()")
        assert await page.faults() == []
        await page.run("document.querySelector('[data-close]').click()")
        await signed_in(page, house, "administrator")
        for path in (
            "/",
            "/laptops/00000013",
            "/laptops/00000007",
            "/laptops/00000009",
            "/laptops/00000003",
            "/sessions",
            "/inventory",
        ):
            await page.go(f"{house.url}{path}")
            await _each_dialog(page)
        await page.go(f"{house.url}/laptops")
        await page.run("document.querySelectorAll('.act')[1].click()")
        assert await page.faults() == []  # nothing was chosen, which is said
        await page.run("document.querySelector('[data-close]').click()")
        await page.run("document.querySelectorAll('input[name=laptop]').forEach((box) => box.click())")
        await _each_dialog(page)


async def _each_dialog(page):
    for number in range(await page.run("document.querySelectorAll('.act').length")):
        await page.run(f"document.querySelectorAll('.act')[{number}].click()")
        title = await page.run("document.querySelector('dialog h2').textContent")
        assert (title, await page.faults()) == (title, [])
        if await page.run("!!document.querySelector('dialog .go.danger')"):
            assert await page.run("document.activeElement.matches('[data-close]')"), title
        assert await page.run("document.querySelector('dialog').contains(document.activeElement)"), title
        await page.run("document.querySelector('[data-close]').click()")


async def test_what_axe_and_vnu_once_found_stays_mended(house, tmp_path):
    async with opened(tmp_path, house.url) as page:
        for path in PAGES:
            await page.go(f"{house.url}{path}")
            assert (path, await page.run("document.querySelectorAll('h1').length")) == (path, 1)
            assert (
                await page.run(
                    "[...document.querySelectorAll('time')].filter((each) => !each.textContent.trim()).length"
                )
                == 0
            )
            ids = await page.run("JSON.stringify([...document.querySelectorAll('[id]')].map((each) => each.id))")
            assert len(set(json.loads(ids))) == len(json.loads(ids)), path
        await page.go(house.url)
        named = "document.querySelector('dialog').getAttribute('aria-labelledby')"
        before = await page.run(f"document.getElementById({named}).textContent")
        assert before, "no heading is empty, a hidden one neither"
        await page.run("document.getElementById('sign-in').click()")
        assert await page.run(f"document.getElementById({named}).textContent") != before
        assert await page.run("[...document.querySelectorAll('dialog input')].every((each) => each.labels.length)")


async def test_the_choice_of_a_disk_says_which_one_smart_calls_failing(tmp_path):
    snapshot = workshops.busy()
    next(each for each in snapshot["laptops"] if each["id"] == "00000013")["disks"][1]["smart"] = "failing"
    async with serving(tmp_path, FakeWorkshop(snapshot)) as served, opened(tmp_path, served.url) as page:
        await signed_in(page, served, "volunteer")
        await page.go(f"{served.url}/laptops/00000013?lang=nl")
        await page.run("[...document.querySelectorAll('.act')][0].click()")
        shown = await page.run(
            "[...document.querySelectorAll('dialog fieldset label')].map((each) => each.textContent)"
        )
        assert "SMART zegt dat ze stuk gaat" in "".join(shown) or sum("SMART" in each for each in shown) == 1


async def test_at_400_percent_nothing_is_cut_off_or_scrolls_sideways(house, tmp_path):
    """WCAG 1.4.10: 1280 pixels at 400 % are 320 CSS pixels."""
    async with opened(tmp_path, house.url) as page:
        await signed_in(page, house, "volunteer")
        await page.look(320, 256)
        wide = {}
        for path in PAGES:
            await page.go(f"{house.url}{path}?lang=fr")
            wide[path] = await page.run("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > 320} == {}


async def test_on_a_phone_no_table_is_cut(house, tmp_path):
    """A card may scroll, but nobody sees that it does."""
    cut = "[...document.querySelectorAll('.card')].filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    async with opened(tmp_path, house.url) as page:
        await signed_in(page, house, "administrator")
        await page.look(390, 844, 2.0)
        found = {}
        for path in PAGES:
            await page.go(f"{house.url}{path}?lang=nl")
            found[path] = await page.run(cut)
    assert {path: count for path, count in found.items() if count} == {}


async def test_targets_are_at_least_24_pixels_and_the_focus_is_never_hidden(house, tmp_path):
    """WCAG 2.5.8 and 2.4.11; links in a sentence are excepted."""
    small = """[...document.querySelectorAll('button, summary, select, input, .button, nav a, .tongues a')]
        .filter((each) => each.offsetParent && !each.closest('p:not(.tongues)'))
        .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([html]) => html)"""
    hidden = """(async () => { const found = [];
        for (const each of document.querySelectorAll('a[href], button, input, select, summary')) {
          if (!each.offsetParent) continue;
          each.focus();
          if (document.activeElement !== each) continue;
          const box = each.getClientRects()[0];  // a link in a sentence may have two lines
          const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          if (there && !each.contains(there) && !there.contains(each) && !there.closest('label')) found.push(each.outerHTML.slice(0, 80));
        } return found; })()"""
    async with opened(tmp_path, house.url) as page:
        await signed_in(page, house, "administrator")
        found = set()
        for path in PAGES:
            await page.go(f"{house.url}{path}")
            found |= {(path, each) for each in [*await page.run(small), *await page.run(hidden)]}
    assert found == set()
