"""Reports every second in the background; each answer is the order that counts from then on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from cloned.agent.client import DaemonClient, DaemonRefused, Revoked
from cloned.agent.options import AgentOptions
from cloned.agent.probe import ProbeListener
from cloned.agent.status import Status
from cloned.order_types import Order, order_of
from cloned.saying import spoken

EVERY_SECONDS = 1.0
"""Seconds between reports."""
PATIENCE = 10.0


class Reporter:
    """A thread that reports; `order` is the last one heard, `silent` why there is no newer one."""

    def __init__(self, options: AgentOptions, status: Status, heard: Callable[[], None] = lambda: None) -> None:
        self._client = DaemonClient(options, PATIENCE)
        self._status = status
        self._probe = ProbeListener()
        self._heard = heard
        self._changed = threading.Condition()
        self._now = threading.Event()
        self.order: Order = {"do": "wait", "screen": []}
        self.number = 0
        """Counts the orders heard."""
        self.revoked = False
        self.silent = ""
        self._sent = self._answered = 0

    def start(self) -> None:
        """Begin to report, and to count the multicast probe."""
        with suppress(OSError):  # no multicast here at all: the count stays at nothing, which says it
            self._probe.start()
        threading.Thread(target=self._run, name="reporter", daemon=True).start()

    def next(self, after: int, timeout: float = 3600.0) -> Order:
        """The first order heard after number `after`."""
        with self._changed:
            self._changed.wait_for(lambda: self.number > after or self.revoked, timeout)
            return self.order

    def take(self, order: Order) -> None:
        """An order that came as the answer to something else."""
        with self._changed:
            self.order, self.number = order, self.number + 1
            self._changed.notify_all()
        self._heard()

    def fresh(self) -> Order:
        """Report at once and return the order that is the answer."""
        with self._changed:
            wanted = self._sent + 1  # the one under way, if any, does not know yet
            self._now.set()
            self._changed.wait_for(lambda: self._answered >= wanted or self.revoked)
            return self.order

    def wants(self, session: str) -> bool:
        """Whether the daemon still wants this session of us; while it is silent it does."""
        order = self.order
        return not self.revoked and order.get("do") == "restore" and order.get("session") == session

    def wants_erased(self, erasure: str) -> bool:
        """Whether the daemon still wants this erasure of us; while it is silent it does."""
        order = self.order
        return not self.revoked and order.get("do") == "erase" and order.get("erasure") == erasure

    def _body(self) -> dict[str, object]:
        heard = self._probe.result()
        return {**self._status.report(), "probe": {"heard": heard.heard, "expected": heard.expected}}

    def _run(self) -> None:
        while not self.revoked:
            self._now.clear()
            with self._changed:
                self._sent += 1
            try:
                answer = self._client.once("POST", "/agent/v1/report", self._body())
            except Revoked:
                with self._changed:
                    self.revoked = True
                    self._changed.notify_all()
            except (OSError, ValueError, DaemonRefused) as error:
                self._client.close()
                self.silent = spoken(error)
            else:
                self.silent = ""
                self._answered = self._sent
                self.take(order_of(answer))
            self._heard()
            self._now.wait(EVERY_SECONDS)
