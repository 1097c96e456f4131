"""A PDF of ours: fonts inside, text that can be selected, a structure, a language and a title."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.fonts import TTFFont
from fpdf.prefs import ViewerPreferences
from fpdf.structure_tree import StructElem

from cloned.assets import root
from cloned.languages import Language
from cloned.papers import breaking
from cloned.papers.tagging import Element, StructureTree

CAP = 0.727
"""Height of a capital or figure of Inter, as a share of the size."""
POINT = 25.4 / 72
"""Millimetres of a point."""
UNKNOWN = "□"
"""What stands for a character that the font has not."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGEST = 300
"""Characters of any text that come on paper."""


class Document(FPDF):
    """Pages of one size in millimetres, drawn at places; nothing flows over by itself."""

    def __init__(self, size: tuple[float, float], title: str, language: Language, made: datetime | None = None) -> None:
        width, height = size
        super().__init__("P" if width <= height else "L", "mm", (min(size), max(size)))
        self.struct_builder = StructureTree()
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.set_title(safe(title))
        self.set_lang(language.code)
        self.set_creator("cloned")
        self.set_creation_date(made or datetime.now(UTC))
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)

    @property
    def tree(self) -> StructureTree:
        """The structure built so far."""
        assert isinstance(self.struct_builder, StructureTree)
        return self.struct_builder

    @contextmanager
    def tagged(self, kind: str, within: StructElem | None = None, spoken: str | None = None) -> Iterator[None]:
        """What is drawn meanwhile belongs to one element: H1, H2, P, TH, TD or a Figure with what is `spoken`."""
        mark, number = self.tree.leaf(kind, self.page, within, None if spoken is None else safe(spoken))
        self.pages[self.page].struct_parents = number
        self._set_min_pdf_version("1.5")
        self._out(f"/{kind} <</MCID {mark}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def decoration(self) -> Iterator[None]:
        """What is drawn meanwhile says nothing: lines and areas."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def row(self, table: Element) -> Element:
        """A row of a table."""
        return self.tree.group("TR", self.page, table)

    def grid(self) -> Element:
        """A table on this page."""
        return self.tree.group("Table", self.page)

    def use(self, size: float, bold: bool = False) -> None:
        """The font at a size in millimetres."""
        style, name = ("B", "Bold") if bold else ("", "Regular")
        if f"inter{style}" not in self.fonts:
            self.add_font("Inter", style, _font(name))
            font = self.fonts[f"inter{style}"]
            assert isinstance(font, TTFFont)
            # Glyphs go into the file as they are: to take each apart and measure it anew is a quarter of all the time.
            font.ttfont.recalcBBoxes = False
        self.set_font("Inter", style, size / POINT)

    def measure(self, text: str) -> float:
        """Width of a safe text in the font in use, in millimetres."""
        assert self.current_font is not None
        return self.current_font.get_text_width(text, self.font_size_pt, None)[1] / self.k

    def put(
        self, text: str, x: float, y: float, width: float, size: float, *, bold: bool = False, align: str = "L"
    ) -> None:
        """One line whose box starts at (x, y), made smaller until it is `width` wide, then cut with `…`."""
        text = safe(text)
        self.use(size, bold)
        wide = self.measure(text)
        if wide > width:
            size *= max(0.7, width / wide)
            self.use(size, bold)
        self._line(self._cut(text, width), x, y, width, size, align)

    def _line(self, text: str, x: float, y: float, width: float, size: float, align: str) -> None:
        shift = width - self.measure(text) if align == "R" else 0.0
        self.text(x + shift, y + size * (1 + CAP) / 2, text)

    def _cut(self, text: str, width: float) -> str:
        if self.measure(text) <= width + 0.01:
            return text
        fits = bisect_right(range(len(text)), width, key=lambda end: self.measure(text[:end] + "…")) - 1
        return text[: max(0, fits)].rstrip() + "…"

    def lines(self, text: str, x: float, y: float, width: float, size: float, most: int, bold: bool = False) -> float:
        """Lines that break between words, at most so many; returns where the next thing may stand.

        What is but a little too long for one line is made smaller instead.
        """
        text = safe(text)
        self.use(size, bold)
        wide = self.measure(text)
        if width < wide <= width * 1.15:
            size *= width / wide
            self.use(size, bold)
        for line in self._wrapped(text, width + 0.01, most):
            self._line(line, x, y, width, size, "L")
            y += size * 1.35
        return y

    def _wrapped(self, text: str, width: float, most: int) -> list[str]:
        lines: list[str] = []
        words = [part for word in breaking.words(text) for part in self._narrow(word, width)]
        while words and len(lines) < most:
            line = words.pop(0)
            while words and self.measure(f"{line} {words[0]}") <= width:
                line += " " + words.pop(0)
            if words and len(lines) == most - 1:
                line = f"{line} {' '.join(words)}"
            lines.append(self._cut(line, width))
        return lines

    def _narrow(self, word: str, width: float) -> list[str]:
        """What is read as one, as its parts where a line is too narrow for it."""
        return [word] if self.measure(word) <= width else word.split(" ")

    def fill(self, boxes: Iterable[tuple[float, float, float, float]], x: float, y: float, unit: float) -> None:
        """Black boxes (x, y, width, height in units of so many mm, from (x, y) on) as one shape without seams."""
        k = self.k
        path = " ".join(f"{left:g} {top:g} {width:g} {height:g} re" for left, top, width, height in boxes)
        place = f"{unit * k:.4f} 0 0 {-unit * k:.4f} {x * k:.3f} {(self.h - y) * k:.3f}"
        self._out(f"q 0 g {place} cm {path} f Q")

    def done(self) -> bytes:
        """The file; nothing can be drawn afterwards."""
        data = bytes(self.output())
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()
        return data


def safe(text: str) -> str:
    """A text that can be printed: control and direction signs dropped, what no font has as □, never endless."""
    text = unicodedata.normalize("NFC", text[: LONGEST * 4])
    kept = (char for char in text if char not in _BIDI and unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Mn"))
    known = _characters()
    return "".join(char if ord(char) in known else UNKNOWN for char in kept)[:LONGEST]


def _font(name: str) -> Path:
    return root("web") / "fonts" / f"Inter-{name}.ttf"


@cache
def _characters() -> frozenset[int]:
    """What both weights have."""
    found = []
    for name in ("Regular", "Bold"):
        with TTFont(_font(name), lazy=True) as font:
            found.append(frozenset(font.getBestCmap()))
    return found[0] & found[1]
