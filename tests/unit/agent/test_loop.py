"""An agent that has nothing to do waits until it is told something else, and no longer."""

from __future__ import annotations

import threading

import pytest

from cloned.agent.loop import Loop
from cloned.agent.options import AgentOptions
from cloned.agent.reporter import Reporter
from cloned.agent.status import Status


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


def test_it_stays_through_orders_to_wait_and_leaves_at_another(loop: Loop) -> None:
    loop._reporter.take({"do": "wait", "screen": ["a"]})
    thread = waiting(loop)
    for number in range(3):
        loop._reporter.take({"do": "wait", "screen": [str(number)]})
        thread.join(0.05)
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
