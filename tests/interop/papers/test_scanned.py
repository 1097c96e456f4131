"""Papers as printers, scanners and other people's PDF programs see them."""

import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from cloned.languages import CODES, language
from cloned.papers.label import labels
from cloned.papers.media import MEDIA
from cloned.papers.overview import overview
from cloned.papers.sheet import sheets
from cloned.papers.subject import PrintingSite, Storage, Subject

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not all(map(shutil.which, ("pdftoppm", "zbarimg", "qpdf", "pdffonts"))),
        reason="poppler-utils, zbar-tools, qpdf",
    ),
]
SITE = PrintingSite("Deel IT Mechelen", "http://cloned.werkplaats.example:8080")
LAPTOP = Subject(
    "1f2e3d", 7, "DM-2026-0042", "LENOVO", "ThinkPad T480s", "PF1ABCDE", "uefi", "Intel Core i5-8350U", 8 * 10**9,
    disks=(Storage("SAMSUNG", "S4ELNX", "nvme", 256 * 10**9, "ok", True),),
    image="school-2026", image_hash="9f" * 32, verdict="verified", state="done", at="2026-11-29T10:00:00Z",
)  # fmt: skip
TAGS = ("DM-2026-0042", "PC250200", "DEELIT-MECHELEN-2026-00042")


def run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def picture(pdf: Path, dpi: int, area: tuple[float, float, float, float] | None = None) -> Path:
    """The first page as a printer has it, or so much of it: left, top, width, height in mm."""
    part = [round(side * dpi / 25.4) for side in area or ()]
    cut = [text for flag, side in zip("xyWH", part, strict=False) for text in (f"-{flag}", str(side))]
    run("pdftoppm", "-png", "-gray", "-singlefile", "-r", str(dpi), *cut, pdf, pdf.with_suffix(""))
    return pdf.with_suffix(".png")


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    ("name", "dpi"),
    [
        ("62", 203),
        ("62", 300),
        ("62x29", 203),
        ("62x29", 300),
        ("L7160", 203),
        ("L7160", 600),
        ("L6009", 300),
        ("L6009", 600),
    ],
)
def test_two_readers_decode_every_label(name: str, tag: str, dpi: int, tmp_path: Path) -> None:
    """Thermal printers have 203 or 300 dots an inch; sheets of foil go through laser printers, which have more."""
    pdf, kind = tmp_path / "label.pdf", MEDIA[name]
    place = min(5, kind.places)
    pdf.write_bytes(labels([replace(LAPTOP, tag=tag)], kind, SITE, language("nl"), place))
    drawn = picture(pdf, dpi, (*kind.corner(place), kind.width, kind.height))
    address = f"http://cloned.werkplaats.example:8080/laptops/{tag}"
    seen = set(run("zbarimg", "-q", "--raw", drawn).split())
    with Image.open(drawn) as image:
        found = {each.text for each in zxingcpp.read_barcodes(image)}
    assert address in seen & found
    if len(tag) <= 12:
        assert tag in seen & found
    else:
        assert seen | found <= {address, tag}


@pytest.mark.parametrize("code", CODES)
def test_papers_are_sound_and_carry_their_fonts(code: str, tmp_path: Path) -> None:
    spoken = language(code)
    made = {
        "label": labels([LAPTOP], MEDIA["62x29"], SITE, spoken),
        "sheet": sheets([LAPTOP, LAPTOP], SITE, spoken),
        "list": overview([LAPTOP] * 50, "2026", SITE, spoken),
    }
    for name, data in made.items():
        pdf = tmp_path / f"{name}.pdf"
        pdf.write_bytes(data)
        assert "No syntax or stream encoding errors" in run("qpdf", "--check", pdf)
        fonts = run("pdffonts", pdf).splitlines()[2:]
        assert fonts
        assert all(re.search(r"Inter\S*\s+CID TrueType\s+Identity-H\s+yes yes yes", line) for line in fonts), fonts
        assert "DM-2026-0042" in run("pdftotext", pdf, "-")
        assert re.search(r"Tagged:\s+yes", run("pdfinfo", pdf))


def test_a_sheet_is_scanned_to_its_laptop(tmp_path: Path) -> None:
    pdf = tmp_path / "sheet.pdf"
    pdf.write_bytes(sheets([LAPTOP], SITE, language("fr")))
    assert re.search(r"Page size:\s+595.28 x 841.89 pts \(A4\)", run("pdfinfo", pdf))
    found = set(run("zbarimg", "-q", "--raw", picture(pdf, 200)).split())
    assert found == {"DM-2026-0042", "http://cloned.werkplaats.example:8080/laptops/DM-2026-0042"}


def test_a_tag_is_as_tall_as_two_metres_need(tmp_path: Path) -> None:
    """5 mm is ten minutes of arc at two metres, twice what normal eyes need (ISO 8596); labels of 62 mm have 7."""
    for name, least in (("62", 7.0), ("62x29", 7.0), ("L7160", 7.0), ("L6009", 5.0)):
        pdf = tmp_path / f"{name}.pdf"
        pdf.write_bytes(labels([LAPTOP], MEDIA[name], SITE, language("nl")))
        with Image.open(picture(pdf, 300)) as image:
            x, y = (round(side * 300 / 25.4) for side in MEDIA[name].corner(1))
            tag = MEDIA[name].design.tag
            area = (tag.x, tag.y - 0.3, tag.x + tag.width, tag.y + tag.height + 0.3)
            left, top, right, bottom = (round(side * 300 / 25.4) for side in area)
            part = image.crop((x + left, y + top, x + right, y + bottom)).point(lambda value: 255 * (value < 128))
        box = part.getbbox()
        assert box is not None
        assert (box[3] - box[1]) * 25.4 / 300 >= least, name


def test_papers_are_small_and_quick(tmp_path: Path) -> None:
    """Bounds far above what is measured, for machines under load; the figures themselves are in the benchmark."""
    labels([LAPTOP], MEDIA["62"], SITE, language("nl"))
    start = time.process_time()
    data = labels([LAPTOP], MEDIA["62"], SITE, language("nl"))
    assert time.process_time() - start < 0.5
    assert len(data) <= 20_000
