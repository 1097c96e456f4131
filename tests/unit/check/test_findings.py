"""Looks say all they find, end in time, and decide the exit status."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from cloned.check import Finding, Look, LookState, examine, exit_of, findings, lines
from cloned.check.findings import Said, ok, warned
from cloned.config import Config
from cloned.errors import ClonedError, Exit, MissingError
from cloned.languages import language
from cloned.processes import run


def several(config: Config) -> Iterator[Said | ClonedError]:
    yield ok("one thing is well")
    yield warned("another is odd", "look at it")
    yield ClonedError("a third is wrong", "mend it")
    raise MissingError("the fourth is not there", "get it")


async def test_all_that_a_look_finds_is_told_each_with_its_next_step() -> None:
    found = await examine([Look("many", several)], Config())
    assert [(each.state, each.said, each.next) for each in found] == [
        (LookState.OK, "one thing is well", ""),
        (LookState.WARNING, "another is odd", "look at it"),
        (LookState.WRONG, "a third is wrong", "mend it"),
        (LookState.WRONG, "the fourth is not there", "get it"),
    ]
    assert set(found[0].to_json()) == {"name", "state", "said", "next", "seconds"}
    assert "mend it" in "\n".join(lines(found, language("en")))


async def test_a_look_without_end_is_told_and_does_not_hold_up_the_others() -> None:
    go_on = threading.Event()

    def stuck(config: Config) -> Iterator[Said]:
        go_on.wait(30)
        yield ok("at last")

    try:
        found = await examine([Look("stuck", stuck), Look("quick", lambda _: [ok("here")])], Config(), longest=0.2)
    finally:
        go_on.set()
    assert [(each.name, each.state) for each in found] == [("stuck", LookState.WRONG), ("quick", LookState.OK)]


async def test_a_fault_of_one_look_keeps_no_other_from_being_told() -> None:
    def broken(config: Config) -> Iterator[Said]:
        yield ok("so far")
        raise UnicodeError("label empty or too long")

    found = await examine([Look("broken", broken), Look("quick", lambda _: [ok("here")])], Config())
    assert [(each.name, each.state) for each in found] == [
        ("broken", LookState.OK),
        ("broken", LookState.WRONG),
        ("quick", LookState.OK),
    ]
    assert found[1].said == "a fault in this look: UnicodeError"


STUCK = """
import asyncio, time
from cloned.check import Look, examine
from cloned.config import Config
print(asyncio.run(examine([Look("stuck", lambda config: time.sleep(600))], Config(), 0.1))[0].state)
"""


@pytest.mark.wire
def test_the_program_ends_though_a_look_does_not() -> None:
    assert run([sys.executable, "-c", STUCK], timeout=60).stdout.decode().strip() == "wrong"


def finding(state: LookState, *, missing: bool = False) -> Finding:
    return Finding("x", state, "", missing=missing)


@pytest.mark.parametrize(
    ("states", "strict", "status"),
    [
        ([LookState.OK, LookState.SKIPPED], True, Exit.OK),
        ([LookState.OK, LookState.WARNING], False, Exit.OK),
        ([LookState.OK, LookState.WARNING], True, Exit.FAILED),
        ([LookState.WARNING, LookState.WRONG], False, Exit.FAILED),
    ],
)
def test_the_exit_status(states: list[LookState], strict: bool, status: Exit) -> None:
    assert exit_of(map(finding, states), strict=strict) is status


def test_a_missing_part_counts_more_than_a_wrong_one() -> None:
    found = [finding(LookState.WRONG), finding(LookState.WRONG, missing=True)]
    assert exit_of(found) is Exit.MISSING


@pytest.mark.parametrize(("age", "left"), [(0.5, 12.0), (4.5, 10.0), (12.0, 6.0), (3600.0, 12.0)])
def test_looks_end_so_long_after_their_program_began(monkeypatch: pytest.MonkeyPatch, age: float, left: float) -> None:
    """The later they begin, the less they have; a program that has run for an hour was not started for them."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    monkeypatch.setattr(findings, "started", lambda: now - age)
    monkeypatch.setattr(time, "clock_gettime", lambda _: now)
    assert findings.left_seconds() == pytest.approx(left)


def test_a_program_knows_when_it_was_started() -> None:
    assert 0 < findings.started() <= time.clock_gettime(time.CLOCK_BOOTTIME)
