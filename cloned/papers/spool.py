"""Papers that are printed by themselves when a laptop is done: a queue on disk, which holds up no laptop.

Each paper of each job is printed once. What was being handed to CUPS when the daemon ended may or may not have
arrived there: it is never printed again by itself, but shown, and a person can have it printed again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Container, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cloned.core.answer_data import PrintedPaper
from cloned.core.events import Event, Hello
from cloned.core.laptop import Laptop, State, VerdictKind, called
from cloned.core.ledger_events import Weighed
from cloned.core.workshop import Workshop
from cloned.engine import Engine
from cloned.errors import ClonedError, MissingError, UsageError
from cloned.papers.printer import alert, hand_over, waiting
from cloned.saying import Phrase, headed, kept, recalled

log = logging.getLogger(__name__)

PAPERS = ("label", "sheet")
SHOWN = 60
"""Papers that are shown, the newest."""
LOOK_AGAIN_SECONDS = 10.0
"""Seconds between two looks at what waits."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
"""Seconds until a paper is tried again; twice as long after each try."""
PATIENCE_SECONDS = 120.0
"""Seconds that a printer may have a paper before it is told that it does not come out."""
_TABLE = """
CREATE TABLE IF NOT EXISTS papers (
  laptop TEXT NOT NULL, job INTEGER NOT NULL, paper TEXT NOT NULL, tag TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL, why TEXT NOT NULL DEFAULT '', at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL DEFAULT 0, printer TEXT NOT NULL DEFAULT '', there TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (laptop, job, paper))
"""
UNSURE = Phrase("the server ended while it was handed to the printer: look there, then print it again if it is missing")


class Drawing(Protocol):
    """What draws the papers."""

    async def label(self, names: Sequence[str], language: str = "", media: str = "", first: int = 1) -> bytes:
        """A PDF of labels."""

    async def sheet(self, names: Sequence[str], language: str = "") -> bytes:
        """A PDF of hand-over sheets."""


class Wishes(Protocol):
    """`[print]` of the configuration, as it is in force."""

    @property
    def label(self) -> str:
        """CUPS name of the printer for labels; empty: none."""

    @property
    def sheet(self) -> str:
        """And for hand-over sheets."""

    @property
    def when(self) -> str:
        """`done`: by themselves; `never`."""


class Spool:
    """The queue. `settings`: which printers there are, and whether done means print; asked each time.

    States: waiting, sending, sent (CUPS has it), printed, unsure, and before (done before there was a queue).
    """

    def __init__(self, path: Path, engine: Engine, office: Drawing, settings: Callable[[], Wishes]) -> None:
        self._engine, self._office, self._settings = engine, office, settings
        self._wake = asyncio.Event()
        self._noted: set[tuple[str, int]] = set()
        """Laptops and jobs that are in the queue, so that nobody asks the file for them each time."""
        new = not path.exists()  # then who is done already has its papers
        try:
            self._base = _opened(path)
        except sqlite3.OperationalError as error:
            said = Phrase("the print queue {path} cannot be opened ({error})", path=path, error=error)
            raise MissingError(said, "check [workshop] state and its rights") from error
        except sqlite3.DatabaseError as error:  # it holds nothing that cannot be printed again from the page
            log.error("the print queue %s is damaged (%s): it is set aside, and a new one begun", path, error)
            _set_aside(path)
            new, self._base = True, _opened(path)
        self._base.execute("UPDATE papers SET state = 'unsure', why = ? WHERE state = 'sending'", (UNSURE,))
        self._note(new)

    def close(self) -> None:
        """Let the file go."""
        self._base.close()

    def shown(self) -> list[PrintedPaper]:
        """The newest papers, for the page."""
        rows = self._all("SELECT * FROM papers WHERE state != 'before' ORDER BY at DESC LIMIT ?", (SHOWN,))
        return [
            {
                "laptop": row["laptop"],
                "job": row["job"],
                "paper": row["paper"],
                "tag": row["tag"],
                "printer": row["printer"],
                "state": row["state"],
                "why": recalled(row["why"]),
                "at": datetime.fromtimestamp(row["at"], UTC).isoformat(),
                "tries": row["tries"],
            }
            for row in rows
        ]

    def follow(self, before: Workshop, after: Workshop, event: Event, _effects: object) -> None:
        """As `Engine.followers` are called: whose id or count the ledger settled keeps the papers that were printed."""
        if not isinstance(event, Weighed | Hello):
            return
        for laptop in after.changed_since(before):
            was = next((each for each in before.laptops.values() if _same_row(each, laptop)), None)
            if was is not None and was.unweighed and (was.id, was.job.number) != (laptop.id, laptop.job.number):
                self._base.execute(
                    "UPDATE OR IGNORE papers SET laptop = ?, job = ? WHERE laptop = ? AND job = ?",
                    (laptop.id, laptop.job.number, was.id, was.job.number),
                )
                self._noted.discard((was.id, was.job.number))

    def again(self, laptop: Laptop, paper: str) -> dict[str, object]:
        """Print a paper of a laptop's present job, once more if it was; says so. UsageError without a printer."""
        if paper not in PAPERS:
            raise UsageError(Phrase("there is no paper called {paper}", paper=paper), "it is label or sheet")
        if paper not in self._printers():
            hint = Phrase('name a CUPS printer: [print] {paper} = "NAME"', paper=paper)
            raise UsageError(Phrase("no printer is named for the {paper}", paper=paper), hint)
        self._base.execute(
            "INSERT INTO papers (laptop, job, paper, tag, state, at) VALUES (?, ?, ?, ?, 'waiting', ?) "
            "ON CONFLICT DO UPDATE SET state = 'waiting', why = '', at = excluded.at, tries = 0, due = 0, "
            "tag = excluded.tag",
            (laptop.id, laptop.job.number, paper, laptop.tag, time.time()),
        )
        self._wake.set()
        return {"state": "queued"}

    def swapped(self, back: Laptop, out: Laptop) -> dict[str, object]:
        """Have the sheets of two laptops printed; where no printer is named for them, say where they are."""
        told = Phrase("{back} is back, {out} goes out", back=called(back), out=called(out))
        if "sheet" not in self._printers():
            return {"state": told, "papers": f"/today/sheets.pdf?laptop={back.id}&laptop={out.id}"}
        for laptop in (back, out):
            self.again(laptop, "sheet")
        return {"state": told, "printed": 2}

    async def run(self) -> None:
        """Print what is due, until cancelled."""
        leave = self._engine.subscribe(self._wake.set)
        try:
            while True:
                self._wake.clear()
                self._note()
                await self._send()
                await self._look()
                await self._pause()
        finally:
            leave()

    async def _pause(self) -> None:
        """Until something happened, and a moment more: an evening has many events."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._wake.wait()
            await asyncio.sleep(0.5)
        except TimeoutError:
            pass

    def _note(self, old: bool = False) -> None:
        """Take papers of laptops that are done into the queue, once. What has no printer now is not printed later, nor
        what was done while nobody saw it (`core/overtaken.py`): it was printed then."""
        wanted = set() if old or self._settings().when != "done" else set(self._printers())
        rows = [
            (each.id, each.job.number, paper, each.tag, _due(each, paper, wanted), time.time())
            for each in self._engine.workshop.laptops.values()
            if each.state is State.DONE and (each.id, each.job.number) not in self._noted
            for paper in PAPERS
        ]
        query = "INSERT OR IGNORE INTO papers (laptop, job, paper, tag, state, at) VALUES (?, ?, ?, ?, ?, ?)"
        if rows:
            self._base.execute("BEGIN")
            self._base.executemany(query, rows)
            self._base.execute("COMMIT")
            self._noted |= {(row[0], row[1]) for row in rows}

    async def _send(self) -> None:
        for row in self._all("SELECT * FROM papers WHERE state = 'waiting' AND due <= ? ORDER BY at", (time.time(),)):
            printer = self._printers().get(row["paper"], "")
            if printer:
                await self._send_one(row, printer)

    async def _send_one(self, row: sqlite3.Row, printer: str) -> None:
        """One paper. What cannot be drawn or taken yet is tried again later; no other waits for it."""
        try:
            drawn = await getattr(self._office, row["paper"])([row["laptop"]])
            self._set(row, state="sending", printer=printer)
            there = await asyncio.to_thread(
                hand_over, printer, f"cloned {row['paper']} {row['tag'] or row['laptop']}", drawn
            )
            self._set(row, state="sent", there=there, why="", due=time.time() + PATIENCE_SECONDS)
        except ClonedError as error:
            tries = row["tries"] + 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 10))
            why = headed(error.message, error.hint) if error.hint else error.message
            self._set(row, state="waiting", why=kept(why), tries=tries, due=time.time() + pause)
            if tries == 1:
                log.warning("the %s of laptop %s waits: %s", row["paper"], row["tag"] or row["laptop"], why)

    async def _look(self) -> None:
        """Whether what CUPS has came out."""
        rows = self._all("SELECT * FROM papers WHERE state = 'sent'")
        for printer in {row["printer"] for row in rows}:
            mine = [row for row in rows if row["printer"] == printer]
            try:
                there = await asyncio.to_thread(waiting, printer)
            except ClonedError:
                continue
            for row in mine:
                if row["there"] not in there:
                    self._set(row, state="printed", why="")
            await self._kept([row for row in mine if row["there"] in there and row["due"] <= time.time()], printer)

    async def _kept(self, rows: Sequence[sqlite3.Row], printer: str) -> None:
        """Papers that a printer has had for long: say what keeps it. They are never printed again by themselves."""
        if rows:
            words = await asyncio.to_thread(alert, printer)
            why = kept(Phrase("{printer} does not print it: {why}", printer=printer, why=Phrase(words)))
            for row in rows:
                self._set(row, why=why)

    def _printers(self) -> dict[str, str]:
        """Papers that have a printer, and its name."""
        return {paper: name for paper in PAPERS if (name := getattr(self._settings(), paper))}

    def _all(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        with closing(self._base.execute(query, values)) as found:
            return found.fetchall()

    def _set(self, row: sqlite3.Row, **values: object) -> None:
        names = ", ".join(f"{name} = :{name}" for name in values)
        where = "laptop = :laptop AND job = :job AND paper = :paper"
        known = {name: row[name] for name in ("laptop", "job", "paper")}
        self._base.execute(f"UPDATE papers SET {names} WHERE {where}", {**known, **values})  # noqa: S608 - our own names


def _due(laptop: Laptop, paper: str, wanted: Container[str]) -> str:
    """The state in which a paper is taken into the queue."""
    return "waiting" if paper in wanted and laptop.job.verdict is VerdictKind.VERIFIED else "before"


def _same_row(one: Laptop, other: Laptop) -> bool:
    """Whether both are one laptop on the screen, whatever ids it went by."""
    return (one.number, one.first_seen) == (other.number, other.first_seen)


def _opened(path: Path) -> sqlite3.Connection:
    """The queue's file; DatabaseError where it is damaged."""
    base = sqlite3.connect(path, isolation_level=None)
    try:
        path.chmod(0o600)
        base.row_factory = sqlite3.Row
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")  # no wait for the disk in the loop: at worst, when the power
        # is cut in that very moment, a paper comes out twice; a daemon that is killed loses nothing
        base.execute(_TABLE)
        (verdict,) = base.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        base.close()
        raise
    return base


def _set_aside(path: Path) -> None:
    """Keep what is damaged under another name; what SQLite had beside it belongs to no other file."""
    path.replace(path.with_suffix(".damaged"))
    for more in ("-wal", "-shm"):
        path.with_name(f"{path.name}{more}").unlink(missing_ok=True)
