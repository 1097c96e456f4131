"""Rules of iptables' as nft writes them."""

from __future__ import annotations

from typing import Any

import pytest

from cloned.check.firewall import FirstPacket, Passage, Ruleset
from cloned.check.translated import filled, statements, translates

TEXT = """table ip filter { # handle 22
\tchain INPUT { # handle 1
\t\ttype filter hook input priority filter; policy drop;
\t\tiifname "lo" counter packets 0 bytes 0 accept # handle 2
\t\tct state related,established counter packets 0 bytes 0 accept # handle 3
\t\tlimit rate 3/minute burst 10 packets counter packets 0 bytes 0 log prefix "[UFW BLOCK] " # handle 4
\t\tfib daddr type multicast counter packets 0 bytes 0 return # handle 5
\t\tmeta l4proto udp udp dport { 67, 69-70 }  counter packets 0 bytes 0 accept # handle 6
\t\tiifname != "eth0" ip saddr 10.0.0.0/8 tcp dport 99 ct state new counter packets 0 bytes 0 reject with tcp reset # handle 7
\t\tcounter packets 0 bytes 0 reject # handle 8
\t}
}"""
"""`nft -a list ruleset` 1.0.6 of rules that iptables-nft 1.8.9 made."""


def listed() -> dict[str, Any]:
    """What `nft -j` tells of the same: that there is something of iptables'."""
    where = {"family": "ip", "table": "filter"}
    base = {**where, "name": "INPUT", "type": "filter", "hook": "input", "policy": "drop"}
    dark = [{"xt": {"type": "match", "name": "conntrack"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": None}]
    rules = [{"rule": {**where, "chain": "INPUT", "handle": handle, "expr": dark}} for handle in range(2, 9)]
    return {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"chain": base}, *rules]}


@pytest.mark.parametrize(
    ("port", "passage"),
    [(67, Passage.OPEN), (69, Passage.OPEN), (70, Passage.OPEN), (71, Passage.CLOSED), (4011, Passage.CLOSED)],
)
def test_they_are_read_as_the_kernel_takes_them(port: int, passage: Passage) -> None:
    told = listed()
    assert translates(told)
    packet = FirstPacket("eth0", "udp", port, "10.1.1.1", "10.1.1.0/24")
    assert Ruleset.from_json(told).passage(packet) is Passage.UNKNOWN
    assert Ruleset.from_json(filled(told, TEXT)).passage(packet) is passage


@pytest.mark.parametrize(
    "text",
    [
        'xt match "geoip" counter packets 0 bytes 0 accept',
        'udp dport 67 counter packets 0 bytes 0 xt target "TARPIT"',
        "somebody's own words",
        "udp dport",
        "ct",
        'comment "where { is",',
        "limit rate over",
    ],
)
def test_what_is_not_understood_is_unknown_and_no_fault(text: str) -> None:
    base = {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "policy": "drop"}
    rules = [
        {"family": "ip", "table": "t", "chain": "c", "expr": expr} for expr in (statements(text), [{"accept": None}])
    ]
    told = {"nftables": [{"chain": base}, *({"rule": each} for each in rules)]}
    assert Ruleset.from_json(told).passage(FirstPacket("eth0", "udp", 67)) in (Passage.UNKNOWN, Passage.OPEN)


def test_without_rules_of_iptables_nothing_is_translated() -> None:
    assert not translates({"nftables": [{"rule": {"expr": [{"accept": None}]}}]})
