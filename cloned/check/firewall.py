"""What the kernel's packet filter does with laptops' packets: nftables' rules read, not guessed. Pure.

`nft -j list ruleset` (libnftables-json(5)) gives chains and rules; a packet is led through those of the input hook as
the kernel would. What a rule looks at and we do not understand makes the answer "unknown" from there on, never "open".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address, ip_network

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


Rule = JsonObject
Where = tuple[str, str, str]
"""Family, table and chain."""
Verdict = tuple[str, str]
"""`accept`, `drop`, `jump` …, and the chain it leads to."""


class GoOn(Enum):
    """A chain that was jumped to said nothing: the next rule counts."""

    GO_ON = "go on"


@dataclass(frozen=True)
class Ruleset:
    """Chains and rules by (family, table, chain)."""

    chains: tuple[JsonObject, ...]
    rules: Mapping[Where, Sequence[Rule]]

    @classmethod
    def from_json(cls, data: JsonObject) -> Ruleset:
        """Out of what `nft -j list ruleset` prints."""
        chains, rules = [], dict[Where, list[Rule]]()
        for item in as_objects(data.get("nftables", [])):
            if "chain" in item:
                chains.append(as_object(item["chain"]))
            elif "rule" in item:
                rule = as_object(item["rule"])
                rules.setdefault(_where(rule, rule["chain"]), []).append(rule)
        return cls(tuple(chains), rules)

    def passage(self, probe: FirstPacket) -> Passage:
        """Through every base chain of the input hook that sees IPv4: one that drops closes it."""
        inputs = [
            chain
            for chain in self.chains
            if chain.get("hook") in ("input", "prerouting")
            and chain.get("type") == "filter"
            and chain["family"] in ("ip", "inet")
        ]
        found = [self._through(chain, probe) for chain in inputs]
        if Passage.CLOSED in found:
            return Passage.CLOSED
        return Passage.UNKNOWN if Passage.UNKNOWN in found else Passage.OPEN

    def _through(self, chain: JsonObject, probe: FirstPacket) -> Passage:
        verdict = self._verdict(_where(chain, chain["name"]), probe, 0)
        if verdict is None:
            return Passage.CLOSED if chain.get("policy") == "drop" else Passage.OPEN
        return verdict

    def _verdict(self, where: Where, probe: FirstPacket, depth: int) -> Passage | None:
        """What a chain says; None where the packet leaves it at its end. Chains nest at most 16 deep (nft's limit)."""
        if depth > 16:
            return Passage.UNKNOWN
        for rule in self.rules.get(where, ()):
            matched, verdict = _rule(rule, probe)
            if verdict is None or matched is False:
                continue
            if matched is None:
                return Passage.UNKNOWN
            found = self._follow(verdict, where, probe, depth)
            if not isinstance(found, GoOn):
                return found
        return None

    def _follow(self, verdict: Verdict, where: Where, probe: FirstPacket, depth: int) -> Passage | GoOn | None:
        kind, target = verdict
        if kind == "accept":
            return Passage.OPEN
        if kind in ("drop", "reject"):
            return Passage.CLOSED
        if kind == "return":
            return None
        found = self._verdict((*where[:2], target), probe, depth + 1)
        return found if found is not None or kind == "goto" else GoOn.GO_ON


def _where(of: JsonObject, chain: object) -> Where:
    return as_text(of["family"]), as_text(of["table"]), as_text(chain)


def _rule(rule: Rule, probe: FirstPacket) -> tuple[bool | None, Verdict | None]:
    """Whether a rule is meant for the packet (None: cannot be told), and its verdict if it has one."""
    matched: list[bool | None] = []
    verdict = None
    for part in as_objects(rule.get("expr", [])):
        ((kind, value),) = part.items()
        if kind == "match":
            matched.append(_match(as_object(value), probe))
        elif kind in ("accept", "drop", "return", "reject"):
            verdict = (kind, "")
        elif kind in ("jump", "goto"):
            verdict = (kind, str(as_object(value)["target"]))
        elif kind not in ("counter", "log", "comment"):
            matched.append(None)
    return (False if False in matched else None if None in matched else True), verdict


def _match(match: JsonObject, probe: FirstPacket) -> bool | None:
    """Whether one comparison holds; None for what is not understood."""
    value = _left(match["left"], probe)
    if value is None:
        return None
    found = _in(value, match["right"])
    if found is None:
        return None
    return found if match.get("op", "==") in ("==", "in") else not found if match["op"] == "!=" else None


def _left(left: object, probe: FirstPacket) -> object:
    """The packet's value of what a match looks at; None where that is not known beforehand."""
    if not isinstance(left, Mapping):
        return None
    ((kind, value),) = left.items()
    if kind == "meta":
        return {
            "iifname": probe.interface,
            "iif": probe.interface,
            "l4proto": probe.protocol,
            "nfproto": "ipv4",
            "protocol": "ip",
        }.get(value.get("key"))
    if kind == "payload":
        field = (value.get("protocol"), value.get("field"))
        if field == ("ip", "protocol"):
            return probe.protocol
        if field == ("ip", "daddr"):
            return ip_address(probe.destination)
        if field[1] in ("dport", "sport", "type"):
            return (probe.port if field[1] == "dport" else None) if field[0] in (probe.protocol, "th") else _OTHER
    if kind == "ct" and value.get("key") == "state":
        return "new"
    if kind == "ct" and value.get("key") == "status":
        return "seen by nobody yet"  # firewalld lets in what was sent on by DNAT: no first packet to ourselves
    return None


_OTHER = "of another protocol"


def _in(value: object, right: object) -> bool | None:
    """Whether `value` is, or is among, what a match compares with."""
    if value == _OTHER:
        return False
    if isinstance(right, list):
        return value in right
    if isinstance(right, Mapping):
        return _in_one_of(value, right)
    if isinstance(right, str) and right.startswith("@"):
        return None
    if isinstance(right, str) and right.endswith("*") and isinstance(value, str):
        return value.startswith(right[:-1])
    return str(value) == str(right)


def _in_one_of(value: object, right: JsonObject) -> bool | None:
    ((kind, what),) = right.items()
    if kind == "set":
        found = [_in(value, each) for each in as_list(what)]
        return True if True in found else None if None in found else False
    if kind == "range" and isinstance(value, int):
        first, last = as_list(what)
        return as_int(first) <= value <= as_int(last)
    if kind == "prefix":
        network = as_object(what)
        return value in ip_network(f"{network['addr']}/{network['len']}", strict=False)
    return None
