"""What the daemon must not hold while nobody asks for it: drawers of papers, spreadsheets, tables of card makers."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from cloned.journal import _EVENTS
from cloned.processes import run

LATE = ("fpdf", "fontTools", "openpyxl", "PIL", "segno", "alembic", "pysnmp", "psycopg")


def test_the_daemon_imports_late_what_most_evenings_do_not_need() -> None:
    found = run([sys.executable, "-c", "import sys, cloned.app; print(*{each.split('.')[0] for each in sys.modules})"])
    assert not {"cloned"} - set(found.stdout.decode().split())
    assert not set(LATE) & set(found.stdout.decode().split())


def test_scapy_holds_no_table_of_card_makers() -> None:
    words = "import cloned.netboot.raw_packets; from scapy.data import MANUFDB; print(len(MANUFDB.d))"
    assert run([sys.executable, "-c", words]).stdout.strip() == b"0"


def test_an_event_is_read_by_its_kind_alone() -> None:
    with pytest.raises(ValidationError) as caught:
        _EVENTS.validate_python({"kind": "nothing", "tags": []})
    assert [each["type"] for each in caught.value.errors()] == ["union_tag_invalid"]  # not one for each kind there is
