"""What a watch makes of one reading after another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloned.core.warnings import Warn
from cloned.switch.ports import understand
from cloned.switch.tables import build
from cloned.switch.watch import SwitchReading, in_chain, link_changes


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


def test_roles_that_only_the_chain_shows_are_shown_and_told(make_raw: Any) -> None:
    seen = view(make_raw)
    why = Warn("switch-uplink", "s1 port gi2 is an uplink: it leads to switch s2")
    joined = replace(
        seen,
        ports=tuple(replace(port, role="uplink") if port.if_index == 2 else port for port in seen.ports),
        warnings=(*seen.warnings, why),
    )
    fresh = in_chain(SwitchReading("s", "ok", seen, 1.0, 0.0, warnings=(Warn("port-errors", "x"),)), joined)
    shown = fresh.to_json()
    assert (shown["ports"][1]["role"], shown["capacity"]) == ("uplink", 2)
    assert [each["code"] for each in shown["warnings"]] == ["port-errors", "switch-uplink"]
    silent = in_chain(SwitchReading("s", "silent", seen, 1.0, 9.0), joined)
    assert (silent.capacity, silent.warnings) == (2, ())
    assert in_chain(fresh, None) == fresh


def test_a_switch_that_never_answered_has_every_key(make_raw):
    known, never = SwitchReading("s", "ok", view(make_raw), 1.0, 0.0), SwitchReading("s", "silent", None, None, 0.0)
    assert never.to_json().keys() == known.to_json().keys()
