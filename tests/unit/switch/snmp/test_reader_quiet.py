"""What fails inside a reading is told by its kind, never with what was in the datagram."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cloned.switch.snmp.reader import quiet


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"exception": ValueError("secret-community"), "message": "m"}, "(ValueError)"),
        ({"exception": None, "message": "a timer was late"}, "(a timer was late)"),
    ],
)
def test_only_its_kind_is_told(caplog: pytest.LogCaptureFixture, context: dict[str, object], told: str) -> None:
    with caplog.at_level(logging.WARNING):
        loop = asyncio.new_event_loop()
        quiet(loop, context)
        loop.close()
    assert told in caplog.text
    assert "secret-community" not in caplog.text
