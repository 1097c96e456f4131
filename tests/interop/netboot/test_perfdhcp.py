"""Kea's perfdhcp against our DHCP: hundreds of laptops at once, each with an address of its own."""

import shutil

import pytest

from cloned.lab.bench.dhcp import load_cable
from cloned.netboot.inbox import MOST

pytestmark = [pytest.mark.interop, pytest.mark.skipif(not shutil.which("perfdhcp"), reason="perfdhcp is not there")]

TURNS = 5
"""In which a flood comes, until one of it is served."""


@pytest.fixture
def cable():
    with load_cable() as made:
        yield made


def test_every_new_laptop_gets_an_address_of_its_own(cable):
    """No more than may wait for an address at once: they never repeat themselves, and a machine may stand still."""
    seconds, most = 3, MOST[-1]
    child = cable.ours()
    try:
        report = cable.load(rate=most // seconds - 1, laptops=60_000, seconds=seconds, patience=10, once=True)
    finally:
        child.terminate()
        child.wait()
    assert (report.dropped, report.repeated) == (0, 0)


def test_far_too_many_do_not_stop_those_that_are_served(cable):
    """Whoever was made an offer gets the address; nobody else's repeats push them out.

    None of these repeats itself, so where the machine stands still for their three seconds nobody is served: once more.
    """
    child = cable.ours()
    try:
        floods = (cable.load(rate=5000, laptops=60_000, seconds=3, patience=10, once=True) for _ in range(TURNS))
        served = next((report for report in floods if report.per_second > 0), None)
        after = cable.load(rate=50, laptops=100, seconds=2, patience=10, once=True)
    finally:
        child.terminate()
        child.wait()
    assert served is not None
    assert served.repeated == after.repeated == 0
    assert after.dropped == 0
