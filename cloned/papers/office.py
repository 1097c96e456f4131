"""Where papers are asked for: finds the laptops that are meant, whatever became of them, and has them drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from importlib import import_module
from typing import Protocol

from cloned.core.evening import board
from cloned.core.laptop import Laptop
from cloned.core.naming import find_laptop
from cloned.core.refusals import Refusal, Refused
from cloned.core.row_types import Row
from cloned.core.snapshot import snapshot
from cloned.engine import Engine
from cloned.errors import RefusedError, UsageError
from cloned.languages import Language
from cloned.languages import language as spoken
from cloned.papers.media import media as media_called
from cloned.papers.press import draw
from cloned.papers.subject import PrintingSite, Subject, of_laptop, subject


class Results(Protocol):
    """The ledger, as papers need it."""

    async def between(self, first: datetime, last: datetime) -> list[Row]:
        """Results entered from `first` on and before `last`, oldest first."""

    async def called(self, name: str) -> Row | None:
        """The newest result of the laptop with this id, tag or serial."""

    async def ids(self, name: str) -> list[str]:
        """Laptops with this id, tag, serial number or MAC address."""


class Office:
    """Draws papers of the workshop's laptops and of those that only the ledger still knows."""

    def __init__(
        self,
        engine: Engine,
        results: Results,
        site: Callable[[], PrintingSite],
        language: str = "en",
        media: str = "62",
    ) -> None:
        self._engine, self._results, self._site = engine, results, site
        self._language, self._media = language, media
        self._guides: dict[str, bytes] = {}
        """The guide says the same to everybody: drawn once in each language."""

    async def label(
        self, names: Sequence[str], language: str = "", media: str = "", first: int = 1, of: str = ""
    ) -> bytes:
        """A PDF of labels; on sheets, from place `first` on. UsageError where a laptop is not known or has no tag."""
        who, kind = await self._subjects(names), media_called(media or self._media)
        return await draw(drawn, "label:labels", who, kind, self._site(), self._spoken(language), first, of)

    async def sheet(self, names: Sequence[str], language: str = "") -> bytes:
        """A PDF of hand-over sheets, a page for each. UsageError where a laptop is not known."""
        who = await self._subjects(names)
        return await draw(drawn, "sheet:sheets", who, self._site(), self._spoken(language))

    async def attached(self, laptop: str) -> bytes | None:
        """The hand-over sheet that goes with a result into an inventory; None for a laptop that was forgotten."""
        try:
            return await self.sheet([laptop])
        except UsageError:
            return None

    async def overview(self, names: Sequence[str], day: date | None = None, language: str = "") -> bytes:
        """A PDF that lists laptops of a day."""
        who, words = await self._subjects(names), self._spoken(language)
        return await draw(drawn, "overview:overview", who, day_title(_midnight(day), words), self._site(), words)

    async def workbook(self, names: Sequence[str], day: date | None = None, language: str = "") -> bytes:
        """The same as XLSX."""
        who, words = await self._subjects(names), self._spoken(language)
        return await draw(drawn, "overview:workbook", who, day_title(_midnight(day), words), self._site(), words)

    async def evening(self, language: str = "") -> bytes:
        """The evening so far, as a PDF."""
        now = self._engine.clock()
        seen, site = board(snapshot(self._engine.workshop, {}, now)), self._site().name
        return await draw(drawn, "evening:summary", seen, site, now, self._spoken(language))

    async def guide(self, language: str = "") -> bytes:
        """The volunteers' guide as a PDF."""
        words = self._spoken(language)
        if words.code not in self._guides:
            self._guides[words.code] = await draw(drawn, "guide:booklet", words)
        return self._guides[words.code]

    async def of_day(self, day: date | None = None, image: str = "") -> list[str]:
        """Ids of the laptops that had a result that day, in the order of their tags; with one image if it is named."""
        begin = _midnight(day)
        rows = await self._results.between(begin.astimezone(), (begin + timedelta(days=1)).astimezone())
        newest = {row["laptop"]: row for row in rows if image in ("", row.get("image"))}
        return sorted(newest, key=lambda ident: (newest[ident].get("tag") or "~", newest[ident]["at"]))

    async def _subjects(self, names: Sequence[str]) -> list[Subject]:
        return [await self._subject(name) for name in names]

    async def _subject(self, name: str) -> Subject:
        found = find_laptop(self._engine.workshop, name)
        if isinstance(found, Laptop):
            return of_laptop(found, _entered(await self._results.called(found.id), found))
        return subject(await self._only_in_the_ledger(name, found))

    async def _only_in_the_ledger(self, name: str, refusal: Refusal) -> Row:
        """The newest result of the one laptop there that is called so. RefusedError where none is, or several are."""
        known = await self._results.ids(name) if refusal.code is Refused.NO_SUCH_LAPTOP else []
        if len(known) > 1:
            refusal = Refusal(Refused.SEVERAL_LAPTOPS, {"count": len(known), "name": name})
        row = await self._results.called(known[0]) if len(known) == 1 else None
        if row is None:
            raise RefusedError(refusal)
        return row

    def _spoken(self, language: str) -> Language:
        return spoken(language or self._language)


def drawn(drawer: str, *args: object) -> bytes:
    """What `module:function` of this room draws of `args`. Call by `draw`: fpdf2, fontTools and openpyxl, which take
    20 MB and half a second, are imported when the first paper is wanted.
    """
    module, name = drawer.split(":")
    made: bytes = getattr(import_module(f"cloned.papers.{module}"), name)(*args)
    return made


def day_title(day: datetime, language: Language) -> str:
    """What the list of a day is called."""
    return language.gettext("Laptops of %(day)s", day=language.day(day))


def _entered(row: Row | None, laptop: Laptop) -> str:
    """When the result of its present job was entered; empty while it has none."""
    return str(row["at"]) if row is not None and row.get("attempt") == laptop.job.number else ""


def _midnight(day: date | None) -> datetime:
    """When a day begins where the server stands."""
    return datetime.combine(day or datetime.now().astimezone().date(), time())
