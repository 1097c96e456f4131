"""How fast sessions may send, by what is known of the links."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.effect_types import Rates
from cloned.core.events import ImageInfo, Located, Settings, SwitchChanged
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Attachment, Facts, Goal, Laptop, State
from cloned.core.rates import alone, rates
from cloned.core.reducer import step
from cloned.core.session import Kind, Session
from cloned.core.workshop import Workshop

ONE, TWO = SessionId("one"), SessionId("two")


def laptop(number: int, session: SessionId, mbps: int | None, state: State = State.RECEIVING) -> Laptop:
    ident = LaptopId(f"l{number}")
    return Laptop(
        ident,
        number,
        Facts(Identity()),
        state,
        0.0,
        0.0,
        session=session,
        goal=Goal(image=str(session)),
        link=Attachment(speed_mbps=mbps),
    )


def workshop(*laptops: Laptop, link: int = 1000, kind: Kind = "pieces") -> Workshop:
    images = {name: ImageInfo(name, "h", 1, 1) for name in ("one", "two")}
    sessions = {
        each: Session(each, number, each, "h", "", 0.0, members=tuple(other.id for other in laptops), kind=kind)
        for number, each in enumerate((ONE, TWO), 1)
    }
    found = {each.id: each for each in laptops}
    return Workshop(Settings(), found, sessions, images=images, places=9, link_mbps=link)


def limits(state: Workshop) -> list[int]:
    return [mbps for _, mbps in rates(state).sessions]


@pytest.mark.parametrize(("speeds", "link", "limit"), [
    ([1000, 1000], 10_000, 1000), ([2500, 1000], 10_000, 1000), ([2500, 2500], 10_000, 2500),
    ([1000, 1000], 100, 100), ([None, 2500], 10_000, 1000), ([10_000], 2500, 2500), ([], 10_000, 1000),
])  # fmt: skip
def test_a_stream_is_as_fast_as_the_slowest_link_that_it_goes_over(
    speeds: list[int | None], link: int, limit: int
) -> None:
    found = workshop(*(laptop(n, ONE, mbps) for n, mbps in enumerate(speeds)), link=link)
    assert rates(found).link == link
    assert limits(found)[0] == limit


def test_who_is_served_by_itself_or_has_left_slows_nobody() -> None:
    others = laptop(2, ONE, 100), laptop(3, ONE, 10, State.ASIDE), laptop(4, TWO, 2500)
    assert limits(workshop(laptop(1, ONE, 1000), *others, link=10_000)) == [1000, 2500]


def test_udpcast_reaches_nobody_by_itself_so_its_slowest_counts() -> None:
    assert limits(workshop(laptop(1, ONE, 1000), laptop(2, ONE, 100), kind="classic"))[0] == 100


def test_a_switch_that_tells_something_new_changes_the_pace_at_once() -> None:
    state = workshop(laptop(1, ONE, 1000), laptop(2, ONE, 1000), laptop(3, TWO, 1000))
    state, effects = step(state, Located(LaptopId("l1"), "7", 1000), 1.0, "00")
    assert effects == ()
    state, effects = step(state, SwitchChanged(9, "its port fell back", 100), 2.0, "01")
    assert effects == (Rates(100, ((ONE, 100), (TWO, 100))),)
    state, effects = step(replace(state, link_mbps=10_000), Located(LaptopId("l2"), "8", 2500), 3.0, "02")
    assert effects == ()
    state, effects = step(state, Located(LaptopId("l1"), "7", 2500), 4.0, "03")
    assert effects == (Rates(10_000, ((ONE, 2500), (TWO, 1000))),)


def test_a_port_at_half_duplex_leaves_the_group_and_comes_back_when_its_cable_is_mended() -> None:
    state = workshop(laptop(1, ONE, 1000), laptop(2, ONE, 1000))
    state, _ = step(state, Located(LaptopId("l1"), "7", 500, half_duplex=True), 1.0, "00")
    assert (alone(state.laptops[LaptopId("l1")], 1000), limits(state)[0]) == (True, 1000)
    state, _ = step(state, Located(LaptopId("l1"), "8", 500), 2.0, "01")
    assert alone(state.laptops[LaptopId("l1")], 1000), "a switch that does not say leaves it as it was"
    state, _ = step(state, Located(LaptopId("l1"), "8", 500, half_duplex=False), 3.0, "02")
    assert (alone(state.laptops[LaptopId("l1")], 1000), limits(state)[0]) == (False, 500)
