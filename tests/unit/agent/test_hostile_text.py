"""What a laptop, its disks or a server call themselves comes to a console as text, never as orders to it."""

from __future__ import annotations

import os

import pytest

from cloned.agent import hardware, screen
from cloned.agent.screen import LONGEST, Console, compose, harmless

NASTY = "Ev\x1b[2J\x1b]0;x\x07il\r\n\x9b31m\x00\u202egnp.exe\u2066 \U0001f600 \u05e9\u05dc <b>&\x7f" + "A" * 10_000
REPORT = {"state": "receiving", "bytes": 5, "total": 10, "rate": 2e6}
ORDER = {
    "do": "wait", "image": NASTY, "tag": NASTY, "port": NASTY, "screen": [NASTY],
    "offer": {"image": NASTY, "disk": {"model": NASTY, "serial": NASTY, "size": 1e9}},
}  # fmt: skip
FOUND = {
    "vendor": NASTY, "product": NASTY, "serial": NASTY, "uuid": NASTY, "firmware": NASTY, "bios": NASTY, "cpu": NASTY,
    "cores": 4, "memory": 2**33, "batteries": [(NASTY, 80)], "memtest": [],
    "disks": [{"path": "/dev/sda", "size": 1e9, "transport": "sata", "rotational": True, "model": NASTY, "serial": NASTY,
               "why_not": "", "smart": {"verdict": "good", "reallocated": 0}}],
    "nics": [{"name": NASTY, "mac": "aa", "speed_mbps": None, "driver": NASTY}],
}  # fmt: skip


def drawn(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The bytes that a console of 80 by 25 gets."""
    out, into = os.pipe()
    monkeypatch.setattr(screen, "_open_consoles", lambda: [into])
    os.set_blocking(into, False)
    Console(live=True).show(lines)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        return pipe.read().decode()


@pytest.mark.parametrize("lines", [compose(ORDER, REPORT), hardware.compose(FOUND), [NASTY]])
def test_a_console_gets_no_order_that_is_not_ours(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(lines, monkeypatch).removeprefix(screen._CLEAR)
    assert "Ev" in said
    assert not [char for char in said if not char.isprintable() and char not in "\r\n"]
    assert "\u202e" not in said
    assert "\U0001f600" not in said  # the console's font has none


def test_it_is_never_endless() -> None:
    assert len(harmless(NASTY)) == LONGEST
    assert len(compose({"do": "wait", "screen": [NASTY]}, REPORT)) < 25


def test_a_line_printed_elsewhere_is_as_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    Console(live=False).show([NASTY, "well"])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.endswith("well\n")
