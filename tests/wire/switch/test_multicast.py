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
from cloned.switch.multicast import ProbeSender
asyncio.run(ProbeSender(IPv4Address(sys.argv[1]), 7).run(0.1))
"""
ASK = """
import asyncio, json, sys
from ipaddress import IPv4Address
from cloned.switch.igmp import Timing
from cloned.switch.multicast import IgmpQuerier
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
    """Snooping on, no querier, and what nobody asked for is dropped, as on a switch that filters.

    The bridge forgets groups and queriers after 4 s instead of 260 (its intervals are in 1/100 s).
    """
    site.build(
        "mcast_snooping", "1", "mcast_querier", "0", "mcast_querier_interval", "400", "mcast_membership_interval", "400")
    for number in range(1, site.machines + 1):
        site.ip(site.switch, "link", "set", f"port{number}", "type", "bridge_slave", "mcast_flood", "off")


@pytest.mark.parametrize("version", [2, 3])
def test_multicast_dies_without_a_querier_and_lives_with_ours(version: int, site: Any, read_lines: Any) -> None:
    snooping(site)
    site.python(site.machine(1), SEND, "10.99.0.1")
    listener = site.python(site.machine(2), LISTEN)
    dead = read_lines(listener, 3.0)
    assert dead, "the listener says something"
    assert all(heard == 0 for heard, _ in dead), dead

    querier = site.python(site.machine(1), ASK, "10.99.0.1", version)
    alive = read_lines(listener, 6.0)
    heard, expected = alive[-1]
    assert heard >= 15 and heard >= 0.9 * expected, alive
    assert read_lines(querier, 0.1)[-1][0] is True

    site.stop(querier)
    later = read_lines(listener, 8.0)
    assert later[-1][0] == 0, "the bridge forgets the group when nobody asks any more"


@pytest.mark.parametrize("site", [3], indirect=True)
def test_the_lower_address_asks_and_the_other_one_takes_over(site: Any, read_lines: Any) -> None:
    site.build("mcast_snooping", "0")
    high = site.python(site.machine(3), ASK, "10.99.0.3", 2)
    assert read_lines(high, 3.0)[-1][0] is True

    low = site.python(site.machine(1), ASK, "10.99.0.1", 3)
    told = read_lines(high, 4.0)
    assert ["10.99.0.1"] in told
    assert told[-1][0] is False
    asked = told[-1][1]
    assert read_lines(low, 0.1)[-1][0] is True

    site.stop(low)
    told = read_lines(high, 6.0)
    assert ["asking"] in told, "it resumes when the other one has been silent for its patience"
    assert told[-1][0] is True
    assert told[-1][1] > asked
