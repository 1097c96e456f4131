"""What a person sees and presses while such a test runs: the laptop's own screen, its keys, and an end in time.

Answers are given with the keys 1 to 3 or F1 to F3, by their place: a laptop with dead keys can still be answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cloned.agent.beside import Beside
from cloned.agent.inputs import EV_KEY, InputEvent, Inputs
from cloned.agent.spoken import say

AWAY_SECONDS = 90.0
"""Seconds without a key after which nobody is there any more."""
LOOK_SECONDS = 0.5
"""Seconds that one look at the inputs takes where nothing happens."""
ESC, REPEATED = 1, 2
"""A key's code; the value of one that is held: one that sticks is nobody's hand."""
_ANSWERS = ((2, 59, 79), (3, 60, 80), (4, 61, 81))
"""Keys of each answer: the row of digits, F keys, the number pad."""


class WalkedAway(Exception):  # noqa: N818 - a state of affairs
    """Nobody touched the laptop for a while: what was not found stays to be tested."""


class PersonUi:
    """`show` draws lines; `wanted` says whether the tests are still wanted; `clock` is in seconds."""

    def __init__(
        self,
        inputs: Inputs,
        show: Callable[[Sequence[str]], None],
        wanted: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        look: float = LOOK_SECONDS,
    ) -> None:
        self._inputs, self._draw, self._still, self._clock, self._look = inputs, show, wanted, clock, look
        self._left = False
        self.ahead: dict[str, Beside[list[str]]] = {}
        """What was begun for a test while the person was busy with the one before it."""
        self._last = self.lived = clock()
        """When somebody pressed something last, and when the test last showed something or listened."""

    def show(self, lines: Sequence[str]) -> None:
        """Draw these lines."""
        self.lived = self._clock()
        if not self._left:
            self._draw(lines)

    def silent(self) -> float:
        """Seconds since the test last showed something or listened: one that hangs does neither."""
        return self._clock() - self.lived

    def anew(self) -> PersonUi:
        """The same for the next test."""
        following = PersonUi(self._inputs, self._draw, self._still, self._clock, self._look)
        following.ahead = self.ahead
        return following

    def leave(self) -> None:
        """Whoever hangs with it is to end as soon as it goes on."""
        self._left = True

    def events(self, seconds: float | None = None) -> list[InputEvent]:
        """What happened meanwhile, or within one look; WalkedAway once nothing did for long."""
        self.lived = self._clock()
        if self._left:
            raise WalkedAway
        found = list(self._inputs.read(self._look if seconds is None else seconds))
        if any(each.kind not in (0, 4) and not (each.kind == EV_KEY and each.value == REPEATED) for each in found):
            self._last = self._clock()
        if self._clock() - self._last > AWAY_SECONDS or not self._still():
            raise WalkedAway
        return found

    def pressed(self, seconds: float | None = None) -> list[int]:
        """Codes of keys that went down meanwhile."""
        return [each.code for each in self.events(seconds) if each.kind == EV_KEY and each.value == 1]

    def any_key(self, lines: Sequence[str]) -> int:
        """Show lines until a key is pressed; its code."""
        self.show(lines)
        while not (keys := self.pressed()):
            continue
        return keys[0]

    def choose(self, lines: Sequence[str], answers: Sequence[str]) -> int:
        """Show a question with up to three answers; which one was given, from 0."""
        while (given := self.answered(lines, answers)) is None:
            continue
        return given

    def answered(self, lines: Sequence[str], answers: Sequence[str]) -> int | None:
        """Show it for a moment; None while no answer was given."""
        self.show([*lines, "", *(f"  [{at}]  {answer}" for at, answer in enumerate(answers, 1))])
        for code in self.pressed():
            for at, codes in enumerate(_ANSWERS[: len(answers)]):
                if code in codes:
                    return at
        return None

    def why_skipped(self) -> str:
        """A reason for leaving a test out."""
        reasons = ("there is no time", "it has no such part", "it cannot be told")
        words = [say("there is no time"), say("it has no such part"), say("it cannot be told")]
        return reasons[self.choose([say("Why is it left out?")], words)]
