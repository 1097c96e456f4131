"""The volunteers' guide on paper: two pages A4 to hang beside the switch."""

from __future__ import annotations

from cloned.guide import CHAPTERS, TITLE, Chapter
from cloned.languages import Language
from cloned.papers.document import Document

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 20.0
TEXT = 4.4
"""Millimetres: to be read while standing."""


def booklet(words: Language) -> bytes:
    """The guide in one language, as a PDF."""
    made = Document((WIDTH, HEIGHT), words.gettext(TITLE), words)
    y = _begin(made)
    with made.tagged("H1"):
        y = made.lines(words.gettext(TITLE), MARGIN, y, WIDTH - 2 * MARGIN, 8.0, 2, bold=True) + 5
    for number, chapter in enumerate(CHAPTERS, 1):
        if y + _height(chapter) > HEIGHT - MARGIN:
            y = _begin(made)
        y = _chapter(made, number, chapter, words, y)
    if not words.read_by:
        with made.tagged("P"):
            unread = words.gettext("No native speaker has read this translation yet.")
            made.lines(unread, MARGIN, HEIGHT - MARGIN, WIDTH - 2 * MARGIN, 3.2, 1)
    return made.done()


def _begin(made: Document) -> float:
    made.add_page()
    return MARGIN


def _height(chapter: Chapter) -> float:
    """Roughly: two lines for each thing it says."""
    return 10 + len(chapter.says) * 2 * TEXT * 1.4


def _chapter(made: Document, number: int, chapter: Chapter, words: Language, y: float) -> float:
    with made.tagged("H2"):
        made.put(f"{number}. {words.gettext(chapter.title)}", MARGIN, y, WIDTH - 2 * MARGIN, 5.6, bold=True)
    y += 9
    for said in chapter.says:
        with made.tagged("P"):
            y = made.lines(words.gettext(said), MARGIN + 6, y, WIDTH - 2 * MARGIN - 6, TEXT, 3) + 1.6
    return y + 5
