"""A laptop and its jobs."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import CloneJob, Difference, Facts, Goal, Laptop, State, VerdictKind, begin_job
from cloned.core.ledger import ledger_row

WRONG = Difference("sda1", 0, 9, 1)


def test_nothing_of_a_job_leaks_into_the_next() -> None:
    spent = Laptop(
        LaptopId("l1"),
        1,
        Facts(Identity(serial="S")),
        State.ASIDE,
        5.0,
        1.0,
        tag="A-1",
        job=CloneJob(
            number=3,
            rounds=5,
            verdict=VerdictKind.DIFFERS,
            image_hash="9f",
            differs=(WRONG,),
            first_differs=(WRONG,),
            cleared=("ext4",),
            discarded=True,
            steps=(("grow", "failed", "why"),),
            bytes=7,
            reallocated=2,
            given_up=True,
        ),
        goal=Goal(image="school"),
    )
    assert all(asdict(replace(spent.job, open=True)).values())
    fresh = begin_job(spent)
    assert fresh.job == CloneJob(4, open=True)
    assert (fresh.tag, fresh.goal.image) == ("A-1", "school")


def test_what_the_ledger_says_of_a_job_begins_anew_with_it() -> None:
    """What stands in its row and is not about laptop, disk or image is of the job."""
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
    row = set(ledger_row(Laptop(LaptopId("l1"), 1, Facts(Identity()), State.DONE, 0.0, 0.0), 1.0)) - of_laptop
    elsewhere = {"attempt", "session", "state", "why", "seconds"}
    assert row - elsewhere <= {each.name for each in fields(CloneJob)}
