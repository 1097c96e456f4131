"""The line of a session's speed."""

from __future__ import annotations

from types import SimpleNamespace

from cloned.status.throughput import EVERY_SECONDS, KEPT, SESSIONS, WIDTH, Throughput


def test_a_line_of_what_was_sent_between_two_looks() -> None:
    sent = SimpleNamespace(bytes=0)
    flow = Throughput(lambda: {"s": sent})
    flow.look()
    assert flow.plot("s") is None
    for megabits in (100, 200, 50):
        sent.bytes += int(megabits * 1e6 / 8 * EVERY_SECONDS)
        flow.look()
    plot = flow.plot("s")
    assert plot is not None
    assert plot.most == 200
    assert plot.points.split()[0] == "0.0,40.0"
    assert plot.points.split()[-1] == f"{WIDTH:.1f},60.0"


def test_neither_sessions_nor_figures_grow_without_end() -> None:
    sent = {f"s{number}": SimpleNamespace(bytes=0) for number in range(SESSIONS + 5)}
    flow = Throughput(lambda: sent)
    for _ in range(KEPT + 10):
        for each in sent.values():
            each.bytes += 1
        flow.look()
    assert sum(flow.plot(name) is not None for name in sent) <= SESSIONS
    assert all(len((flow.plot(name).points).split()) <= KEPT for name in sent if flow.plot(name))
