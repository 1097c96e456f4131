"""The front panel as people see it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from cloned.switch.drawing import drawn, kind_of, printable
from cloned.switch.ports import Rules, understand
from cloned.switch.tables import build


def shown(raw: Any, **rules: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=110, no_color=True).print(drawn(understand(build("10.0.0.2", raw), Rules(**rules))))
    return out.getvalue()


def test_odd_numbers_above_even_ones(make_raw: Any) -> None:
    rows = [{"index": 2, "ifOperStatus": 2}, {"index": 3, "ifHighSpeed": 100}, {"index": 4, "ifAdminStatus": 2}]
    text = shown(make_raw(6, rows), reserved=frozenset({"gi5"}), uplinks=frozenset({"gi6"}))
    lines = [line.rstrip() for line in text.splitlines()]
    at = lines.index("gi")
    assert lines[at + 1 : at + 5] == ["    1   3   5", "   [█]  [▄]  [R]", "   [·]  [x]  [U]", "    2   4   6"]
    assert "5 laptops fit" not in text
    assert "3 laptops fit" in text
    assert "! s1 port gi3: 100 Mb/s: try another cable" in text


def test_a_switch_of_several_boxes_is_drawn_box_by_box(make_raw: Any) -> None:
    rows = [
        {"index": number, "ifName": b"Gi%d/0/%d" % ((number - 1) // 2 + 1, (number - 1) % 2 + 1)}
        for number in range(1, 5)
    ]
    lines = [line.strip() for line in shown(make_raw(4, rows)).splitlines()]
    assert "Gi1/0" in lines
    assert "Gi2/0" in lines


def test_nothing_a_switch_says_can_move_the_cursor(make_raw: Any) -> None:
    text = shown(make_raw(1, [{"index": 1, "ifName": b"gi1\x1b[2J\x07", "ifDescr": b"x"}]))
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert printable("a\x1b[1mb\nc") == "a [1mb c"


def test_every_kind_has_a_mark(make_raw: Any) -> None:
    rows = [{"index": 1, "ifOperStatus": 4}]
    assert [kind_of(port) for port in understand(build("s", make_raw(2, rows))).ports] == ["unknown", "up"]
