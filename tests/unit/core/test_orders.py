"""What an agent is told to do, out of the state alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core.disks import Disk
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Attachment, CloneJob, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.orders import order
from cloned.core.rates import alone
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop


def laptop(state: State, speed: int | None = None, reason: Reason | None = None) -> Laptop:
    return Laptop(
        LaptopId("l1"),
        1,
        Facts(Identity(), disks=(Disk("/dev/sda", 10**11, serial="S1"),)),
        state,
        0,
        0,
        reason=reason,
        session=SessionId("s1"),
        goal=Goal(image="school", disk="S1"),
        link=Attachment(speed_mbps=speed),
    )


@pytest.mark.parametrize(("speed", "by_itself"), [(None, False), (1000, False), (2500, False), (100, True), (10, True)])
def test_a_slow_port_is_served_by_itself(speed: int | None, by_itself: bool) -> None:
    assert alone(laptop(State.READY, speed), 1000) is by_itself


def test_a_port_as_quick_as_the_servers_own_keeps_nobody_up() -> None:
    assert not alone(laptop(State.READY, 100), 100)
    assert alone(laptop(State.READY, 10), 100)


def test_a_link_at_half_duplex_is_served_by_itself_whatever_its_speed() -> None:
    assert alone(replace(laptop(State.READY), link=Attachment(speed_mbps=1000, half_duplex=True)), 1000)
    assert alone(replace(laptop(State.READY), link=Attachment(half_duplex=True)), 1000)


@pytest.mark.parametrize(
    ("state", "do"),
    [
        (State.ASKING, "wait"),
        (State.WAITING, "wait"),
        (State.ASIDE, "wait"),
        (State.GONE, "wait"),
        (State.READY, "restore"),
        (State.RECEIVING, "restore"),
        (State.VERIFYING, "restore"),
        (State.FINISHING, "finish"),
        (State.DONE, "power"),
    ],
)
def test_every_state_has_its_order(state: State, do: str) -> None:
    assert order(Workshop(), laptop(state))["do"] == do


def test_who_waits_is_told_why_and_what_next() -> None:
    screen = order(Workshop(), laptop(State.ASIDE, reason=Reason.NO_HEADWAY))["screen"]
    assert screen[1] == "Check cable and disk, then retry"


def test_no_order_carries_a_hash_to_write_towards() -> None:
    assert "image_hash" not in order(Workshop(), laptop(State.READY))


@pytest.mark.parametrize(
    ("written", "verdict", "survey"),
    [
        (False, VerdictKind.NONE, False),
        (True, VerdictKind.NONE, True),
        (False, VerdictKind.VERIFIED, True),
        (False, VerdictKind.DIFFERS, False),
    ],
)
def test_a_disk_is_read_first_where_the_image_may_be_on_it_already(
    written: bool, verdict: VerdictKind, survey: bool
) -> None:
    """Written in this job, or verified before: else nothing on it can be right, and reading it would cost minutes."""
    fresh = laptop(State.READY)
    at_work = replace(fresh, goal=replace(fresh.goal, written=written), job=CloneJob(1, verdict=verdict))
    assert order(Workshop(), at_work)["survey"] is survey
