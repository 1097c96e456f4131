"""The wall on a television, in Chromium: whatever the number of laptops it is full, nothing is cut, few are large."""

from __future__ import annotations

import shutil

import pytest

from tests.interop.status.browser import opened
from tests.interop.status.conftest import serving
from tests.unit.status import workshops
from tests.unit.status.fakes import FakeWorkshop

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
FULL_HD, FOUR_K = (1920, 1080), (3840, 2160)
CUT = """[...document.querySelectorAll(".port .tile *, .crowd .tile *, .figures *, .top h1")].filter((each) => {
  const [box, tile] = [each.getBoundingClientRect(), (each.closest(".tile") ?? document.body).getBoundingClientRect()];
  return !each.closest("svg") && (each.scrollWidth > each.clientWidth + 2 && getComputedStyle(each).display !== "inline"
    || box.right > tile.right + 1 || box.bottom > tile.bottom + 1);
}).map((each) => `${each.className} ${each.textContent.trim()}`)"""
"""What is wider than its place, or sticks out of its tile."""
LOWEST = "Math.max(...[...document.querySelectorAll('.floor > *')].map((each) => each.getBoundingClientRect().bottom))"
LABEL = "parseFloat(getComputedStyle(document.querySelector('.tile .label')).fontSize)"
SCROLLS = "document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth"
LONGEST = "0-GIFT-OF-SOME_LONG.NAME/{:04}-X"
"""The longest number that there may be."""


def slow(*values):
    """The same for more of them, where there is time."""
    return [pytest.param(each, marks=pytest.mark.slow) for each in values]


async def laid_out(page, size, count):
    """Lay the wall out for a screen of this size once it has so many laptops; how large the first's number is."""
    await page.until(f"typeof fit === 'function' && document.querySelectorAll('.tile').length === {count}")
    await page.look(*size)
    await page.run("document.fonts.ready.then(fit)")
    assert not await page.run(SCROLLS), (size, count)
    assert await page.run(CUT) == []
    return await page.run(LABEL)


@pytest.mark.parametrize("ports", [24, *slow(0, 8, 48)])
async def test_few_ports_and_laptops_mean_large_tiles_all_the_way_up_and_down(tmp_path, ports):
    counts = [each for each in (1, 3, 12, 24, 48) if each <= (ports or 48)]
    workshop = FakeWorkshop(workshops.evening(1, ports))
    async with serving(tmp_path, workshop) as served, opened(tmp_path, f"{served.url}/?lang=nl") as page:
        sizes = []
        for count in counts:
            workshop.state = workshops.evening(count, ports)
            sizes.append(await laid_out(page, FULL_HD, count))
            assert await page.run(f"{LOWEST} > innerHeight - 45"), count
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] > 30  # a number of 30 of 1080 pixels is two centimetres high on a screen of 75
        assert await laid_out(page, FOUR_K, counts[-1]) == pytest.approx(2 * sizes[-1], rel=0.03)


@pytest.mark.parametrize("number", [LONGEST, *slow("DM-2026-{:04}", "{}", "x1\u202e{:04}\u05d0", "{:040}")])
async def test_no_number_is_cut_whatever_it_looks_like(tmp_path, number):
    made = workshops.evening(48, 48, number)
    for each in made["laptops"]:
        each["product"] = each["product"] + "-" + "W" * 80
    async with (
        serving(tmp_path, FakeWorkshop(made)) as served,
        opened(tmp_path, f"{served.url}/?lang=fr") as page,
    ):
        assert await laid_out(page, FULL_HD, 48) > 8
