"""The hand-over sheet: one page A4 that goes with a laptop. It has room for people, and knows none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cloned.errors import UsageError
from cloned.languages import Language
from cloned.papers import wording
from cloned.papers.codes import bars, qr
from cloned.papers.document import Document
from cloned.papers.media import A4, Box
from cloned.papers.subject import PrintingSite, Storage, Subject

LEFT, WIDTH = 18.0, 174.0
_LABEL = 42.0
"""Width of what names a fact."""
_SIZE = 3.3
_STEP = 5.4
_ASK = 236.0
"""Where the part that people fill in begins, whatever stands above."""
_RESULT, _LINE = 46.0, 4.5
"""Height of the part that says what was put on it, and of a line of remarks: those get all room that is left."""
_MOST_DISKS, _MOST_BATTERIES = 4, 3


def sheets(who: Sequence[Subject], site: PrintingSite, language: Language, now: datetime | None = None) -> bytes:
    """A PDF with one page for each laptop. UsageError where there is none."""
    if not who:
        raise UsageError("there is no laptop to print a sheet for", "see `cloned laptops`")
    now = now or datetime.now(UTC)
    title = (
        language.gettext("Hand-over sheet of laptop %(tag)s", tag=who[0].tag or who[0].number)
        if len(who) == 1
        else language.ngettext("Hand-over sheet of %(num)s laptop", "Hand-over sheets of %(num)s laptops", len(who))
    )
    paper = Document(A4, title, language, now)
    for each in who:
        paper.add_page()
        _Sheet(paper, each, site, language).draw(now)
    return paper.done()


@dataclass
class _Sheet:
    """One page while it is drawn; `y` is where the next line goes."""

    paper: Document
    laptop: Subject
    site: PrintingSite
    words: Language
    y: float = field(default=14.0)

    def draw(self, now: datetime) -> None:
        self._head()
        self._laptop()
        self._batteries()
        self._disks()
        self._condition()
        self._result()
        self._people()
        self._foot(now)

    def _head(self) -> None:
        _, paper = self.words.gettext, self.paper
        with paper.tagged("P"):
            paper.put(self.site.name, LEFT, self.y, WIDTH - 40, 3.6)
        with paper.tagged("H1"):
            paper.put(_("Hand-over sheet"), LEFT, self.y + 6, WIDTH - 40, 8, bold=True)
        with paper.tagged("P"):
            paper.put(self.laptop.tag or _("no tag"), LEFT, self.y + 17, 84, 9.5, bold=True)
        bars(paper, self.laptop.tag, Box(LEFT + 84, self.y + 18.5, 60, 9))
        qr(paper, self.site.page_of(self.laptop), Box(LEFT + WIDTH - 30, self.y - 3, 33, 33))
        self.y += 32

    def _heading(self, text: str) -> None:
        with self.paper.tagged("H2"):
            self.paper.put(text, LEFT, self.y, WIDTH, 4.3, bold=True)
        with self.paper.decoration():
            self.paper.set_line_width(0.2)
            self.paper.line(LEFT, self.y + 6, LEFT + WIDTH, self.y + 6)
        self.y += 7.4

    def _facts(self, rows: Sequence[tuple[str, str]], most: int = 2) -> None:
        """Names and values of at most so many lines; a fact that was not told is left out."""
        table = self.paper.grid()
        for name, value in rows:
            if value:
                self._fact(table, name, value, most)
        self.y += 2.2

    def _fact(self, table: object, name: str, value: str, most: int) -> None:
        paper, row = self.paper, self.paper.row(table)  # type: ignore[arg-type]
        with paper.tagged("TH", row):
            paper.put(name, LEFT, self.y, _LABEL - 2, _SIZE)
        with paper.tagged("TD", row):
            after = paper.lines(value, LEFT + _LABEL, self.y, WIDTH - _LABEL, _SIZE, most, bold=True)
        self.y = max(self.y + _STEP, after + 0.9)

    def _laptop(self) -> None:
        _, laptop, words = self.words.gettext, self.laptop, self.words
        self._heading(_("Laptop"))
        self._facts(
            (
                (_("For"), laptop.organisation),
                (_("Model"), laptop.name),
                (_("Serial number"), laptop.serial),
                (_("Processor"), wording.processor(laptop, words)),
                (_("Memory"), wording.memory(laptop, words)),
                (_("Memory slots"), wording.slots(laptop, words)),
                (_("Screen"), wording.screen(laptop, words)),
                (_("Wi-Fi"), laptop.hardware.wifi),
                (_("TPM"), wording.tpm(laptop, words)),
                (_("Firmware"), wording.firmware(laptop, words)),
                (_("Key for Windows"), words.say(laptop.hardware.product_key_edition)),
            )
        )

    def _batteries(self) -> None:
        _, found = self.words.gettext, self.laptop.hardware.batteries
        self._heading(_("Battery"))
        named = [(each.name, wording.battery(each, self.words)) for each in found[:_MOST_BATTERIES]]
        self._facts(named or [(_("Battery"), _("none found"))])

    def _disks(self) -> None:
        _ = self.words.gettext
        self._heading(_("Disk"))
        heads = (_("Model and serial number"), _("Size"), _("SMART says"), _("Running"), _("Worn"), _("Bad sectors"))
        rows = [self._disk(each) for each in self.laptop.disks[:_MOST_DISKS]] or [(_("none found"), *[""] * 5)]
        places = ((0.0, 76.0), (78.0, 16.0), (96.0, 24.0), (122.0, 17.0), (141.0, 12.0), (154.0, 20.0))
        table = self.paper.grid()
        for number, cells in enumerate((heads, *rows)):
            row = self.paper.row(table)
            for (x, width), cell in zip(places, cells, strict=True):
                with self.paper.tagged("TD" if number else "TH", row):
                    self.paper.put(cell, LEFT + x, self.y, width, _SIZE if number else 2.8, bold=bool(number))
            self.y += _STEP if number else 4.6
        self.y += 2.2

    def _disk(self, disk: Storage) -> tuple[str, ...]:
        words = self.words
        kind = wording.KINDS.get(disk.kind, "")
        name = " ".join(part for part in (kind, disk.model, disk.serial) if part)
        found = (wording.smart, wording.hours, wording.worn, wording.bad)
        return (name, words.size(disk.size), *(say(disk, words) for say in found))

    def _condition(self) -> None:
        """What a person should know who takes it: grade, what it lacks, and what was found."""
        _, laptop = self.words.gettext, self.laptop
        if not (laptop.grade or laptop.remarks or laptop.tests):
            return
        self._heading(_("Condition"))
        self._facts(
            (
                (_("Grade"), laptop.grade),
                (_("Needs"), self.words.listed([self.words.say(need) for need in laptop.needs])),
                (_("Tests"), wording.tests(laptop, self.words)),
            ),
            most=5 if self.y < _ASK - 80 else 2,
        )
        self.y -= 2.2
        room = int((_ASK - _RESULT - self.y) / _LINE)
        self._facts([(_("Remarks"), ". ".join(map(self.words.say, laptop.remarks)))], most=max(2, room))

    def _result(self) -> None:
        _, laptop, words = self.words.gettext, self.laptop, self.words
        self._heading(_("What was put on it"))
        self._facts(
            (
                (_("Erased"), wording.erasure(laptop, words)),
                (_("Image"), laptop.image),
                (_("Image hash"), _grouped(laptop.image_hash)),
                (_("Verdict"), _(wording.VERDICTS.get(laptop.verdict, wording.VERDICTS["none"]))),
                (_("Date"), words.moment(laptop.at) if laptop.at else ""),
                (_("Finished with"), wording.steps(laptop, words)),
            )
        )

    def _people(self) -> None:
        """Blank lines: what stands on them stays on paper."""
        _, paper = self.words.gettext, self.paper
        self.y = max(self.y + 1, _ASK)
        self._blank(_("Number of the loan contract"), LEFT, self.y, 84)
        self._blank(_("Site"), LEFT + 90, self.y, 84, self.site.name)
        self.y += 15
        for column, whose in enumerate((_("For the workshop"), _("Received"))):
            x = LEFT + column * 90
            with paper.tagged("P"):
                paper.put(whose, x, self.y, 84, _SIZE, bold=True)
            self._blank(_("Date"), x, self.y + 13, 26)
            self._blank(_("Signature"), x + 30, self.y + 13, 54)

    def _blank(self, name: str, x: float, y: float, width: float, filled: str = "") -> None:
        with self.paper.decoration():
            self.paper.set_line_width(0.25)
            self.paper.line(x, y + 6, x + width, y + 6)
        if filled:
            with self.paper.tagged("P"):
                self.paper.put(filled, x, y + 1, width, _SIZE)
        with self.paper.tagged("P"):
            self.paper.put(name, x, y + 6.8, width, 2.8)

    def _foot(self, now: datetime) -> None:
        _, words = self.words.gettext, self.words
        printed = _("%(site)s, printed on %(day)s", site=self.site.name, day=words.day(now))
        with self.paper.tagged("P"):
            self.paper.put(printed, LEFT, 284, WIDTH - 60, 2.6)
        with self.paper.tagged("P"):
            self.paper.put(self.site.page_of(self.laptop), LEFT + WIDTH - 90, 284, 90, 2.6, align="R")


def _grouped(digest: str) -> str:
    """A hash in groups, so that two can be compared by eye; it may break between them."""
    return " ".join(digest[at : at + 16] for at in range(0, len(digest), 16))
