"""A packet through rules, as nft prints them."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.check.firewall import FirstPacket, Passage, Ruleset

DHCP = FirstPacket("enp1s0", "udp", 67)


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def port(right: Any, protocol: str = "udp") -> dict[str, Any]:
    return match({"payload": {"protocol": protocol, "field": "dport"}}, right)


def interface(name: str, op: str = "==") -> dict[str, Any]:
    return match({"meta": {"key": "iifname"}}, name, op)


def ruleset(policy: str, *rules: list[dict[str, Any]], more: tuple[list[dict[str, Any]], ...] = ()) -> Ruleset:
    chain = {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input", "policy": policy}
    where = {"family": "inet", "table": "filter"}
    told = [{"chain": chain}, {"chain": {**where, "name": "more"}}]
    told += [{"rule": {**where, "chain": "input", "expr": rule}} for rule in rules]
    told += [{"rule": {**where, "chain": "more", "expr": rule}} for rule in more]
    return Ruleset.from_json({"nftables": told})


ACCEPT, DROP, RETURN, JUMP = {"accept": None}, {"drop": None}, {"return": None}, {"jump": {"target": "more"}}
ESTABLISHED = match({"ct": {"key": "state"}}, ["established", "related"], "in")


@pytest.mark.parametrize(
    ("rules", "passage"),
    [
        (ruleset("accept"), Passage.OPEN),
        (ruleset("drop"), Passage.CLOSED),
        (ruleset("drop", [port(67), ACCEPT]), Passage.OPEN),
        (ruleset("drop", [port(68), ACCEPT]), Passage.CLOSED),
        (ruleset("drop", [port(67, "tcp"), ACCEPT]), Passage.CLOSED),
        (ruleset("drop", [port({"set": [69, {"range": [60, 70]}]}), ACCEPT]), Passage.OPEN),
        (ruleset("drop", [ESTABLISHED, ACCEPT]), Passage.CLOSED),
        (ruleset("drop", [match({"ct": {"key": "status"}}, "dnat", "in"), ACCEPT]), Passage.CLOSED),
        (ruleset("drop", [interface("enp1s0"), ACCEPT]), Passage.OPEN),
        (ruleset("drop", [interface("enp*"), ACCEPT]), Passage.OPEN),
        (ruleset("drop", [interface("lo"), ACCEPT]), Passage.CLOSED),
        (ruleset("accept", [interface("lo", "!="), DROP]), Passage.CLOSED),
        (ruleset("accept", [port(67), {"counter": {"packets": 1, "bytes": 9}}, DROP]), Passage.CLOSED),
        (ruleset("drop", [JUMP], more=([port(67), ACCEPT],)), Passage.OPEN),
        (ruleset("drop", [JUMP], [port(67), ACCEPT], more=([RETURN], [DROP])), Passage.OPEN),
        (ruleset("accept", [JUMP], more=([port(69), ACCEPT], [{"reject": None}])), Passage.CLOSED),
        (ruleset("accept", [{"limit": {"rate": 1}}, DROP]), Passage.UNKNOWN),
        (ruleset("drop", [port("@laptops"), ACCEPT]), Passage.UNKNOWN),
    ],
)
def test_a_packet_goes_where_the_kernel_would_send_it(rules: Ruleset, passage: Passage) -> None:
    assert rules.passage(DHCP) is passage


def test_chains_that_jump_to_each_other_end() -> None:
    assert ruleset("accept", [JUMP], more=([JUMP],)).passage(DHCP) is Passage.UNKNOWN


def test_a_return_in_a_base_chain_is_its_policy() -> None:
    assert ruleset("drop", [RETURN], [ACCEPT]).passage(DHCP) is Passage.CLOSED
