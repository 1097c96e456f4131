"""Laptops that somebody invents must not fill the workshop, and a bench full of real ones must get in."""

from dataclasses import replace

import pytest

from cloned.buckets import Bucket
from cloned.core.events import Booted
from cloned.core.ids import LaptopId, clean
from cloned.core.laptop import Contact
from cloned.core.reducer import step
from cloned.core.workshop import MAX_SILENT, Workshop
from cloned.errors import ClonedError
from cloned.newcomers import ALL_AT_ONCE, AT_ONCE, Newcomers


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def refused(newcomers, address):
    try:
        newcomers.admit(address)
    except ClonedError as error:
        return str(error)
    return ""


def test_a_bucket_holds_so_many_and_fills_again():
    clock = Clock()
    bucket = Bucket(2, 0.5, clock)
    assert [bucket.take() for _ in range(3)] == [0, 0, 2]
    clock.now += 2
    assert [bucket.take(), bucket.take()] == [0, 2]
    clock.now += 1000
    assert [bucket.take() for _ in range(3)] == [0, 0, 2]


def test_one_address_brings_a_dozen():
    clock = Clock()
    newcomers = Newcomers(clock)
    answers = [refused(newcomers, "10.0.0.7") for _ in range(AT_ONCE + 1)]
    assert answers[:-1] == [""] * AT_ONCE
    assert "10.0.0.7" in answers[-1]
    assert "30 s" in answers[-1]
    assert not refused(newcomers, "10.0.0.8")
    clock.now += 31
    assert not refused(newcomers, "10.0.0.7")


def test_all_addresses_together_bring_so_many():
    newcomers = Newcomers(Clock())
    answers = [refused(newcomers, f"10.0.{n >> 8}.{n & 255}") for n in range(ALL_AT_ONCE + 1)]
    assert not any(answers[:-1])
    assert "at once" in answers[-1]


def booted(workshop, number, now):
    mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
    event = Booted(f"t{number}", clean(macs=[mac]), mac, f"10.0.{number >> 8}.{number & 255}")
    return step(workshop, event, now, f"{number:032x}")[0]


def crowd(workshop, model, count):
    """So many more that only ever booted, each later than `model`."""
    more = [
        replace(model, id=LaptopId(f"{n:010x}"), contact=replace(model.contact, booted_at=2.0 + n))
        for n in range(count)
    ]
    return replace(workshop, laptops={**workshop.laptops, **{each.id: each for each in more}})


@pytest.mark.parametrize("known", [{"tag": "INV-1"}, {"contact": Contact(hellos=1)}, {"left_out": True}])
def test_the_oldest_that_never_spoke_are_forgotten_and_no_other(known):
    workshop = booted(booted(Workshop(), 0, 0.0), 1, 1.0)
    first, second = workshop.laptops.values()
    workshop = crowd(workshop.with_laptop(replace(first, **known)), second, MAX_SILENT - 2)
    workshop = booted(workshop, 4000, 4000.0)
    assert len(workshop.laptops) == MAX_SILENT + 1
    assert first.id in workshop.laptops
    assert second.id in workshop.laptops
    workshop = booted(workshop, 5000, 5000.0)
    assert len(workshop.laptops) == MAX_SILENT + 1
    assert first.id in workshop.laptops
    assert second.id not in workshop.laptops
