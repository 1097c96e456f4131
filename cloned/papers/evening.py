"""The evening on one page: what came of it, who still waits for whom, how long steps took, and what held it up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cloned.core.evening import Board
from cloned.core.evening_steps import STEPS
from cloned.core.shown import ShownLaptop
from cloned.languages import Language
from cloned.papers.document import Document
from cloned.papers.media import A4

_LEFT, _WIDTH = 18.0, 174.0
_SIZE, _STEP = 3.3, 6.0
_PLACES = {2: ((0, 110), (114, 60)), 4: ((0, 62), (66, 24), (94, 30), (128, 46))}
"""Where columns begin and how wide they are, in mm, by how many there are."""
Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Heading, heads and rows."""
_NAMED = 12
"""Laptops that are named where some wait."""


def summary(board: Board, site: str, made: float, words: Language) -> bytes:
    """A PDF of one page A4."""
    title = words.gettext("Evening of %(day)s", day=words.day(made))
    paper = Document(A4, title, words, datetime.fromtimestamp(made, UTC))
    paper.add_page()
    with paper.tagged("P"):
        paper.put(site, _LEFT, 14, _WIDTH, 3.6)
    with paper.tagged("H1"):
        paper.put(title, _LEFT, 21, _WIDTH, 7, bold=True)
    y = 34.0
    for line in _said(board, words):
        with paper.tagged("P"):
            paper.put(line, _LEFT, y, _WIDTH, 3.8)
        y += _STEP
    for heading, heads, rows in _tables(board, words):
        y = _table(paper, heading, heads, rows, y + 4, words)
    return paper.done()


def _said(board: Board, words: Language) -> list[str]:
    """What it comes to."""
    lines = [through(board, words)]
    if board.person_minutes is not None:
        lines.append(at_the_keyboard(board, words))
    grades = ", ".join(f"{grade}: {words.number(count)}" for grade, count in board.grades)
    return [*lines, *([f"{words.gettext('Grade')} {grades}"] if grades else [])]


def through(board: Board, words: Language) -> str:
    """`37 of 40 laptops are through`."""
    return words.ngettext(
        "%(through)s of %(num)s laptop is through",
        "%(through)s of %(num)s laptops are through",
        board.laptops,
        through=words.number(board.through),
    )


def at_the_keyboard(board: Board, words: Language) -> str:
    """`2.8 min at the keyboard for each of 40 laptops`."""
    return words.ngettext(
        "%(minutes)s min at the keyboard for %(num)s laptop",
        "%(minutes)s min at the keyboard for each of %(num)s laptops",
        board.tested,
        minutes=words.number(board.person_minutes or 0, 1),
    )


def _tables(board: Board, words: Language) -> list[Table]:
    """What waits, what it took, what held it up."""
    _, span = words.gettext, words.seconds
    waiting: list[tuple[str, ...]] = [
        (words.say(each.what), str(len(each.laptops)), span(each.longest), _named(each.laptops, words))
        for each in board.waiting
    ]
    steps: list[tuple[str, ...]] = [
        (words.say(STEPS[each.name]), words.number(each.laptops), span(each.usual), span(each.longest))
        for each in board.steps
    ]
    held: list[tuple[str, ...]] = [(words.say(each.what), span(each.seconds)) for each in board.held_up]
    return [
        (_("Who waits for whom"), (_("Waits for"), _("Laptops"), _("The longest"), _("Which")), waiting),
        (_("How long steps took"), (_("Step"), _("Laptops"), _("Usually"), _("At most")), steps),
        (_("What held it up"), (_("What"), _("All laptops together")), held),
    ]


def _named(laptops: Sequence[ShownLaptop], words: Language) -> str:
    named = ", ".join(each.tag or str(each.number) for each in laptops[:_NAMED])
    more = len(laptops) - _NAMED
    return f"{named} {words.gettext('and %(n)s more', n=more)}" if more > 0 else named


def _table(
    paper: Document, heading: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], y: float, words: Language
) -> float:
    with paper.tagged("H2"):
        paper.put(heading, _LEFT, y, _WIDTH, 4.6, bold=True)
    if not rows:
        with paper.tagged("P"):
            paper.put(words.gettext("Nothing."), _LEFT, y + 7.5, _WIDTH, _SIZE)
        return y + 14
    table, y = paper.grid(), y + 7.5
    for number, cells in enumerate((heads, *rows)):
        row, after = paper.row(table), y
        for cell, (x, width) in zip(cells, _PLACES[len(cells)], strict=True):
            with paper.tagged("TD" if number else "TH", row):
                after = max(after, paper.lines(cell, _LEFT + x, y, width, _SIZE, 3, bold=not number))
        y = max(y + _STEP, after + 1)
    return y
