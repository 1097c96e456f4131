"""Laptops and what the switches see of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloned.core.events import Located
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Attachment, Facts, Laptop, State
from cloned.switch.chain import Chain, join
from cloned.switch.laptops import located, place_of, slow_links
from cloned.switch.ports import understand
from cloned.switch.tables import build

MAC, OTHER = "98:fa:9b:00:00:01", "98:fa:9b:00:00:02"
LAPTOP = Laptop(
    LaptopId("l1"),
    3,
    Facts(Identity(macs=(MAC,)), boot_mac=MAC),
    State.WAITING,
    0.0,
    0.0,
    link=Attachment(speed_mbps=1000),
)


def chain(make_raw: Any, fdb: list[tuple[str, int]], address: str = "s", **port: Any) -> Chain:
    return join([understand(build(address, make_raw(3, [{"index": 2, **port}], fdb=fdb)))])


def test_a_laptop_in_a_new_port(make_raw: Any) -> None:
    seen = chain(make_raw, [(MAC, 2)])
    assert located(LAPTOP, seen, several=False) == Located(LaptopId("l1"), "gi2", 1000, None)
    assert located(replace(LAPTOP, link=replace(LAPTOP.link, port="gi2")), seen, several=False) is None
    assert located(LAPTOP, chain(make_raw, []), several=False) is None


def test_a_port_that_several_switches_have_is_named_with_its_switch(make_raw: Any) -> None:
    one, other = chain(make_raw, [(MAC, 2)], "10.0.0.2"), chain(make_raw, [(MAC, 2)], "10.0.0.3")
    at_one = located(LAPTOP, one, several=True)
    assert at_one is not None
    assert at_one.port == "10.0.0.2/gi2"
    moved = located(replace(LAPTOP, link=replace(LAPTOP.link, port=at_one.port)), other, several=True)
    assert moved is not None
    assert moved.port == "10.0.0.3/gi2"


@pytest.mark.parametrize(
    ("duplex", "before", "half"), [(2, False, True), (3, True, False), (3, False, None), (None, True, None)]
)
def test_half_duplex_is_news(duplex: int | None, before: bool, half: bool | None, make_raw: Any) -> None:
    column: dict[str, Any] = {} if duplex is None else {"dot3StatsDuplexStatus": duplex}
    laptop = replace(LAPTOP, link=replace(LAPTOP.link, port="gi2", half_duplex=before))
    told = located(laptop, chain(make_raw, [(MAC, 2)], **column), several=False)
    assert (told.half_duplex if told else None) is half


def test_a_port_that_leads_to_others_says_nothing_of_a_slower_laptop(make_raw: Any) -> None:
    shared = [(MAC, 2), (OTHER, 2)]
    slow, quick = (
        replace(LAPTOP, link=replace(LAPTOP.link, port="gi2", speed_mbps=100)),
        replace(LAPTOP, link=replace(LAPTOP.link, port="gi2")),
    )
    assert located(slow, chain(make_raw, shared), several=False) is None
    assert located(slow, chain(make_raw, [(MAC, 2)]), several=False) == Located(LaptopId("l1"), "gi2", 1000, None)
    narrowed = located(quick, chain(make_raw, shared, ifHighSpeed=100), several=False)
    assert narrowed == Located(LaptopId("l1"), "gi2", 100, None)


def test_a_slow_laptop_is_told_once(make_raw: Any) -> None:
    slow = replace(LAPTOP, link=replace(LAPTOP.link, speed_mbps=100))
    (told,) = slow_links([slow, LAPTOP], Chain(), 1000)
    assert str(told).startswith("laptop 3: 100 Mb/s: try another cable")
    assert [
        str(each)[:32]
        for each in slow_links([replace(LAPTOP, link=replace(LAPTOP.link, half_duplex=True))], Chain(), 1000)
    ] == ["laptop 3: 1000 Mb/s, half duplex"]
    assert slow_links([slow], chain(make_raw, [(MAC, 2)], ifHighSpeed=100), 1000) == [], "its port is warned of already"
    assert len(slow_links([slow], chain(make_raw, [(MAC, 2)]), 1000)) == 1, "the slow link is behind its port"


def test_a_second_address_finds_it_too(make_raw: Any) -> None:
    docked = replace(LAPTOP, facts=replace(LAPTOP.facts, identity=Identity(macs=(MAC, OTHER))))
    place = place_of(docked, chain(make_raw, [(OTHER, 3)]))
    assert place is not None
    assert place.port.name == "gi3"
