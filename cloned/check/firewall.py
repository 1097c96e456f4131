"""What the kernel's packet filter does with laptops' packets: nftables' rules read, not guessed. Pure.

`nft -j list ruleset` (libnftables-json(5)) gives chains, sets and rules; a packet is led through those that it comes by
as the kernel would. A rule that looks at what we do not know goes both ways: where both come to the same end, that is
the answer, and where they do not it is "unknown", never "open". packet_rules.py understands a single rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloned.check.packet_rules import FirstPacket, Passage, Rule, Sets, Verdict, judged
from cloned.json_data import JsonObject, as_list, as_object, as_objects, as_text

Where = tuple[str, str, str]
"""Family, table and chain."""
Place = tuple[Where, int]
"""A chain, and the number of the rule that is next in it."""

DEEPEST = 16
"""Chains nest no deeper (nft's own limit)."""
LED_AWAY = ("dnat", "redirect", "tproxy")
"""What a chain of type nat does with a packet that is then no longer for us."""

__all__ = ["FirstPacket", "Passage", "Ruleset"]


@dataclass(frozen=True)
class Ruleset:
    """Chains, sets and rules by (family, table, chain)."""

    chains: tuple[JsonObject, ...]
    rules: Mapping[Where, Sequence[Rule]]
    sets: Mapping[tuple[str, str], Sets] = field(default_factory=dict)
    """(family, table) → name of a set or map → its elements."""

    @classmethod
    def from_json(cls, data: JsonObject) -> Ruleset:
        """Out of what `nft -j list ruleset` prints."""
        chains, rules = [], dict[Where, list[Rule]]()
        sets = dict[tuple[str, str], dict[str, Sequence[object]]]()
        for item in as_objects(data.get("nftables", [])):
            ((kind, told),) = item.items()
            about = as_object(told)
            if kind == "chain":
                chains.append(about)
            elif kind == "rule":
                rules.setdefault(_where(about, about["chain"]), []).append(about)
            elif kind in ("set", "map"):
                table = as_text(about["family"]), as_text(about["table"])
                sets.setdefault(table, {})[as_text(about["name"])] = as_list(about.get("elem", []))
        return cls(tuple(chains), rules, sets)

    def passage(self, probe: FirstPacket) -> Passage:
        """Through every base chain that an IPv4 packet to ourselves comes by: one that drops closes it."""
        found = [
            _agreed(set() if comes else {Passage.OPEN}, _Walk(self, chain, probe).end())
            for chain in self.chains
            if (comes := _comes_by(chain, probe.interface)) is not False
        ]
        if Passage.CLOSED in found:
            return Passage.CLOSED
        return Passage.UNKNOWN if Passage.UNKNOWN in found else Passage.OPEN

    @property
    def maker(self) -> str:
        """What the rules are made with: `firewalld`, `ufw`, `iptables`, or `nft` itself."""
        tables = {as_text(each["table"]) for each in self.chains}
        names = {as_text(each["name"]) for each in self.chains}
        if "firewalld" in tables:
            return "firewalld"
        if any(name.startswith("ufw-") for name in names):
            return "ufw"
        return "iptables" if "INPUT" in names else "nft"

    def ports(self, first: int, last: int) -> list[int]:
        """Of a range of ports those at which rules may begin or cease to mean one: enough to ask about."""
        told = _numbers(list(self.rules.values())) | _numbers(list(self.sets.values()))
        near = {each + step for each in told for step in (-1, 0, 1)}
        return sorted({first, last} | {port for port in near if first <= port <= last})


def _comes_by(chain: JsonObject, interface: str) -> bool | None:
    """Whether a packet that comes in by this interface passes a base chain. netdev's are bound to interfaces, which
    nft before 1.0.8 does not name: None."""
    hook, kind, family = chain.get("hook"), chain.get("type"), chain["family"]
    if family == "netdev":
        devices = chain.get("dev")
        named = devices if isinstance(devices, list) else [devices]
        return False if hook != "ingress" else None if devices is None else interface in named
    if family not in ("ip", "inet"):
        return False
    return (kind == "filter" and hook in ("input", "prerouting", "ingress")) or (kind, hook) == ("nat", "prerouting")


class _Walk:
    """One packet through one base chain."""

    def __init__(self, rules: Ruleset, chain: JsonObject, probe: FirstPacket) -> None:
        self._rules, self._base, self._probe = rules, chain, probe
        self._sets = rules.sets.get((as_text(chain["family"]), as_text(chain["table"])), {})
        self._known: dict[tuple[Place, tuple[Place, ...]], Passage] = {}

    def end(self) -> Passage:
        """What becomes of it."""
        return self._from((_where(self._base, self._base["name"]), 0), ())

    def _from(self, place: Place, back: tuple[Place, ...]) -> Passage:
        """From a rule on; `back`: where the chains that were jumped from go on."""
        known = self._known.get((place, back))
        if known is None:
            self._known[place, back] = Passage.UNKNOWN  # chains that lead to each other, which the kernel refuses
            known = self._known[place, back] = self._through(place, back) if len(back) <= DEEPEST else Passage.UNKNOWN
        return known

    def _through(self, place: Place, back: tuple[Place, ...]) -> Passage:
        where, first = place
        perhaps: set[Passage] = set()
        for number, rule in enumerate(self._rules.rules.get(where, ())[first:], first):
            matched, verdict = judged(rule, self._probe, self._sets)
            if matched is False or verdict is None:
                continue
            found = self._follow(verdict, (where, number + 1), back)
            if matched is True:
                return _agreed(perhaps, found)
            perhaps.add(found)
        return _agreed(perhaps, self._left(back))

    def _follow(self, verdict: Verdict, after: Place, back: tuple[Place, ...]) -> Passage:
        kind, target = verdict
        if kind == "accept":
            return Passage.OPEN
        if kind in ("drop", "reject", *LED_AWAY):
            return Passage.CLOSED
        if kind == "return":
            return self._left(back)
        if kind in ("jump", "goto"):
            return self._from(((*after[0][:2], target), 0), (*back, after) if kind == "jump" else back)
        return Passage.UNKNOWN

    def _left(self, back: tuple[Place, ...]) -> Passage:
        """A chain came to its end."""
        if back:
            return self._from(back[-1], back[:-1])
        return Passage.CLOSED if self._base.get("policy") == "drop" else Passage.OPEN


def _agreed(perhaps: set[Passage], last: Passage) -> Passage:
    """What every way that the packet may have taken comes to."""
    return last if perhaps <= {last} else Passage.UNKNOWN


def _where(of: JsonObject, chain: object) -> Where:
    return as_text(of["family"]), as_text(of["table"]), as_text(chain)


def _numbers(data: object) -> set[int]:
    """Every whole number that stands somewhere in data."""
    if isinstance(data, bool):
        return set()
    if isinstance(data, int):
        return {data}
    parts = data.values() if isinstance(data, Mapping) else data if isinstance(data, list | tuple) else ()
    return {number for part in parts for number in _numbers(part)}
