from __future__ import annotations

from cloned.casting.link import FEWEST, MOST, RECENT_SECONDS, LinkBudget


def test_who_has_nothing_to_send_leaves_its_part_to_the_others() -> None:
    link = LinkBudget(100.0)
    assert link.share("a", 100.0, 0.0) == 100.0
    assert link.share("b", 100.0, 0.1) == 50.0
    assert link.share("a", 100.0, 0.2) == 50.0
    assert link.share("a", 100.0, 0.2 + RECENT_SECONDS) == 100.0


def test_who_needs_little_gets_it_and_leaves_the_rest() -> None:
    link = LinkBudget(100.0)
    link.share("slow", 10.0, 0.0)
    assert link.share("fast", 100.0, 0.0) == 90.0
    assert link.others("fast", 0.0)
    link.leave("slow")
    assert not link.others("fast", 0.0)


def test_memory_is_divided_too() -> None:
    link = LinkBudget(100.0)
    link.join(1)
    assert link.frames() == MOST
    for session in range(2, 11):
        link.join(session)
    assert link.frames() == FEWEST
    for session in range(2, 11):
        link.leave(session)
    assert link.frames() == MOST
