"""A bridge that snoops, and drops groups nobody asked for: multicast dies without our querier and lives with it."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.wire

LISTEN = """
import json, time
from cloned.agent.probe import ProbeListener
listener = ProbeListener(window=2.0)
listener.start()
while True:
    time.sleep(0.5)
    heard = listener.result()
    print(json.dumps([heard.heard, heard.expected]), flush=True)
"""
SEND = """
import asyncio, sys
from ipaddress import IPv4Address
from cloned.multicast.querier import ProbeSender
asyncio.run(ProbeSender(IPv4Address(sys.argv[1]), 7).run(0.1))
"""
ASK = """
import asyncio, json, sys
from ipaddress import IPv4Address
from cloned.multicast.igmp import Timing
from cloned.multicast.querier import IgmpQuerier
def say(election):
    print(json.dumps(["asking" if election.asking else str(election.other)]), flush=True)
async def main():
    timing = Timing(query_interval=2.0, response=0.5)
    querier = IgmpQuerier("eth0", IPv4Address(sys.argv[1]), say, version=int(sys.argv[2]), timing=timing, patience=3.0)
    task = asyncio.create_task(querier.run())
    while not task.done():
        await asyncio.sleep(0.5)
        print(json.dumps([querier.election.asking, querier.sent]), flush=True)
    task.result()
asyncio.run(main())
"""


def snooping(site: Any) -> None:
    """Snooping on, nobody asking, and a group forgotten 4 s after its last report (a switch takes 260).

    Linux floods as long as it knows no querier, which switches do not. So the bridge is told that
    it is the querier itself, but to ask so seldom (1/100 s) that it never does in a test.
    """
    site.build(
        "mcast_snooping",
        "1",
        "mcast_querier",
        "0",
        "mcast_query_response_interval",
        "10",
        "mcast_query_interval",
        "1000000",
        "mcast_startup_query_interval",
        "1000000",
        "mcast_membership_interval",
        "400",
        "mcast_querier_interval",
        "400",
    )
    site.ip(site.switch, "link", "set", "br0", "type", "bridge", "mcast_querier", "1")


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
def test_multicast_dies_without_a_querier_and_lives_with_ours(version: int, site: Any, read_until: Any) -> None:
    snooping(site)
    site.python(site.machine(1), SEND, "10.99.0.1")
    listener = site.python(site.machine(2), LISTEN)
    assert read_until(listener, 25, lambda line: line[0] == 0 and line[1] > 5), "nobody asks: the group is forgotten"

    querier = site.python(site.machine(1), ASK, "10.99.0.1", version)
    assert read_until(listener, 10, lambda line: line[0] >= 15 and line[0] >= 0.9 * line[1]), "we ask: it lives"
    assert read_until(listener, 6, lambda line: line[0] < 15) is None, "and goes on living, longer than a group is kept"
    assert read_until(querier, 1, lambda line: line[0] is True)

    site.stop(querier)
    assert read_until(listener, 20, lambda line: line[0] == 0), "nobody asks any more: it dies again"


@pytest.mark.slow
@pytest.mark.parametrize("site", [3], indirect=True)
def test_the_lower_address_asks_and_the_other_one_takes_over(site: Any, read_until: Any) -> None:
    site.build("mcast_snooping", "0")
    high = site.python(site.machine(3), ASK, "10.99.0.3", 2)
    assert read_until(high, 10, lambda line: line[0] is True and line[1] >= 2)

    low = site.python(site.machine(1), ASK, "10.99.0.1", 3)
    assert read_until(high, 10, lambda line: line == ["10.99.0.1"]), "it gives way to the lower address"
    asked = read_until(high, 2, lambda line: line[0] is False)[1]
    assert read_until(low, 2, lambda line: line[0] is True)
    assert read_until(high, 4, lambda line: line[0] is True or line[1:] not in ([], [asked])) is None, (
        "and asks nothing"
    )

    site.stop(low)
    assert read_until(high, 10, lambda line: line == ["asking"]), "it resumes after the other one's silence"
    assert read_until(high, 4, lambda line: line[0] is True and line[1] > asked)


@pytest.mark.slow
@pytest.mark.parametrize("site", [1], indirect=True)
def test_the_kernels_own_querier_with_a_lower_address_is_given_way_to(site: Any, read_until: Any) -> None:
    site.build(
        "mcast_snooping",
        "1",
        "mcast_querier",
        "0",
        "mcast_query_use_ifaddr",
        "1",
        "mcast_query_interval",
        "200",
        "mcast_startup_query_interval",
        "100",
    )
    site.ip(site.switch, "addr", "add", "10.99.0.100/24", "dev", "br0")
    site.ip(site.machine(1), "addr", "add", "10.99.0.200/24", "dev", "eth0")
    site.ip(site.switch, "link", "set", "br0", "type", "bridge", "mcast_querier", "1")
    ours = site.python(site.machine(1), ASK, "10.99.0.200", 2)
    assert read_until(ours, 20, lambda line: line == ["10.99.0.100"])

    site.ip(site.switch, "link", "set", "br0", "type", "bridge", "mcast_querier", "0")
    assert read_until(ours, 20, lambda line: line == ["asking"])
