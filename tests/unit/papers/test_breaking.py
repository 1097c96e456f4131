"""Lines of a paper end where a reader expects it, in every language."""

import re
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from cloned.languages import CODES, catalogue, language
from cloned.papers import breaking
from cloned.papers.document import Document, safe
from cloned.papers.guide import booklet


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("appuyez sur « Réessayer » :", ["appuyez", "sur", "« Réessayer » :"]),
        ("« deux mots » ; là ? oui !", ["« deux", "mots » ;", "là ?", "oui !"]),
        ("n° 12, nr. 12, no. 12", ["n° 12,", "nr. 12,", "no. 12"]),
        ("libre 84 % et 7,3 Go", ["libre", "84 %", "et", "7,3 Go"]),
        ("in 3 min, 1 h 20, 250 MB/s", ["in", "3 min,", "1 h 20,", "250 MB/s"]),
        ("12 480 h, 1920 x 1080, 14,1 inch", ["12 480 h,", "1920 x 1080,", "14,1 inch"]),
        ("le 29 novembre 2026 à 19:04", ["le", "29 novembre 2026", "à", "19:04"]),
        ("16\xa0Go et\u202f: rien", ["16\xa0Go", "et\u202f:", "rien"]),
        ("  two\n words\t ", ["two", "words"]),
        ("3 sessions, 2 disks", ["3", "sessions,", "2", "disks"]),
        ("", []),
    ],
)
def test_what_is_read_as_one_stays_on_one_line(text: str, wanted: list[str]) -> None:
    assert breaking.words(text) == wanted


@pytest.mark.parametrize("code", CODES)
def test_days_and_sizes_of_every_language_stay_whole(code: str) -> None:
    said = language(code)
    for text in (
        said.day(date(2026, 11, 29)),
        said.moment("2026-08-01T10:00:00"),
        said.size(7.3e9),
        said.percent(0.84),
    ):
        first, *more = breaking.words(text)
        assert more == ([text[-5:]] if ":" in text else []), text  # the hour may stand on the next line
        assert first


def test_no_message_in_french_breaks_before_its_signs() -> None:
    texts = [str(each.string) for each in catalogue("fr") if each.id and isinstance(each.string, str)]
    parts = [(part, text) for text in texts for part in breaking.words(text)]
    assert sum("«" in part for part, _ in parts) > 20
    assert [text for part, text in parts if re.match(r"[»:;?!%](?![\w(=])", part) or part.endswith("«")] == []


def drawn(text: str, width: float) -> list[str]:
    paper = Document((100, 297), "x", language("fr"))
    paper.add_page()
    paper.lines(text, 5, 5, width, 4, 60)
    return [
        line.strip() for line in PdfReader(BytesIO(paper.done())).pages[0].extract_text().splitlines() if line.strip()
    ]


@pytest.mark.parametrize("width", [42, 46, 52, 63])
def test_lines_of_a_paper_end_there_at_any_width(width: float) -> None:
    text = "Appuyez sur « Réessayer » : il reste 84 % de 7,3 Go, n° 12, le 29 novembre 2026 ; c'est sûr ?"
    lines = drawn(text, width)
    assert len(lines) > 2
    assert " ".join(lines) == safe(text)
    for line in lines[:-1]:
        assert not re.match(r"[»:;?!%]|Go|novembre|2026", line)
        assert not re.search(r"(?:«|n°|\d|novembre)$", line) or line.endswith("2026"), lines


def test_what_is_wider_than_its_column_breaks_all_the_same() -> None:
    lines = drawn("le 29 novembre 2026", 20)
    assert lines == ["le", "29", "novembre", "2026"] or "".join(lines).count("…") == 0


def test_the_guide_in_french_breaks_no_line_before_a_sign(tmp_path: Path) -> None:
    for page in PdfReader(BytesIO(booklet(language("fr")))).pages:
        for line in page.extract_text().splitlines():
            assert not re.match(r"\s*[»:;?!%]", line), line
            assert not line.rstrip().endswith("«"), line
