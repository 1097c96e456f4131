"""Every counter of events moves by what the core does, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

from cloned.core.effect_types import Record
from cloned.core.erasure import Erasure
from cloned.core.events import Command, Ejected, Judged
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import CloneJob, Facts, Laptop, State, VerdictKind
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop
from cloned.disk.erase import EraseLevel
from cloned.tally import BOUNDS, Durations, Tally

ONE = LaptopId("one")
LAPTOP = Laptop(ONE, 1, Facts(Identity()), State.RECEIVING, 0.0, 0.0)
JUDGED = Judged(ONE, SessionId("s"), 1, VerdictKind.DIFFERS, 2, (), "", 10)


def workshop(**changes: object) -> Workshop:
    return Workshop(laptops={ONE: replace(LAPTOP, **changes)})  # type: ignore[arg-type]


def test_a_round_that_differs_is_a_verdict_and_a_retry() -> None:
    tally = Tally()
    tally.happened(workshop(), workshop(job=CloneJob(rounds=1)), JUDGED, ())
    assert (tally.verdicts, tally.retries) == ({"differs": 1}, {"round": 1})


def test_a_verdict_that_came_twice_counts_once() -> None:
    tally = Tally()
    tally.happened(workshop(job=CloneJob(rounds=1)), workshop(job=CloneJob(rounds=1)), JUDGED, ())
    assert not tally.verdicts


def test_setting_aside_and_silence_are_faults_by_reason() -> None:
    tally = Tally()
    aside = workshop(state=State.ASIDE, reason=Reason.NO_HEADWAY)
    tally.happened(workshop(), aside, Ejected(SessionId("s"), "10.0.0.2", "slow"), ())
    tally.happened(workshop(), workshop(state=State.GONE, reason=Reason.NOT_HEARD), JUDGED, ())
    tally.happened(aside, replace(aside, places=3), JUDGED, ())
    assert tally.faults == {"no-headway": 1, "not-heard": 1}
    assert tally.ejections == {"standstill": 1, "stream": 1}


def test_a_retry_that_was_refused_counts_for_nothing() -> None:
    tally, same = Tally(), workshop()
    tally.happened(same, same, Command("retry", "page", "one"), ())
    assert not tally.retries
    tally.happened(same, workshop(), Command("retry", "page", "one"), ())
    assert tally.retries == {"command": 1}


def test_results_give_durations() -> None:
    tally = Tally()
    row = {"laptop": ONE, "attempt": 1, "seconds": {"boot": 3.0, "verify": 70.0, "else": 1.0}}
    open_job, through = workshop(job=CloneJob(1, open=True)), workshop(job=CloneJob(1, open=False))
    tally.happened(open_job, through, JUDGED, (Record(row),))
    tally.happened(through, workshop(job=CloneJob(1, open=False)), JUDGED, (Record(row),))  # its test is noted later
    assert tally.steps["verify"].total == 70.0
    assert [count for _, count in tally.steps["boot"].buckets()][1:3] == [0.0, 1.0]
    assert "else" not in tally.steps


def test_erasures_count_each_disk() -> None:
    tally = Tally()
    disks = [
        {"verified": True, "completed": True, "method": "overwrite", "level": "clear", "seconds": 60.0},
        {"verified": False, "completed": False, "method": None, "level": None, "seconds": None},
    ]
    erasure = Erasure("e1", 1, EraseLevel.CLEAR, "Ann", 1.0, ())
    row = {"laptop": ONE, "attempt": 1_000_001, "seconds": {"erase": 61.0}, "erasure": {"id": "e1", "disks": disks}}
    told = workshop(erasure=replace(erasure, recorded=True))
    tally.happened(workshop(erasure=erasure), told, JUDGED, (Record(row),))
    tally.happened(told, workshop(erasure=replace(erasure, recorded=True)), JUDGED, (Record(row),))  # its delivery
    assert tally.erasures == {("overwrite", "clear", "verified"): 1, ("none", "none", "failed"): 1}
    assert tally.steps["erase"].total == 61.0


def test_a_bound_belongs_to_its_bucket() -> None:
    durations = Durations()
    for seconds in (BOUNDS[0], BOUNDS[-1] + 1):
        durations.add(seconds)
    assert durations.buckets()[0] == (str(BOUNDS[0]), 1.0)
    assert durations.buckets()[-1] == ("+Inf", 2.0)
