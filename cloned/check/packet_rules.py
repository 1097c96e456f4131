"""One rule of nftables and one packet: whether the rule is meant for it, and what the rule says. Pure.

Statements and expressions as libnftables-json(5) names them. What is not understood is None, and so is what cannot be
known before a packet comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, ip_address, ip_network

from cloned.json_data import JsonObject, as_int, as_list, as_object, as_objects, as_text


class Passage(Enum):
    """What becomes of a packet."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FirstPacket:
    """A first packet of a conversation, as it comes in."""

    interface: str
    protocol: str
    """`udp`, `tcp` or `igmp`."""
    port: int
    destination: str = "255.255.255.255"
    source: str = ""
    """The network that it comes from, or an address; "": not known."""
    source_port: int | None = None

    @property
    def kind(self) -> str:
        """Whom it is for: `broadcast`, `multicast`, or us alone."""
        address = ip_address(self.destination)
        return "broadcast" if str(address) == "255.255.255.255" else "multicast" if address.is_multicast else "local"


Rule = JsonObject
Sets = Mapping[str, Sequence[object]]
Verdict = tuple[str, str]
"""`accept`, `drop`, `jump` …, and the chain it leads to; `unknown` for an end that is not understood."""

ENDS = frozenset({"accept", "drop", "return", "reject", "dnat", "redirect", "tproxy"})
UNKNOWN_END: Verdict = ("unknown", "")
HARMLESS = frozenset({"counter", "log", "comment", "notrack", "set", "add", "update", "mangle", "meter", "ct helper"})
"""Statements after which a packet goes on as it was, as far as we look."""
PACKET_TYPES = {"broadcast": "broadcast", "multicast": "multicast", "local": "host"}
TRANSPORT = frozenset({"tcp", "udp", "th"})
FOREIGN = frozenset({"ip6", "arp", "icmpv6"})
"""What no packet of IPv4 has."""
ABOVE_IP = frozenset({"tcp", "udp", "udplite", "sctp", "dccp", "icmp", "igmp", "esp", "ah", "comp", "gre"})
"""Of which a packet has one."""


def judged(rule: Rule, probe: FirstPacket, sets: Sets) -> tuple[bool | None, Verdict | None]:
    """Whether a rule is meant for the packet (None: cannot be told), and its verdict if it has one."""
    matched: list[bool | None] = []
    verdict: Verdict | None = None
    for part in as_objects(rule.get("expr", [])):
        ((kind, value),) = part.items()
        if kind == "match":
            matched.append(_match(as_object(value), probe, sets))
        elif kind == "vmap":
            verdict = _mapped(as_object(value), probe, sets) or verdict
        elif (end := _end(kind, value)) is not None:
            verdict = end
        elif kind not in HARMLESS:
            matched.append(None)
    return (False if False in matched else None if None in matched else True), verdict


def _end(kind: str, value: object) -> Verdict | None:
    """A statement that a packet does not come past. What a target of iptables' does, nobody says here."""
    if kind in ENDS:
        return kind, ""
    if kind in ("jump", "goto"):
        return kind, as_text(as_object(value)["target"])
    target = kind == "xt" and not (isinstance(value, Mapping) and value.get("type") == "match")
    return UNKNOWN_END if kind in ("queue", "fwd") or target else None


def _mapped(vmap: JsonObject, probe: FirstPacket, sets: Sets) -> Verdict | None:
    """The verdict that a map holds for this packet; None where it has none for it."""
    value, data = _left(vmap["key"], probe), vmap["data"]
    pairs = sets.get(data[1:]) if isinstance(data, str) else as_list(as_object(data).get("set", []))
    if value is None or pairs is None:
        return UNKNOWN_END
    for pair in pairs:
        key, verdict = as_list(pair)
        found = _in(value, key, sets)
        if found is None:
            return UNKNOWN_END
        if found:
            ((kind, more),) = as_object(verdict).items()
            return _end(kind, more) if kind != "continue" else None
    return None


def _match(match: JsonObject, probe: FirstPacket, sets: Sets) -> bool | None:
    """Whether one comparison holds; None for what is not understood."""
    value = _left(match["left"], probe)
    if value is None:
        return None
    found = _in(value, match["right"], sets)
    if found is None:
        return None
    return found if match.get("op", "==") in ("==", "in") else not found if match["op"] == "!=" else None


class _Other:
    """The value of what a packet does not have, such as a TCP port of UDP: no rule that looks at it is meant for it."""


OTHER = _Other()


def _left(left: object, probe: FirstPacket) -> object:
    """The packet's value of what a match looks at; None where that is not known beforehand."""
    if not isinstance(left, Mapping) or len(left) != 1:
        return None
    ((kind, value),) = left.items()
    if kind == "concat":
        return _several([_left(each, probe) for each in as_list(value)])
    if kind in ("&", "|", "^"):  # bits of something: known only where that something is not there at all
        return OTHER if OTHER in [_left(each, probe) for each in as_list(value)] else None
    about = value if isinstance(value, Mapping) else {}
    if kind == "meta":
        return _meta(str(about.get("key")), probe)
    if kind == "payload":
        return _payload(str(about.get("protocol")), str(about.get("field")), probe)
    if kind == "ct":
        # firewalld lets in what was sent on by DNAT, which a first packet to ourselves was not
        return {"state": "new", "status": "seen by nobody yet"}.get(str(about.get("key")))
    if kind == "fib":
        return _route(about, probe)
    return None


def _several(values: list[object]) -> object:
    return OTHER if OTHER in values else None if None in values else tuple(values)


def _meta(key: str, probe: FirstPacket) -> object:
    return {
        "iifname": probe.interface,
        "iif": probe.interface,
        "l4proto": probe.protocol,
        "nfproto": "ipv4",
        "protocol": "ip",
        "pkttype": PACKET_TYPES[probe.kind],
    }.get(key)


def _payload(protocol: str, field: str, probe: FirstPacket) -> object:
    if protocol == "ip":
        known: dict[str, object] = {"protocol": probe.protocol, "daddr": ip_address(probe.destination)}
        return known.get(field) or (ip_network(probe.source) if field == "saddr" and probe.source else None)
    if protocol in FOREIGN or (protocol in ABOVE_IP and protocol != probe.protocol):
        return OTHER
    if protocol in TRANSPORT and probe.protocol in TRANSPORT:
        return {"dport": probe.port, "sport": probe.source_port}.get(field)
    return OTHER if protocol == "th" else None


def _route(about: Mapping[str, object], probe: FirstPacket) -> object:
    """What the routing table says: of which type the destination is; that there is a way back to the sender."""
    flags = about.get("flags")
    if about.get("result") == "type" and flags in ("daddr", ["daddr"], ["daddr", "iif"]):
        return probe.kind
    return "a way back" if about.get("result") in ("oif", "oifname") and "saddr" in as_list(flags or []) else None


def _in(value: object, right: object, sets: Sets) -> bool | None:
    """Whether `value` is, or is among, what a match compares with."""
    if value is OTHER:
        return False
    if isinstance(right, list):
        return _any([_in(value, each, sets) for each in right])
    if isinstance(right, Mapping):
        return _in_one_of(value, right, sets)
    if isinstance(right, str) and right.startswith("@"):
        elements = sets.get(right[1:])
        return None if elements is None else _any([_in(value, each, sets) for each in elements])
    if isinstance(value, IPv4Network):
        return _within(value, str(right))
    if isinstance(right, str) and right.endswith("*") and isinstance(value, str):
        return value.startswith(right[:-1])
    return str(value) == str(right)


def _any(found: Sequence[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _in_one_of(value: object, right: JsonObject, sets: Sets) -> bool | None:
    ((kind, what),) = right.items()
    if kind == "set":
        return _any([_in(value, each, sets) for each in as_list(what)])
    if kind == "elem":
        return _in(value, as_object(what)["val"], sets)
    if kind == "concat" and isinstance(value, tuple):
        found = [_in(mine, theirs, sets) for mine, theirs in zip(value, as_list(what), strict=True)]
        return False if False in found else None if None in found else True
    if kind == "range" and isinstance(value, int):
        first, last = as_list(what)
        return as_int(first) <= value <= as_int(last)
    if kind == "range" and not isinstance(value, IPv4Network):
        first, last = (ip_address(str(each)) for each in as_list(what))
        return int(first) <= int(ip_address(str(value))) <= int(last)
    if kind == "prefix":
        network = as_object(what)
        return _within(value, f"{network['addr']}/{network['len']}")
    return None


def _within(value: object, text: str) -> bool | None:
    """Whether an address is of a network; None for a network of which a part alone is."""
    theirs = ip_network(text, strict=False)
    if not isinstance(value, IPv4Network):
        return value in theirs
    if not isinstance(theirs, IPv4Network) or not value.overlaps(theirs):
        return False
    return True if value.subnet_of(theirs) else None
