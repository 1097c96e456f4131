"""The log: one line for each event in every format, fields for what it is about, and no flood of one cause."""

from __future__ import annotations

import json
import logging
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from cloned.core.events import Tick
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Attachment, CloneJob, Facts, Laptop, State
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop
from cloned.logs import JournalHandler, JsonLines, KeyValues, Seldom, tell_changes

ONE = Laptop(
    LaptopId("one"), 7, Facts(Identity()), State.RECEIVING, 0.0, 0.0, link=Attachment("gi 1/3"), session=SessionId("s")
)


def record(message: str = "it is %s", *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("cloned.x", logging.WARNING, __file__, 1, message, args or ("so",), None)
    made.__dict__.update(extra)
    return made


def test_text_has_its_fields_behind_it() -> None:
    line = KeyValues("%(levelname)s %(name)s: %(message)s").format(record(laptop="one", port="gi 1/3", reason=""))
    assert line == 'WARNING cloned.x: it is so laptop=one port="gi 1/3"'


@pytest.mark.parametrize("form", [KeyValues("%(message)s"), JsonLines()])
def test_nothing_from_the_wire_ends_a_line(form: logging.Formatter) -> None:
    line = form.format(record("%s", "a\nWARNING forged\x1b[2J", laptop="x\ny"))
    assert "\n" not in line
    assert "\x1b" not in line


def test_json_is_one_object() -> None:
    told = json.loads(JsonLines().format(record(laptop="one", session="s")))
    assert (told["message"], told["level"], told["laptop"], told["session"]) == ("it is so", "warning", "one", "s")


def test_the_journal_gets_fields(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        handler = JournalHandler(str(tmp_path / "socket"))
        handler.emit(record(laptop="one", reason="no-disk"))
        handler.close()
        told = journal.recv(65536).decode().splitlines()
    assert {"MESSAGE=it is so", "PRIORITY=4", "CLONED_LAPTOP=one", "CLONED_REASON=no-disk"} <= set(told)


def test_one_cause_writes_once_a_second() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    assert [seldom.filter(record()) for _ in range(3)] == [True, False, False]
    assert seldom.filter(record(laptop="another"))
    now[0] = 1.5
    late = record()
    assert seldom.filter(late)
    assert late.getMessage() == "it is so (and 2 more like it)"


def test_a_laptop_that_changes_its_state_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    before = Workshop(laptops={ONE.id: ONE})
    aside = replace(ONE, state=State.ASIDE, reason=Reason.NO_DISK)
    with caplog.at_level(logging.INFO):
        tell_changes(before, before, Tick(), ())
        tell_changes(before, Workshop(laptops={ONE.id: replace(ONE, job=CloneJob(bytes=5))}), Tick(), ())
        tell_changes(before, Workshop(laptops={ONE.id: aside}), Tick(), ())
    [line] = caplog.records
    assert (line.levelname, line.laptop, line.port, line.reason) == ("WARNING", "one", "gi 1/3", "no-disk")  # type: ignore[attr-defined]
