"""The list of all laptops that are known: searched, filtered, sorted, fifty at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cloned.core.shown import ShownLaptop
from cloned.languages import to_translate

AT_ONCE = 50
WORKING = frozenset({"ready", "receiving", "verifying", "finishing", "erasing"})

FILTERS: Mapping[str, tuple[str, Callable[[ShownLaptop], bool]]] = {
    "": (to_translate("All laptops"), lambda each: True),
    "asking": (to_translate("Those that ask"), lambda each: each.state == "asking"),
    "working": (to_translate("At work"), lambda each: each.state in WORKING),
    "waiting": (to_translate("Waiting"), lambda each: each.state == "waiting"),
    "aside": (to_translate("Set aside"), lambda each: each.state == "aside"),
    "done": (to_translate("Done"), lambda each: each.state == "done"),
    "erased": (to_translate("Erased"), lambda each: each.state == "erased"),
    "gone": (to_translate("Gone"), lambda each: each.state == "gone"),
    "lent": (to_translate("Lent out"), lambda each: each.lent),
    "untagged": (to_translate("Without a number"), lambda each: not each.tag),
}
"""What `show` may be, what it is called, and which laptops it lets through."""

ORDERS: Mapping[str, tuple[str, Callable[[ShownLaptop], Any], bool]] = {
    "newest": (to_translate("Newest first"), lambda each: each.number, True),
    "tag": (to_translate("By number"), lambda each: (not each.tag, each.tag.casefold(), each.number), False),
    "model": (to_translate("By model"), lambda each: (each.vendor.casefold(), each.product.casefold()), False),
    "state": (to_translate("By state"), lambda each: (each.state, each.number), False),
    "seen": (to_translate("Last seen first"), lambda each: each.since, True),
}
"""What `sort` may be, what it is called, its key, and whether the largest comes first."""


@dataclass(frozen=True)
class Listing:
    """One screenful, and what leads to the others."""

    laptops: tuple[ShownLaptop, ...]
    found: int
    page: int
    pages: int
    search: str
    show: str
    sort: str
    filters: tuple[tuple[str, str], ...]
    orders: tuple[tuple[str, str], ...]

    def address(self, page: int) -> str:
        """Where another page of the same list is."""
        asked = {"search": self.search, "show": self.show, "sort": self.sort, "page": str(page)}
        return "/laptops?" + urlencode({key: value for key, value in asked.items() if value})


def listed(laptops: Sequence[ShownLaptop], query: Mapping[str, str]) -> Listing:
    """What `search`, `show`, `sort` and `page` of an address ask for; what they cannot mean is left out."""
    show = query.get("show", "") if query.get("show") in FILTERS else ""
    sort = query.get("sort", "newest") if query.get("sort") in ORDERS else "newest"
    search = " ".join(query.get("search", "").split())
    fits, (_, key, backwards) = FILTERS[show][1], ORDERS[sort]
    found = sorted((each for each in _matching(laptops, search) if fits(each)), key=key, reverse=backwards)
    pages = max(1, -(-len(found) // AT_ONCE))
    page = min(pages, max(1, _number(query.get("page", ""))))
    return Listing(
        laptops=tuple(found[(page - 1) * AT_ONCE : page * AT_ONCE]),
        found=len(found),
        page=page,
        pages=pages,
        search=search,
        show=show,
        sort=sort,
        filters=tuple((name, words) for name, (words, _) in FILTERS.items()),
        orders=tuple((name, words) for name, (words, _, _) in ORDERS.items()),
    )


def _matching(laptops: Iterable[ShownLaptop], search: str) -> Iterable[ShownLaptop]:
    """Those in which every word of the search stands somewhere."""
    wanted = search.casefold().split()
    return laptops if not wanted else (each for each in laptops if all(word in _everything(each) for word in wanted))


def _everything(laptop: ShownLaptop) -> str:
    """All that people may look for."""
    return " ".join(
        (
            f"#{laptop.number} {laptop.tag} {laptop.serial} {laptop.vendor} {laptop.product} {laptop.mark}",
            f"{laptop.image or ''} {laptop.port or ''} {laptop.donation} {laptop.address} {laptop.id} {laptop.uuid}",
            *laptop.macs,
            *(disk.serial for disk in laptop.disks),
        )
    ).casefold()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
