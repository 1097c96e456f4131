"""A laptop and its jobs."""

from __future__ import annotations

from dataclasses import fields

from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import JOB, Difference, Laptop, State, VerdictKind, begin_job
from cloned.core.ledger import ledger_row

WRONG = Difference("sda1", 0, 9, 1)


def test_nothing_of_a_job_leaks_into_the_next() -> None:
    spent = Laptop(
        LaptopId("l1"), 1, Identity(serial="S"), State.ASIDE, 5.0, 1.0, job=3, attempts=5, image="school",
        verdict=VerdictKind.DIFFERS, image_hash="9f", differs=(WRONG,), first_differs=(WRONG,), cleared=("ext4",),
        discarded=True, steps=(("grow", "failed", "why"),), bytes=7, reallocated=2, tag="A-1",
    )  # fmt: skip
    job = [each.name for each in fields(Laptop) if each.metadata == JOB]
    assert all(getattr(spent, name) for name in job)
    fresh = begin_job(spent)
    plain = Laptop(LaptopId("l1"), 1, Identity(), State.ASKING, 0.0, 0.0)
    assert [getattr(fresh, name) for name in job] == [getattr(plain, name) for name in job]
    assert (fresh.job, fresh.job_open, fresh.tag, fresh.image) == (4, True, "A-1", "school")


def test_what_the_ledger_says_of_a_job_begins_anew_with_it() -> None:
    """What stands in its row and is not about laptop, disk or image comes from fields that a new job clears."""
    of_laptop = {
        "laptop",
        "at",
        "image",
        "uuid",
        "serial",
        "vendor",
        "product",
        "macs",
        "tag",
        "disk",
        "hardware",
        "cpu",
        "memory",
        "firmware",
    }
    row = set(ledger_row(Laptop(LaptopId("l1"), 1, Identity(), State.DONE, 0.0, 0.0), 1.0)) - of_laptop
    elsewhere = {"attempt", "session", "state", "why", "rounds", "seconds"}
    assert row - elsewhere <= {each.name for each in fields(Laptop) if each.metadata == JOB}
