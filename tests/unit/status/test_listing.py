"""The list of laptops: what is looked for is found, and fifty at a time come."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from cloned.core.shown import ShownLaptop
from cloned.status.listing import AT_ONCE, FILTERS, ORDERS, listed
from tests.unit.status.laptops import laptop
from tests.unit.status.workshops import busy

MANY = TypeAdapter(list[ShownLaptop]).validate_python(
    [laptop(number, "done" if number % 2 else "aside", tag=f"{number:04d}") for number in range(1, 121)]
)
BUSY = TypeAdapter(list[ShownLaptop]).validate_python(busy()["laptops"])


def test_fifty_at_a_time_the_newest_first_and_every_one_once() -> None:
    pages = [listed(MANY, {"page": str(number)}) for number in (1, 2, 3)]
    assert [len(each.laptops) for each in pages] == [AT_ONCE, AT_ONCE, 20]
    assert [each.number for page in pages for each in page.laptops] == list(range(120, 0, -1))
    assert "page=2" in pages[0].address(2)


@pytest.mark.parametrize("page", ["0", "-3", "x", "", "999999999999", "٣", "4"])
def test_a_page_that_is_none_is_the_nearest_that_is(page: str) -> None:
    assert 1 <= listed(MANY, {"page": page}).page <= 3


def test_every_word_counts_whatever_it_is_of() -> None:
    wanted = BUSY[4]
    for text in (wanted.serial, wanted.macs[0].upper(), wanted.tag, wanted.disks[0].serial, wanted.id):
        assert wanted in listed(BUSY, {"search": text}).laptops
    found = listed(BUSY, {"search": "lenovo  x270"}).laptops
    assert found
    assert {each.product for each in found} == {"ThinkPad X270"}
    assert listed(BUSY, {"search": "lenovo latitude"}).found == 0


@pytest.mark.parametrize("show", FILTERS)
@pytest.mark.parametrize("sort", ORDERS)
def test_each_filter_and_order_lists_only_what_it_says(show: str, sort: str) -> None:
    found = listed(BUSY, {"show": show, "sort": sort})
    assert all(FILTERS[show][1](each) for each in found.laptops)
    keys = [ORDERS[sort][1](each) for each in found.laptops]
    assert keys == sorted(keys, reverse=ORDERS[sort][2])


def test_what_no_filter_is_called_shows_all() -> None:
    assert listed(BUSY, {"show": "<b>", "sort": "no"}).found == len(BUSY)
