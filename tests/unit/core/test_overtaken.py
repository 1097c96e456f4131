"""A journal from a backup beside a ledger that went on: no number is given twice, and nobody's old word erases a disk."""

from __future__ import annotations

import pytest

from cloned.core.events import Command, Confirmed, Finished
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop, State
from cloned.core.ledger_events import LedgerAhead
from cloned.core.overtaken import ahead
from cloned.core.reasons import Reason
from tests.unit.core.test_identity import mac
from tests.unit.core.test_recalled import OTHER, Lost


class Restored(Lost):
    """A workshop that notes which rows it would record."""

    def comes(self) -> Laptop:
        self.menu(mac(1), OTHER)
        return self.hello(mac(1), on="D1", known=OTHER)

    def confirmed(self) -> Laptop:
        found = self.comes()
        self.tell(Confirmed(found.id, "D1", "school", "page"))
        return self.laptop(found.id)

    def cloned(self) -> Laptop:
        found = self.confirmed()
        self.clone(found.id)
        self.tell(Finished(found.id, ()))
        return self.laptop(found.id)


@pytest.fixture
def story() -> Restored:
    return Restored()


def test_what_was_cloned_since_counts_on(story: Restored) -> None:
    found = story.cloned()
    story.tell(LedgerAhead((KnownToLedger(found.id, 4, 2, "DM-9", 3, weighed=True, lent=True),)))
    now = story.laptop(found.id)
    assert (now.state, now.job.number, now.erasures, now.lendings, now.lent, now.tag) == (
        State.DONE, 4, 2, 3, True, "DM-9",
    )  # fmt: skip
    assert str(now.history[-1].why) == "the ledger knows it: cloned 4 times, erased 2 times"
    story.tell(Command("lent", "page", found.id, text="no", checked=True))
    assert [(row["attempt"], row["state"]) for row in story.rows] == [(1, "done"), (2_000_004, "back")]


@pytest.mark.parametrize("jobs", [1, 5])
def test_an_attempt_under_way_in_the_backup_that_has_a_result_is_over_and_nobody_is_erased(
    story: Restored, jobs: int
) -> None:
    found = story.confirmed()
    assert (found.state, found.job.number, found.job.open) == (State.READY, 1, True)
    story.tell(LedgerAhead((KnownToLedger(found.id, jobs, weighed=True),)))
    now = story.laptop(found.id)
    assert (now.state, now.reason, now.goal.confirmation) == (State.ASIDE, Reason.RESTORED, None)
    assert (now.job.number, now.job.open, story.rows) == (jobs, False, [])
    again = story.comes()
    assert (again.id, again.state) == (found.id, State.ASIDE)
    story.tell(Confirmed(found.id, "D1", "school", "page"))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    assert [row["attempt"] for row in story.rows] == [jobs + 1]


def test_what_the_ledger_knows_no_more_of_changes_nothing(story: Restored) -> None:
    found = story.cloned()
    before = story.laptop(found.id)
    assert not ahead(before, 1, 0, 0)
    story.tell(LedgerAhead((KnownToLedger(found.id, 1, weighed=True), KnownToLedger("another", 7, weighed=True))))
    assert story.laptop(found.id) == before


def test_after_a_restore_everybody_asks_again(story: Restored) -> None:
    story.tell(Command("batch", "page", image="school", text="X", checked=True))
    found = story.confirmed()
    story.tell(LedgerAhead((), restored=True))
    now = story.laptop(found.id)
    assert (now.state, now.reason, now.goal.confirmation, now.job.number) == (State.ASIDE, Reason.RESTORED, None, 1)
    assert not story.state.batches
    assert (story.comes().state, story.rows) == (State.ASIDE, [])
    story.tell(Confirmed(found.id, "D1", "school", "page"))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    assert [row["attempt"] for row in story.rows] == [2]
