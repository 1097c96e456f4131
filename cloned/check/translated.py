"""Rules of iptables' as `nft -a list ruleset` translates them: JSON tells a name of what they look at, no more. Pure.

Of nft's language this is what such rules are translated into; whatever else stands there is "unknown", as in JSON.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from cloned.check.packet_rules import Rule
from cloned.json_data import JsonObject, as_object, as_objects

Handles = Mapping[tuple[str, str, int], str]
"""(family, table, handle) → the rule as text."""

UNKNOWN: JsonObject = {"xt": {"type": "match"}}
_TABLE = re.compile(r"^table (\S+) (\S+) \{")
_RULE = re.compile(r"^\t\t(.*) # handle (\d+)$")
_HEADERS = ("ip", "tcp", "udp", "th", "icmp", "igmp")
_LIMIT = ("rate", "burst", "over", "packets", "bytes")
_AMONG = ("ct", "fib", "meta")


def handles(text: str) -> dict[tuple[str, str, int], str]:
    """The rules of `nft -a list ruleset` by their handles."""
    found, family, table = {}, "", ""
    for line in text.splitlines():
        if opened := _TABLE.match(line):
            family, table = opened[1], opened[2]
        elif rule := _RULE.match(line):
            found[family, table, int(rule[2])] = rule[1]
    return found


def filled(data: JsonObject, text: str) -> JsonObject:
    """What `nft -j list ruleset` printed, with rules of iptables' as the text has them."""
    known = handles(text)

    def told(item: JsonObject) -> JsonObject:
        return {"rule": _filled(as_object(item["rule"]), known)} if "rule" in item else item

    return {"nftables": [told(each) for each in as_objects(data.get("nftables", []))]}


def translates(data: JsonObject) -> bool:
    """Whether there is a rule that JSON alone does not tell."""
    return any("xt" in part for item in as_objects(data.get("nftables", [])) if "rule" in item
               for part in as_objects(as_object(item["rule"]).get("expr", [])))  # fmt: skip


def _filled(rule: Rule, known: Handles) -> Rule:
    text = known.get((str(rule.get("family")), str(rule.get("table")), int(str(rule.get("handle") or 0))))
    if text is None or not any("xt" in part for part in as_objects(rule.get("expr", []))):
        return rule
    return {**rule, "expr": statements(text)}


def statements(text: str) -> list[JsonObject]:
    """A rule's text as statements of JSON."""
    try:
        words = shlex.split(text.replace("{", " { ").replace("}", " } "))
    except ValueError:
        return [UNKNOWN, {"xt": {"type": "target"}}]
    found: list[JsonObject] = []
    while words:
        found.append(_statement(words))
    return found


def _statement(words: list[str]) -> JsonObject:
    """Takes one statement off the front."""
    word = words.pop(0)
    if word in ("accept", "drop", "return"):
        return {word: None}
    if word in ("jump", "goto"):
        return {word: {"target": words.pop(0) if words else ""}}
    if word == "reject":
        words.clear()  # with what it is refused ends the rule
        return {"reject": None}
    if word == "counter":
        del words[: 4 if words[:1] == ["packets"] else 0]
        return {"counter": None}
    if word in ("log", "limit", "comment"):
        return _skipped(word, words)
    if word == "xt":
        kind, _ = (words.pop(0), words.pop(0)) if len(words) > 1 else ("target", "")
        return {"xt": {"type": kind}}
    return _compared(word, words)


def _skipped(word: str, words: list[str]) -> JsonObject:
    """What a log, a limit or a comment is given; only a limit decides anything."""
    if word == "comment":
        del words[:1]
    while word == "log" and words and words[0] in ("prefix", "level", "group", "snaplen", "queue-threshold", "flags"):
        del words[:2]
    while word == "limit" and words and (words[0] in _LIMIT or "/" in words[0] or words[0].isdigit()):
        words.pop(0)  # `rate 3/minute burst 10 packets`
    return UNKNOWN if word == "limit" else {word: None}


def _compared(word: str, words: list[str]) -> JsonObject:
    """`udp dport { 67, 69 }`, `ct state related,established`, `iifname != "lo"`, …"""
    left: JsonObject
    if word in ("iifname", "iif", "l4proto", "pkttype", "nfproto"):
        left = {"meta": {"key": word}}
    elif word in _AMONG and len(words) > 1:
        left = _about(word, words)
    elif word in _HEADERS and words:
        left = {"payload": {"protocol": word, "field": words.pop(0)}}
    else:
        return UNKNOWN
    op = words.pop(0) if words[:1] in (["!="], ["=="]) else "=="
    return {"match": {"op": op, "left": left, "right": _values(words)}} if words else UNKNOWN


def _about(word: str, words: list[str]) -> JsonObject:
    if word != "fib":
        return {word: {"key": words.pop(0)}}
    flags = []
    while words and words[0] not in ("type", "oif", "oifname"):
        flags += [each for each in (words.pop(0),) if each != "."]
    return {"fib": {"result": words.pop(0) if words else "", "flags": flags}}


def _values(words: list[str]) -> object:
    """One value, several with commas, or a set in braces."""
    if words[0] != "{":
        return [_value(each) for each in words.pop(0).split(",") if each]
    end = words.index("}") if "}" in words else len(words)
    inside = " ".join(words[1:end])
    del words[: end + 1]
    return {"set": [_value(each.strip()) for each in inside.split(",") if each.strip()]}


def _value(text: str) -> object:
    if text.isdigit():
        return int(text)
    if ranged := re.fullmatch(r"(\d+)-(\d+)", text):
        return {"range": [int(ranged[1]), int(ranged[2])]}
    if prefix := re.fullmatch(r"([\d.]+)/(\d+)", text):
        return {"prefix": {"addr": prefix[1], "len": int(prefix[2])}}
    return text
