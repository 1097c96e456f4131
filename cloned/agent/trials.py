"""Runs the tests that need nobody, one after the other, beside everything else: what an order wants is begun, and
killed at once when the next order has real work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cloned.agent.beside import Beside, Hangs
from cloned.agent.client import DaemonClient, DaemonRefused, Revoked
from cloned.agent.options import AgentOptions
from cloned.agent.test_pack import TestPack
from cloned.agent.trial_kinds import KINDS, TrialFinding
from cloned.agent.trial_tools import KILL_LIMIT_SECONDS, Cancelled, Hands
from cloned.json_data import JsonObject
from cloned.order_types import Order
from cloned.saying import Phrase, parts, spoken

BUSY = frozenset({"restore", "finish", "capture", "power"})
"""Orders beside which nothing is tested."""
LONGEST_SECONDS = 400.0
"""Seconds after which a test hangs: no limit that one has of its own is as long."""
LET_GO_SECONDS = KILL_LIMIT_SECONDS + 5
"""Seconds that a test which is to end has for it."""
GIVE_UP = 5
"""Times that the server may refuse a result before it is let go."""


def tell(client: DaemonClient, found: dict[str, object], wanted: Callable[[], bool]) -> None:
    """Send a result for as long as it is wanted and not refused for good; Revoked."""
    refused = 0
    while wanted() and refused < GIVE_UP:
        try:
            client.once("POST", "/agent/v1/test", found)
        except DaemonRefused:
            refused += 1
        except (OSError, ValueError):
            client.close()
        else:
            return
        time.sleep(1)


def watched(kind: Callable[[Hands], TrialFinding], hands: Hands, longest: float | None = None) -> TrialFinding:
    """What a test finds; one that hangs in a driver is left behind, and so is one that does not end when it is to.

    Cancelled; whatever else the test raises.
    """
    testing = Beside(lambda: kind(hands), LONGEST_SECONDS if longest is None else longest)
    while not testing.over() and not hands.over:
        testing.wait(0.05)
    if hands.over and not testing.wait(LET_GO_SECONDS):
        raise Cancelled
    try:
        return testing.result()
    except Hangs as hanging:
        hands.cancel()
        return TrialFinding("failed" if kind is KINDS["disk-read"] else "skipped", spoken(hanging))


class TrialRunner:
    """`follow` is called with every order that is heard; it never blocks."""

    def __init__(
        self,
        options: AgentOptions,
        kinds: dict[str, Callable[[Hands], TrialFinding]] | None = None,
        learnt: Callable[[JsonObject], None] = lambda parts: None,
    ) -> None:
        """`learnt` hears of parts that the drivers of the test pack find."""
        self._options, self._kinds = options, KINDS if kinds is None else kinds
        self.pack = TestPack(options, learnt=learnt)
        self._lock = threading.Lock()
        self._wanted: tuple[str, ...] = ()
        self._done: dict[str, dict[str, object]] = {}
        self._hands: Hands | None = None
        self._running = False
        self.now = ""
        """The test that runs; empty while none does."""

    def follow(self, order: Order) -> None:
        """Begin what is wanted; end what is not wanted any more."""
        tests = () if order.get("do") in BUSY else tuple(str(name) for name in order.get("tests") or ())
        with self._lock:
            self._wanted = tests
            if self._hands is not None and self.now not in tests:
                self._hands.cancel()
            if tests and not self._running:
                self._running = True
                threading.Thread(target=self._run, name="tests", daemon=True).start()

    def _run(self) -> None:
        """Until nothing is wanted."""
        client = DaemonClient(self._options)
        try:
            while (name := self._next()) is not None:
                self._one(client, name)
        except Revoked:  # the loop hears of it too, and ends the agent's life
            self._stop()
        finally:
            client.close()

    def _stop(self) -> None:
        with self._lock:
            self._running, self._hands, self.now = False, None, ""

    def _next(self) -> str | None:
        with self._lock:
            name = self._wanted[0] if self._wanted else None
            self._hands, self.now = (Hands(self._options.only_disk), name) if name else (None, "")
            self._running = name is not None
            return name

    def _one(self, client: DaemonClient, name: str) -> None:
        """One test and its result; a result that the server did not take yet is kept, not found again."""
        hands = self._hands
        assert hands is not None
        try:
            found = self._done.get(name) or self._found(hands, name)
        except Cancelled:
            return
        self._done[name] = found
        tell(client, found, lambda: name in self._wanted)
        self._done.pop(name, None)
        with self._lock:
            self._wanted = tuple(each for each in self._wanted if each != name)

    def _found(self, hands: Hands, name: str) -> dict[str, object]:
        began = time.monotonic()
        kind = self._kinds.get(name)
        try:
            hands.lacks = self.pack.enter(hands)
            began = time.monotonic()
            finding = (
                TrialFinding("skipped", "this agent does not know this test") if kind is None else watched(kind, hands)
            )
        except Cancelled:
            raise
        except Exception as error:
            finding = TrialFinding("skipped", Phrase("the test itself broke: {error}", error=error))
        seconds = round(time.monotonic() - began, 1)
        return {"name": name, "result": finding.result, "why": parts(finding.why), "seconds": seconds}
