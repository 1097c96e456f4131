"""An agent that has nothing to do waits until it is told something else, and no longer."""

from __future__ import annotations

import threading

import pytest

from cloned.agent.loop import Loop
from cloned.agent.options import AgentOptions
from cloned.agent.reporter import Reporter
from cloned.agent.status import Status
from tests.waiting import block_until


@pytest.fixture
def loop() -> Loop:
    """A loop whose reporter was never started: orders come only from the test."""
    made = Loop.__new__(Loop)
    options = AgentOptions("http://127.0.0.1:1/t", "/dev/nowhere")
    made._options, made._status = options, Status()
    made._reporter = Reporter(options, made._status)
    made._media_told = False
    return made


def waiting(loop: Loop) -> threading.Thread:
    thread = threading.Thread(target=loop._idle, daemon=True)
    thread.start()
    return thread


def test_it_stays_through_orders_to_wait_and_leaves_at_another(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    loop._reporter.take({"do": "wait", "screen": ["a"]})
    heard: list[object] = []
    monkeypatch.setattr(loop, "_tell_media", lambda order: heard.append(order.get("screen")))
    thread = waiting(loop)
    for number in range(3):
        order = {"do": "wait", "screen": [str(number)]}
        block_until(lambda order=order: loop._reporter.take(order) or order["screen"] in heard)  # once it waits, too
    assert thread.is_alive()
    loop._reporter.take({"do": "restore"})
    thread.join(5)
    assert not thread.is_alive()


def test_it_leaves_when_its_boot_was_replaced(loop: Loop) -> None:
    thread = waiting(loop)
    with loop._reporter._changed:
        loop._reporter.revoked = True
        loop._reporter._changed.notify_all()
    thread.join(5)
    assert not thread.is_alive()
