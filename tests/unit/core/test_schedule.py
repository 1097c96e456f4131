"""Who starts and why the others wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.events import ImageInfo, Settings
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Attachment, Facts, Goal, Laptop, State
from cloned.core.reasons import Reason
from cloned.core.schedule import plan
from cloned.core.workshop import Workshop

IMAGES = {name: ImageInfo(name, name * 8, 1, 1) for name in "abc"}


def laptop(number: int, image: str, state: State = State.WAITING) -> Laptop:
    ident = LaptopId(f"l{number}")
    return Laptop(ident, number, Facts(Identity()), state, since=float(number), first_seen=0.0, goal=Goal(image=image))


def workshop(*laptops: Laptop, places: int = 4, link: int = 1000) -> Workshop:
    return Workshop(Settings(), {each.id: each for each in laptops}, images=IMAGES, places=places, link_mbps=link)


def test_first_come_first_served() -> None:
    found = plan(workshop(*(laptop(n, "a") for n in range(1, 7))), 0)
    assert found.start == ("l1", "l2", "l3", "l4")
    assert {wait.reason for wait in found.waits.values()} == {Reason.SWITCH_FULL}


def test_a_dozen_of_one_image_does_not_keep_an_odd_one_from_its_turn() -> None:
    laptops = [laptop(n, "a") for n in range(1, 13)] + [laptop(13, "b")]
    assert "l13" in plan(workshop(*laptops, places=2), 0).start


def test_who_is_passed_over_is_told_for_whom() -> None:
    busy = [laptop(n, "a", State.RECEIVING) for n in (1, 2)]
    found = plan(workshop(*busy, *(laptop(n, "a") for n in (3, 4)), laptop(5, "b"), laptop(6, "a"), places=2), 0)
    assert found.start == ()
    assert {ident: wait.reason for ident, wait in found.waits.items()} == {
        "l5": Reason.SWITCH_FULL, "l3": Reason.OTHER_IMAGE_FIRST, "l4": Reason.OTHER_IMAGE_FIRST, "l6": Reason.SWITCH_FULL,
    }  # fmt: skip
    assert found.waits[LaptopId("l3")].detail == "b"


def test_a_slow_link_carries_one_stream_at_a_time() -> None:
    busy = laptop(1, "a", State.RECEIVING)
    found = plan(workshop(busy, laptop(2, "b"), laptop(3, "a"), link=100), 0)
    assert found.start == ("l3",)
    assert found.waits[LaptopId("l2")].reason is Reason.LINK_FULL


def test_laptops_on_slow_ports_are_streams_of_their_own() -> None:
    slow = [replace(laptop(n, "a"), link=Attachment(speed_mbps=100)) for n in range(1, 5)]
    found = plan(workshop(*slow, laptop(5, "a"), laptop(6, "a"), places=9, link=300), 0)
    assert found.start == ("l1", "l2", "l3")
    assert {ident: wait.reason for ident, wait in found.waits.items()} == dict.fromkeys(
        ("l4", "l5", "l6"), Reason.LINK_FULL
    )
    running = laptop(7, "a", State.RECEIVING)
    found = plan(workshop(*slow, running, laptop(5, "a"), laptop(6, "a"), places=9, link=300), 0)
    assert found.start == ("l1", "l2", "l5", "l6"), "who takes the stream that runs costs the link nothing"
    assert set(found.waits) == {"l3", "l4"}
    everybody = [replace(laptop(n, "a"), link=Attachment(speed_mbps=100)) for n in range(1, 5)]
    assert len(plan(workshop(*everybody, link=100), 0).start) == 4, "no port is slower than the server's"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"paused": True}, Reason.PAUSED),
        ({"holds": {"a": 100.0}}, Reason.HELD),
        ({"images": {"a": replace(IMAGES["a"], unusable="piece 3 is missing")}}, Reason.IMAGE_UNUSABLE),
        ({"images": {}}, Reason.IMAGE_UNUSABLE),
    ],
)
def test_what_bars_a_laptop(change: dict[str, object], reason: Reason) -> None:
    found = plan(replace(workshop(laptop(1, "a")), **change), 0)  # type: ignore[arg-type]
    assert found.start == ()
    assert found.waits[LaptopId("l1")].reason is reason
