"""Rows of the ledger, read back: what each is of, and what it says of a disk that was not erased."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.erasure import disk_shown
from cloned.core.erasure_row import failures
from cloned.core.recorded import LedgerLaptop, recall, recorded
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium
from tests.unit.core.test_evidence import sight

MAC = "02:00:00:00:01:01"


def row(attempt: int, at: str, **more: Any) -> dict[str, Any]:
    return {"attempt": attempt, "at": at, "serial": "PF1", "product": "Latitude 5490", "macs": [MAC], **more}


def test_clones_erasures_and_lendings_go_by_their_attempts() -> None:
    rows = [
        row(ATTEMPTS - 1, "2026-01-01", disk={"serial": "D1", "size": 5, "wwn": "w1"}),
        row(ATTEMPTS, "2026-01-02", erasure={"disks": [{"serial": "D2", "size": 6}]}, state="lent"),
        row(ATTEMPTS + 3, "2026-01-03"),
        row(LENDINGS, "2026-01-04", state="lent"),
        row(LENDINGS + 2, "2026-01-05", state="back"),
    ]
    found = recorded("one", rows)
    assert (found.jobs, found.erasures, found.lendings) == (ATTEMPTS - 1, 3, 2)
    assert [(each.serial, each.size, each.wwn) for each in found.sight.disks] == [("D1", 5, "w1"), ("D2", 6, "")]
    assert (found.lent, found.came_back) == (False, True)
    assert (recorded("one", rows[:4]).lent, recorded("one", rows[:3]).lent) == (True, False)


def test_a_zeroth_lending_and_the_first_erasure_are_none_of_the_others() -> None:
    only = recorded("one", [row(ATTEMPTS, "2026-01-01"), row(LENDINGS, "2026-01-02")])
    assert (only.jobs, only.erasures, only.lendings) == (0, 0, 0)


def test_which_of_several_it_is_and_who_else_says_the_same() -> None:
    mine = LedgerLaptop("mine", sight(1, 2, serial="PF1"), at="2026-01-01", tag="DM-1")
    alike = LedgerLaptop("alike", sight(3, 4, disk=None, serial="PF1"), at="2026-01-02", tag="DM-2")
    other = LedgerLaptop("other", sight(5, 6, disk=None, serial="PF9"), at="2026-01-03", tag="DM-3")
    seen = sight(1, 2, serial="PF1")
    found = recall([other, alike, mine], seen, ("mine", "alike"), ())
    assert (found.laptop, found.tag, found.namesake, found.taken) == ("mine", "DM-1", "DM-2", ("alike",))
    assert (recall([other], seen, (), ()).laptop, recall([other], seen, (), ()).namesake) == ("", "")


def failed(**more: Any) -> dict[str, Any]:
    return {"model": "Big", "serial": "N1", "path": "/dev/sda", "fault": None, "said": "erased", **more}


@pytest.mark.parametrize(
    ("disks", "said"),
    [
        ([failed(fault="refused", told={"detail": ""})], "Big N1: "),
        ([failed(fault="refused", told={"detail": ""}, model="", serial="")], "/dev/sda: "),
        ([failed(fault="refused")], "as it was said in 0.2"),
        ([failed(told={"detail": ""})], "as it was said in 0.2"),
    ],
)
def test_why_a_disk_is_not_erased_is_told_in_any_language_where_the_row_has_it(disks: list[Any], said: str) -> None:
    found = str(failures({"erasure": {"disks": disks}, "why": "as it was said in 0.2"}))
    assert found.startswith(said)
    assert (found == said) is not said.endswith(": ")


@pytest.mark.parametrize(("started", "ended", "seconds"), [(100.0, 130.04, 30.0), (100.0, 0.0, 0.0), (0.0, 130.0, 0.0)])
def test_a_disk_took_as_long_as_between_its_beginning_and_its_end(started: float, ended: float, seconds: float) -> None:
    disk = DiskErasure(Medium("/dev/sda", 10**10, serial="S1"), EraseLevel.CLEAR, started=started, ended=ended)
    assert disk_shown(disk)["seconds"] == seconds
