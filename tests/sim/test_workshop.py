"""Whole evenings in a workshop, thousands of laptops, by the very functions the daemon runs.

A failing seed replays exactly: `run(seed, laptops)` draws everything from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloned.core.effect_types import OpenStream, Record, SetReceivers
from cloned.core.laptop import State
from cloned.core.reducer import resume
from cloned.core.schedule import Schedule
from cloned.core.snapshot import snapshot
from cloned.core.workshop import Workshop
from cloned.journal import Journal
from tests.sim.evening import Evening, run
from tests.story import replayed


def evening(seed: int) -> Evening:
    """The evening that a seed stands for: a deadly one, of 4 to 19 laptops."""
    return run(seed, 4 + seed % 16, "auto" if seed % 2 else "ask", deadly=True)


def look_at(seeds: range) -> int:
    """Run them all; how often the daemon died. AssertionError names the seed."""
    deaths = 0
    for seed in seeds:
        try:
            found = evening(seed)
            found.settled()
        except AssertionError as error:
            raise AssertionError(f"evening({seed}): {error}") from error
        deaths += found.deaths
    return deaths


@pytest.mark.parametrize("block", range(10))
def test_every_evening_keeps_what_must_hold(block: int) -> None:
    assert look_at(range(block * 20, block * 20 + 20)) > 10


@pytest.mark.nightly
@pytest.mark.parametrize("block", range(50))
def test_thousands_of_evenings_keep_what_must_hold(block: int) -> None:
    look_at(range(1000 + block * 100, 1100 + block * 100))


@pytest.mark.parametrize(
    ("broken", "by"),
    [
        (
            "tests.sim.evening.resume",
            lambda workshop: tuple(each for each in resume(workshop) if not isinstance(each, Record)),
        ),
        ("cloned.core.laptop_events.used_up", lambda laptop, now: laptop),
        ("cloned.core.effects.plan", lambda workshop, now: everybody(workshop)),
        ("cloned.core.confirm._is_new", lambda laptop, now: True),
        ("cloned.core.confirm.void", lambda workshop, laptop, now: None),
        ("cloned.core.effects.settle_all", lambda workshop, now: workshop),
        ("cloned.core.classic_sessions.free_port", lambda workshop, image, now: 2232),
    ],
    ids=[
        "results forgotten",
        "confirmation kept",
        "places ignored",
        "known is new",
        "void holds",
        "late word",
        "ports again",
    ],
)
def test_code_that_is_broken_on_purpose_is_caught(broken: str, by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken, by)
    with pytest.raises(AssertionError, match=r"evening\(\d+\)"):
        look_at(range(200))


def everybody(workshop: Workshop) -> Schedule:
    """A scheduler that knows no limits."""
    return Schedule(tuple(ident for ident, each in workshop.laptops.items() if each.state is State.WAITING), {})


@pytest.mark.parametrize("seed", [3, 4])
def test_the_same_seed_gives_the_same_evening(seed: int) -> None:
    first, second = evening(seed), evening(seed)
    assert first.journal == second.journal
    assert first.state == second.state


def test_an_evening_without_deaths_comes_out_too() -> None:
    found = run(1, 40, "ask")
    found.settled()
    rows = [effect.row for effect in found.effects if isinstance(effect, Record)]
    keys = [(row["laptop"], row["attempt"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert any(row["state"] == "done" for row in rows)


@pytest.mark.parametrize("seed", range(5))
def test_the_journal_replays_to_the_same_state(seed: int, tmp_path: Path) -> None:
    """From the beginning, and from a checkpoint at any place."""
    found = evening(seed)
    journal = Journal(tmp_path / "journal")
    cut = found.chance.randrange(len(found.journal))
    journal.append(found.journal[:cut])
    journal.checkpoint(replayed(found.journal[:cut]))
    journal.append(found.journal[cut:])
    after, state = journal.restored()
    assert after == cut
    assert replayed(list(journal.entries(after)), state) == found.state
    assert replayed(list(journal.entries())) == found.state
    journal.close()


def test_classic_sessions_start_and_end() -> None:
    """Streams begin for somebody, and nobody gets one twice or joins one that runs."""
    evenings = [run(seed, 40, "ask") for seed in range(16)]
    sessions = [each for found in evenings for each in found.state.sessions.values() if each.classic]
    assert any(each.sent is not None and len(each.members) > 1 for each in sessions)
    assert any(each.ejected for each in sessions)
    assert any(each.broke_off for each in sessions)
    receivers = [effect for found in evenings for effect in found.effects if isinstance(effect, SetReceivers)]
    assert {each.session for each in receivers} == {each.id for each in sessions if each.started is not None}
    for session in sessions:
        sizes = [len(each.addresses) for each in receivers if each.session == session.id]
        assert sizes == sorted(sizes, reverse=True)


def test_a_thousand_laptops_take_seconds() -> None:
    found = run(7, 1000)
    assert sum(laptop.state is State.DONE for laptop in found.state.laptops.values()) > 700
    assert snapshot(found.state, {}, found.now).capacity.taken <= 24


def test_a_stream_is_opened_before_anybody_is_told_of_it() -> None:
    found = run(3, 20)
    opened = {effect.session for effect in found.effects if isinstance(effect, OpenStream)}
    assert opened == set(found.state.sessions)
