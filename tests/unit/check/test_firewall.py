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


UNTOLD = match({"meta": {"key": "mark"}}, 7)
DPORT = {"payload": {"protocol": "udp", "field": "dport"}}


def vmap(key: dict[str, Any], *pairs: list[Any]) -> dict[str, Any]:
    return {"vmap": {"key": key, "data": {"set": list(pairs)}}}


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
        (ruleset("accept", [port(69), {"xt": {"type": "target", "name": "REJECT"}}]), Passage.OPEN),
        (ruleset("accept", [port(67), {"xt": {"type": "target", "name": "REJECT"}}]), Passage.UNKNOWN),
        (ruleset("accept", [port(67), {"xt": None}]), Passage.UNKNOWN),  # as nft 1.0.2 writes it
        (ruleset("accept", [port(67), {"queue": None}]), Passage.UNKNOWN),
        (ruleset("accept", [vmap(DPORT, [67, DROP])]), Passage.CLOSED),
        (ruleset("accept", [vmap(DPORT, [69, DROP], [{"range": [60, 68]}, JUMP])], more=([DROP],)), Passage.CLOSED),
        (ruleset("drop", [vmap(DPORT, [69, DROP])], [ACCEPT]), Passage.OPEN),
        (ruleset("accept", [vmap({"meta": {"key": "mark"}}, [7, DROP])]), Passage.UNKNOWN),
        (ruleset("drop", [vmap({"ct": {"key": "state"}}, ["established", ACCEPT], ["invalid", DROP])]), Passage.CLOSED),
        # a rule that cannot be told goes both ways: here to the same end
        (ruleset("drop", [UNTOLD, DROP]), Passage.CLOSED),
        (ruleset("accept", [UNTOLD, ACCEPT]), Passage.OPEN),
        (ruleset("accept", [UNTOLD, JUMP], more=([port(69), DROP],)), Passage.OPEN),
        (ruleset("accept", [UNTOLD, JUMP], [port(67), DROP], more=([RETURN],)), Passage.CLOSED),
        (
            ruleset("drop", [match({"payload": {"protocol": "ip6", "field": "saddr"}}, "fe80::1"), ACCEPT]),
            Passage.CLOSED,
        ),
        (ruleset("drop", [match({"fib": {"result": "type", "flags": ["daddr"]}}, "broadcast"), ACCEPT]), Passage.OPEN),
        (ruleset("drop", [match({"meta": {"key": "pkttype"}}, "host"), ACCEPT]), Passage.CLOSED),
    ],
)
def test_a_packet_goes_where_the_kernel_would_send_it(rules: Ruleset, passage: Passage) -> None:
    assert rules.passage(DHCP) is passage


def test_chains_that_jump_to_each_other_end() -> None:
    assert ruleset("accept", [JUMP], more=([JUMP],)).passage(DHCP) is Passage.UNKNOWN


def test_a_return_in_a_base_chain_is_its_policy() -> None:
    assert ruleset("drop", [RETURN], [ACCEPT]).passage(DHCP) is Passage.CLOSED


def items(*told: dict[str, Any]) -> Ruleset:
    return Ruleset.from_json({"nftables": list(told)})


def chain(policy: str = "accept", **more: Any) -> dict[str, Any]:
    where = {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "policy": policy}
    return {"chain": {**where, **more}}


def rule(*expr: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": list(expr), **more}}


def test_sets_and_maps_that_have_names_are_looked_into() -> None:
    named = {
        "set": {"family": "inet", "table": "t", "name": "ports", "elem": [69, {"elem": {"val": 67, "timeout": 9}}]}
    }
    others = {"set": {"family": "inet", "table": "t", "name": "others", "elem": [69]}}
    assert items(chain("drop"), named, rule(port("@ports"), ACCEPT)).passage(DHCP) is Passage.OPEN
    assert items(chain("drop"), others, rule(port("@others"), ACCEPT)).passage(DHCP) is Passage.CLOSED
    verdicts = {"map": {"family": "inet", "table": "t", "name": "what", "elem": [[67, DROP]]}}
    by_map = rule({"vmap": {"key": DPORT, "data": "@what"}})
    assert items(chain(), verdicts, by_map).passage(DHCP) is Passage.CLOSED


def test_protocol_and_port_in_one() -> None:
    left = {"concat": [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}
    both = match(left, {"set": [{"concat": ["udp", 67]}, {"concat": ["tcp", 69]}]})
    rules = items(chain("drop"), rule(both, ACCEPT))
    assert rules.passage(DHCP) is Passage.OPEN
    assert rules.passage(FirstPacket("enp1s0", "udp", 69)) is Passage.CLOSED


def test_what_is_led_to_somewhere_else_does_not_come_here() -> None:
    away = rule(port(67), {"dnat": {"addr": "10.0.0.9"}})
    assert items(chain(type="nat", hook="prerouting"), away).passage(DHCP) is Passage.CLOSED


@pytest.mark.parametrize(
    ("device", "passage"),
    [({"dev": "enp1s0"}, Passage.CLOSED), ({"dev": ["lo", "eno9"]}, Passage.OPEN), ({}, Passage.UNKNOWN)],
)
def test_a_chain_of_an_interface(device: dict[str, Any], passage: Passage) -> None:
    """nft before 1.0.8 does not say of which interface it is."""
    base, drop = chain(family="netdev", hook="ingress", **device), rule(port(67), DROP, family="netdev")
    assert items(base, drop).passage(DHCP) is passage


@pytest.mark.parametrize(
    ("source", "passage"),
    [
        ("10.1.2.0/24", Passage.OPEN),
        ("10.9.0.0/24", Passage.CLOSED),
        ("10.0.0.0/8", Passage.UNKNOWN),
        ("", Passage.UNKNOWN),
    ],
)
def test_rules_for_the_network_that_laptops_are_on(source: str, passage: Passage) -> None:
    theirs = match({"payload": {"protocol": "ip", "field": "saddr"}}, {"prefix": {"addr": "10.1.0.0", "len": 16}})
    packet = FirstPacket("enp1s0", "udp", 69, "10.1.2.1", source)
    assert items(chain("drop"), rule(theirs, ACCEPT)).passage(packet) is passage


def test_a_long_list_of_addresses_is_gone_through() -> None:
    listed = [
        rule(match({"payload": {"protocol": "ip", "field": "saddr"}}, f"10.1.2.{n % 250}"), DROP) for n in range(3000)
    ]
    packet = FirstPacket("enp1s0", "udp", 69, "10.1.2.1", "10.1.2.0/24")
    assert items(chain(), *listed).passage(packet) is Passage.UNKNOWN
    assert items(chain("drop"), *listed).passage(packet) is Passage.CLOSED


def test_of_a_range_of_ports_those_are_asked_about_where_rules_change() -> None:
    rules = items(chain("drop"), rule(port({"range": [43000, 43499]}), ACCEPT))
    assert rules.ports(43000, 44999) == [43000, 43001, 43498, 43499, 43500, 44999]
