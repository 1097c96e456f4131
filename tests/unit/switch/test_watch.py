"""What a watch makes of one reading after another."""

from __future__ import annotations

from typing import Any

from cloned.switch.ports import understand
from cloned.switch.tables import build
from cloned.switch.watch import SwitchReading, ago, link_changes


def view(make_raw: Any, *down: int) -> Any:
    return understand(build("s", make_raw(3, [{"index": number, "ifOperStatus": 2} for number in down])))


def test_links_that_came_and_went(make_raw: Any) -> None:
    before, after = view(make_raw, 1, 3), view(make_raw, 1, 2)
    assert link_changes(before, after) == (("gi2", "down"), ("gi3", "up"))
    assert link_changes(None, after) == ()
    assert link_changes(after, after) == ()


def test_a_reading_as_the_page_gets_it(make_raw: Any) -> None:
    reading = SwitchReading("s", "silent", view(make_raw), 1.0, 75.04, "switch s does not answer", "is it on?")
    shown = reading.to_json()
    assert (shown["capacity"], shown["state"], shown["age"], shown["error"]) == (
        3,
        "silent",
        75.0,
        "switch s does not answer",
    )
    assert len(shown["ports"]) == 3
    never = SwitchReading("s", "silent", None, None, 0.0)
    assert (never.capacity, never.to_json()["capacity"], never.to_json()["ports"]) == (None, None, [])


def test_ages_in_words() -> None:
    assert [ago(seconds) for seconds in (0, 40, 89, 90, 600, 7200)] == ["0 s", "40 s", "89 s", "2 min", "10 min", "2 h"]
