"""Every time and share that the simulated evening assumes, with where it comes from; printed with each result.

Sources: *FACTS.md* is what refurbishers were found writing about their work; *measured* is this program in its labs;
*KLM* is the keystroke-level model (Card, Moran, Newell, Communications of the ACM 23, 1980, p. 396): 0.5 s for a key of
no word, 0.28 s for one of a known few, 1.1 s to point, 0.4 s to move a hand, 1.35 s to think; *assumed* is nobody's
figure but ours, which is why all times are also halved and doubled.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloned.agent import keyboards
from cloned.agent.attended_charger import MOVED_SECONDS


@dataclass(frozen=True)
class Assumed:
    """A time in minutes, or a share of all laptops."""

    name: str
    value: float
    source: str
    share: bool = False


TESTS = "test: "
"""What the names of tests with a person begin with; all are made in one visit."""
_ANY_KEY, _KNOWN_KEY, _POINT, _HAND, _THINK = 0.5, 0.28, 1.1, 0.4, 1.35
_ANSWER = _THINK + _KNOWN_KEY
_KEYS = len(keyboards.expected("be"))


def _test(name: str, seconds: float, source: str) -> Assumed:
    return Assumed(TESTS + name, round(seconds / 60, 3), source)


_OF_A_PERSON = (
    _test("begin", _HAND + _ANSWER, "KLM: think, one key"),
    _test("every key once", _THINK + _KEYS * _ANY_KEY, f"KLM: {_KEYS} keys of layout be, none of a word"),
    _test("touchpad", _THINK + _HAND + 2 * _POINT + _KNOWN_KEY, "KLM: point twice, click"),
    _test("screen", 5 * _ANSWER + 1.2, "KLM: think and a key after each of four colours, and the answer; its light"),
    _test("sound", _ANSWER + 2.0, "KLM: answer, asked meanwhile; 2 s until the tone is through"),
    _test("camera", _ANSWER, "KLM: answer; it took its thirteen pictures while the tone was played"),
    _test("USB ports", _ANSWER + 3 * 4.0, "KLM: answer; three ports of 4 s each, assumed"),
    _test("headphones", _HAND + 5.0, "assumed: in and out within 5 s"),
    _test("lid", _HAND + 4.0, "assumed: closed and opened within 4 s"),
    _test("charger", _HAND + 5.0, "assumed: in within 5 s, where none brings power in"),
    _test("charger's plug", _HAND + MOVED_SECONDS, "the agent's 3 s, where the battery would carry the laptop"),
)  # fmt: skip
"""What the agent asks for (agent/attended_kinds.py), one after the other."""
TIMES = {
    each.name: each
    for each in (
        # a person's
        Assumed("walk to the next laptop", 0.15, "assumed: one room"),
        Assumed("unpack and plug in", 0.5, "assumed"),
        Assumed("set the firmware", 1.0, "FACTS.md 10: firmware menu for settings and boot keys; minute assumed"),
        *_OF_A_PERSON,
        Assumed("look at one held back", 0.5, "assumed: the screen says why"),
        Assumed("stick the label on", 0.3, "assumed: it comes out of the printer by itself"),
        Assumed("fetch and label a charger", 0.5, "assumed; FACTS.md 10: chargers are looked for laptop by laptop"),
        # the same evening with cloning alone
        Assumed("choose the image in a menu", 0.5, "assumed"),
        Assumed("erase by hand", 1.5, "FACTS.md 10, Labdoo: eight questions a laptop are typed; minutes assumed"),
        Assumed(
            "test by hand",
            8.0,
            "FACTS.md 10: keyboard, camera, sound, battery, on paper; minutes assumed",
        ),
        Assumed("note serials by hand", 2.0, "FACTS.md 10: serials and results written down; minutes assumed"),
        Assumed("make a label by hand", 1.0, "FACTS.md 10, Labdoo: printed one by one, scissors; minute assumed"),
        # a machine's
        Assumed("start from the network", 1.0, "measured: 50 to 61 s in a lab of two emulated laptops"),
        Assumed("erase a flash disk", 2.0, "assumed: sanitize or secure erase and its proof"),
        Assumed("erase a hard disk", 75.0, "assumed: 320 GB overwritten at 90 MB/s and sampled"),
        Assumed("clone a flash disk", 3.0, "FACTS.md 10: 10 GB to thirty in 90 s at 911 Mbit/s, and reading back"),
        Assumed("clone a hard disk", 9.0, "assumed: 25 GB written and read back at 90 MB/s"),
        Assumed("test alone", 4.0, "measured: processor 30 s, memory at most 2 min; a disk's own test 2 min"),
    )
}
SHARES = {
    each.name: each
    for each in (
        Assumed("needs its firmware set", 0.30, "assumed", share=True),
        Assumed("has a hard disk", 0.20, "assumed", share=True),
        Assumed("is locked", 0.05, "FACTS.md 10: locked donations; the share is assumed", share=True),
        Assumed("has a dying disk", 0.03, "assumed", share=True),
        Assumed("has little memory", 0.15, "assumed: less than 4 GB", share=True),
        Assumed("has a worn battery", 0.30, "assumed: holds less than half", share=True),
        Assumed("has no charger", 0.15, "FACTS.md 10: finding chargers; the share is assumed", share=True),
        Assumed("has a dead camera", 0.04, "assumed", share=True),
        Assumed("has dead keys", 0.05, "assumed", share=True),
    )
}
