"""Papers through Debian's real CUPS to a network printer, read back as they came out of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.languages import language
from cloned.papers.label import labels
from cloned.papers.media import MEDIA
from cloned.papers.printer import hand_over, waiting
from cloned.papers.sheet import sheets
from tests.interop.papers.test_scanned import LAPTOP, SITE, picture, run
from tests.waiting import block_until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="cupsd needs root"),
    pytest.mark.skipif(
        not all(
            shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
            for name in ("cupsd", "ippeveprinter", "dbus-daemon", "qpdf")
        ),
        reason="cups-daemon, cups-ipp-utils, dbus-daemon, qpdf",
    ),
]
MM = 72 / 25.4
ADDRESS = "http://cloned.werkplaats.example:8080/laptops/DM-2026-0042"
PAPERS: dict[str, tuple[Callable[[], bytes], float, float]] = {
    "label 62": (lambda: labels([LAPTOP], MEDIA["62"], SITE, language("nl")), MEDIA["62"].width, MEDIA["62"].height),
    "label 62x29": (lambda: labels([LAPTOP], MEDIA["62x29"], SITE, language("fr")), 62, 29),
    "label L7160": (lambda: labels([LAPTOP], MEDIA["L7160"], SITE, language("nl"), 5), 210, 297),
    "label L6009": (lambda: labels([LAPTOP], MEDIA["L6009"], SITE, language("nl"), 7), 210, 297),
    "sheet": (lambda: sheets([LAPTOP, LAPTOP], SITE, language("nl")), 210, 297),
}
"""What is printed, and how wide and high its paper is, in mm."""


@pytest.mark.parametrize("name", PAPERS)
def test_what_comes_out_of_the_printer_is_the_paper_whole(name: str, printed: Path, tmp_path: Path) -> None:
    make, width, height = PAPERS[name]
    hand_over("Office", f"cloned {name}", make())
    block_until(lambda: any(printed.glob("*.pdf")) and not waiting("Office"), "nothing was printed")
    [pdf] = printed.glob("*.pdf")
    shutil.copy(pdf, paper := tmp_path / "paper.pdf")
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", paper)
    size = re.search(r"Page size:\s+([\d.]+) x ([\d.]+) pts", run("pdfinfo", paper))
    assert size is not None
    assert float(size[1]) / MM == pytest.approx(width, abs=0.2)
    assert float(size[2]) / MM == pytest.approx(height, abs=0.2)
    text = run("pdftotext", paper, "-")
    assert "DM-2026-0042" in text
    fonts = run("pdffonts", paper).splitlines()[2:]
    assert fonts
    assert all(re.search(r"\syes yes yes\s", line) for line in fonts), fonts
    for dpi in (203, 300) if name != "label L6009" else (300, 600):  # foil goes through laser printers
        seen = set(run("zbarimg", "-q", "--raw", picture(paper, dpi)).split())
        assert seen >= {ADDRESS, "DM-2026-0042"}, dpi
