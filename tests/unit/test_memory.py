"""What the daemon must not hold while nobody asks for it: drawers of papers, spreadsheets, tables of card makers."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from cloned import memory
from cloned.journal import _EVENTS
from cloned.processes import run

pytestmark = pytest.mark.wire  # real programs

LATE = (
    "fpdf", "fontTools", "openpyxl", "PIL", "segno", "alembic", "pysnmp", "psycopg", "scapy", "zxingcpp", "rich.table",
    "sqlalchemy.dialects.postgresql", "cryptography.x509", "cloned.images.importing", "cloned.inventory.sinks.snipeit",
    "cloned.inventory.sinks.glpi", "cloned.inventory.sinks.ocs", "cloned.inventory.sinks.devicehub", "cloned.check",
    "cloned.lab", "cloned.papers.document",
)  # fmt: skip
"""By their beginning: each costs what a start has no time for, or what the daemon would hold in memory for nothing."""


def test_the_daemon_imports_late_what_most_evenings_do_not_need() -> None:
    words = "import sys, cloned.cli.main, cloned.cli.serve, cloned.app; print(*sys.modules)"
    found = run([sys.executable, "-c", words]).stdout.decode().split()
    assert "cloned.app" in found
    assert [each for each in found for late in LATE if each == late or each.startswith(f"{late}.")] == []


def test_what_a_start_makes_is_looked_through_seldom_and_what_the_daemon_makes_as_usual() -> None:
    words = (
        "import asyncio, gc; from cloned import memory; print(gc.get_threshold()[0]); memory.collect_seldom();"
        "print(gc.get_threshold()[0]); asyncio.run(asyncio.wait_for(memory.run(), 0.5))"
    )
    words = f"try:\n  {words}\nexcept TimeoutError: print(gc.get_threshold()[0], gc.get_freeze_count() > 1000)"
    usual, starting, after, frozen = run([sys.executable, "-c", words]).stdout.decode().split()
    assert (int(starting), after, frozen) == (memory.STARTING[0], usual, "True")


def test_scapy_holds_no_table_of_card_makers() -> None:
    words = "import cloned.netboot.raw_packets; from scapy.data import MANUFDB; print(len(MANUFDB.d))"
    assert run([sys.executable, "-c", words]).stdout.strip() == b"0"


def test_an_event_is_read_by_its_kind_alone() -> None:
    with pytest.raises(ValidationError) as caught:
        _EVENTS.validate_python({"kind": "nothing", "tags": []})
    assert [each["type"] for each in caught.value.errors()] == ["union_tag_invalid"]  # not one for each kind there is
