"""A paper in the queue of Debian's real CUPS, whose printer is away: what waits there is the PDF that went in."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloned.cli.print import _to_printer
from cloned.core.laptop import State, VerdictKind
from cloned.errors import ClonedError, UsageError
from cloned.papers.printer import alert
from cloned.papers.spool import Spool

pytestmark = [pytest.mark.interop, pytest.mark.skipif(os.geteuid() != 0, reason="cupsd needs root")]

PAPER = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.mark.skipif(not shutil.which("cupsd", path="/usr/sbin"), reason="cupsd is not installed")
def test_what_was_asked_for_waits_in_the_queue(queue: Path) -> None:
    _to_printer("QL-820", "cloned label 7", PAPER)
    assert [path.read_bytes() for path in queue.glob("d*")] == [PAPER]
    with pytest.raises(ClonedError, match="lp -d"):
        _to_printer("no-such-printer", "cloned label 7", PAPER)


class Drawn:
    """Papers, and how often each was drawn; a laptop without a number has no label."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tagged = True

    async def label(self, names: Sequence[str], language: str = "", media: str = "", first: int = 1) -> bytes:
        if not self.tagged:
            raise UsageError("it has no number", "give it one")
        self.names += [f"label {name}" for name in names]
        return PAPER

    async def sheet(self, names: Sequence[str], language: str = "") -> bytes:
        self.names += [f"sheet {name}" for name in names]
        return PAPER


def workshop(*states: State) -> Any:
    job = SimpleNamespace(number=1, verdict=VerdictKind.VERIFIED)
    made = [
        SimpleNamespace(id=f"{number:08x}", tag=f"T{number}", state=state, job=job)
        for number, state in enumerate(states, 1)
    ]
    known = SimpleNamespace(laptops={each.id: each for each in made})
    return SimpleNamespace(workshop=known, subscribe=lambda heard: lambda: None)


async def work(spool: Spool, until: Callable[[], bool]) -> None:
    """Let it print until something is so."""
    running = asyncio.create_task(spool.run())
    try:
        async with asyncio.timeout(60):
            while not until():
                spool._wake.set()
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def states(spool: Spool) -> list[tuple[str, str, str]]:
    return sorted((each["laptop"][-1], each["paper"], each["state"]) for each in spool.shown())


async def test_each_paper_of_a_laptop_that_is_done_is_printed_once_whatever_ends_meanwhile(
    queue: Path, tmp_path: Path
) -> None:
    engine, drawn = workshop(State.DONE, State.VERIFYING), Drawn()
    printers = SimpleNamespace(label="QL-820", sheet="", when="done")
    make = partial(Spool, tmp_path / "prints.sqlite", engine, drawn, lambda: printers)
    spool = make()
    assert states(spool) == []  # done before there was a queue
    second = engine.workshop.laptops["00000002"]
    second.state = State.DONE
    await work(spool, lambda: states(spool) == [("2", "label", "sent")])
    spool.close()
    spool = make()
    await work(spool, lambda: len(list(queue.glob("d*"))) > 0)
    assert drawn.names == ["label 00000002"]
    subprocess.run(["cupsenable", "QL-820"], check=True)
    await work(spool, lambda: states(spool) == [("2", "label", "printed")])
    spool.again(second, "label")
    await work(spool, lambda: len(drawn.names) == 2 and states(spool)[0][2] in ("sent", "printed"))
    spool._base.execute("UPDATE papers SET state = 'sending' WHERE state != 'before'")
    spool.close()
    spool = make()
    await work(spool, lambda: states(spool) == [("2", "label", "unsure")])
    assert len(drawn.names) == 2
    with pytest.raises(UsageError, match="no printer is named"):
        spool.again(second, "sheet")
    spool.close()


async def test_a_printer_that_is_not_there_and_a_missing_number_hold_up_nothing_else(
    queue: Path, tmp_path: Path
) -> None:
    engine, drawn = workshop(State.READY), Drawn()
    drawn.tagged = False
    printers = SimpleNamespace(label="QL-820", sheet="nowhere", when="done")
    spool = Spool(tmp_path / "prints.sqlite", engine, drawn, lambda: printers)
    engine.workshop.laptops["00000001"].state = State.DONE
    await work(spool, lambda: len(spool.shown()) == 2 and all(each["tries"] for each in spool.shown()))
    why = {each["paper"]: each["why"] for each in spool.shown()}
    assert "no number" in why["label"]
    assert "lp -d" in why["sheet"]
    drawn.tagged, printers.sheet = True, "QL-820"
    spool._base.execute("UPDATE papers SET due = 0")
    await work(spool, lambda: {each["state"] for each in spool.shown()} == {"sent"})
    spool.close()


async def test_a_printer_that_keeps_a_paper_says_why_and_prints_it_once_when_it_goes_on(
    queue: Path, tmp_path: Path
) -> None:
    engine, drawn = workshop(State.READY), Drawn()
    printers = SimpleNamespace(label="QL-820", sheet="", when="done")
    spool = Spool(tmp_path / "prints.sqlite", engine, drawn, lambda: printers)
    engine.workshop.laptops["00000001"].state = State.DONE
    await work(spool, lambda: states(spool) == [("1", "label", "sent")])
    assert spool.shown()[0]["why"] == ""  # it may take its time
    spool._base.execute("UPDATE papers SET due = 0")
    await work(spool, lambda: bool(spool.shown()[0]["why"]))
    assert spool.shown()[0]["why"] == "QL-820 does not print it: it is paused"
    assert states(spool) == [("1", "label", "sent")]
    subprocess.run(["cupsenable", "QL-820"], check=True)
    await work(spool, lambda: states(spool) == [("1", "label", "printed")])
    assert (spool.shown()[0]["why"], drawn.names) == ("", ["label 00000001"])
    spool.close()


@pytest.mark.slow
async def test_a_printer_without_paper_says_so_and_prints_once_when_it_got_some(tray: Path, tmp_path: Path) -> None:
    engine, drawn = workshop(State.READY), Drawn()
    printers = SimpleNamespace(label="Office", sheet="", when="done")
    spool = Spool(tmp_path / "prints.sqlite", engine, drawn, lambda: printers)
    engine.workshop.laptops["00000001"].state = State.DONE
    await work(spool, lambda: states(spool) == [("1", "label", "sent")])

    def told() -> bool:
        spool._base.execute("UPDATE papers SET due = 0")
        return bool(spool.shown()[0]["why"] == "Office does not print it: it has no paper")

    await work(spool, told)
    assert states(spool) == [("1", "label", "sent")]
    tray.touch()
    await work(spool, lambda: states(spool) == [("1", "label", "printed")])
    assert (spool.shown()[0]["why"], drawn.names) == ("", ["label 00000001"])
    spool.close()


def test_what_cups_says_of_a_printer_is_worded(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"stdout": b"printer Office is idle.\n\tAlerts: media-empty-error paused\n"}
    monkeypatch.setattr("cloned.papers.printer.run", lambda *_, **__: SimpleNamespace(**said))
    assert alert("Office") == "it has no paper"
    said["stdout"] = b"printer Office is idle.\n\tAlerts: none\n"
    assert alert("Office") == "somebody should look at it"
