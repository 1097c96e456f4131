"""Kea's perfdhcp against our DHCP: hundreds of laptops at once, each with an address of its own."""

import shutil

import pytest

from cloned.lab.bench.dhcp import load_cable

pytestmark = [pytest.mark.interop, pytest.mark.skipif(not shutil.which("perfdhcp"), reason="perfdhcp is not there")]


@pytest.fixture
def cable():
    with load_cable() as made:
        yield made


def test_every_new_laptop_gets_an_address_of_its_own(cable):
    child = cable.ours()
    try:
        report = cable.load(rate=150, laptops=60_000, seconds=3, patience=10, once=True)
    finally:
        child.terminate()
        child.wait()
    assert (report.dropped, report.repeated) == (0, 0)


def test_far_too_many_do_not_stop_those_that_are_served(cable):
    """Whoever was made an offer gets the address; nobody else's repeats push them out."""
    child = cable.ours()
    try:
        report = cable.load(rate=5000, laptops=60_000, seconds=3, patience=10, once=True)
        after = cable.load(rate=50, laptops=100, seconds=2, patience=10, once=True)
    finally:
        child.terminate()
        child.wait()
    assert report.per_second > 0
    assert report.repeated == after.repeated == 0
    assert after.dropped == 0
