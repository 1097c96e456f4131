"""Papers: sizes, words, structure; whatever a laptop says of itself."""

from dataclasses import replace
from io import BytesIO

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from cloned.core.hardware import Hardware
from cloned.core.triage_shipped import SHIPPED
from cloned.errors import UsageError
from cloned.languages import CLOSING, CODES, OPENING, bracketed, language
from cloned.papers.document import safe
from cloned.papers.label import labels
from cloned.papers.media import MEDIA, media
from cloned.papers.overview import overview, workbook
from cloned.papers.sheet import sheets
from cloned.papers.subject import subject

from .papers import BARE, HASH, LAPTOP, NASTY, SITE, pages

MM = 72 / 25.4


@pytest.mark.parametrize("name", MEDIA)
def test_a_label_is_as_large_as_its_media(name: str) -> None:
    box = PdfReader(BytesIO(labels([LAPTOP], MEDIA[name], SITE, language("nl")))).pages[0].mediabox
    width, height = (210, 297) if name.startswith("L") else (MEDIA[name].width, MEDIA[name].height)
    assert float(box.width) == pytest.approx(width * MM, abs=0.1)
    assert float(box.height) == pytest.approx(height * MM, abs=0.1)


@pytest.mark.parametrize("name", MEDIA)
def test_everything_on_a_label_lies_inside_it(name: str) -> None:
    kind = MEDIA[name]
    for box in (kind.design.tag, kind.design.bars, kind.design.words, kind.design.qr):
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= kind.width
        assert box.y + box.height <= kind.height
    right = kind.corner(kind.places)[0] + kind.width
    assert right <= kind.page[0] + 0.01
    assert kind.corner(kind.places)[1] + kind.height <= kind.page[1] + 0.01


def test_labels_go_on_from_the_first_free_place_of_a_sheet() -> None:
    many = [replace(LAPTOP, tag=f"DM-2026-{at:04}") for at in range(5)]
    found = pages(labels(many, MEDIA["L7160"], SITE, language("en"), first=19))
    assert [text.count("DM-2026-") for text in found] == [3, 2]
    with pytest.raises(UsageError, match="no place 22"):
        labels(many, MEDIA["L7160"], SITE, language("en"), first=22)


def test_a_laptop_without_a_tag_gets_no_label() -> None:
    with pytest.raises(UsageError, match="laptop 1 has no tag yet"):
        labels([BARE], MEDIA["62"], SITE, language("en"))
    with pytest.raises(UsageError, match="no label media A5"):
        media("A5")


def test_a_label_says_tag_image_and_day() -> None:
    text = pages(labels([LAPTOP], MEDIA["62"], SITE, language("fr")))[0]
    for part in ("DM-2026-0042", "school-2026, 29/11/2026", "N° de série PF1ABCDE", "Deel IT Mechelen"):
        assert part in text


@pytest.mark.parametrize("name", MEDIA)
def test_a_label_says_grade_and_what_failed(name: str) -> None:
    text = pages(labels([LAPTOP], MEDIA[name], SITE, language("nl")))[0]
    assert "Klasse C" in text
    assert (
        "Klasse"
        not in pages(labels([replace(LAPTOP, grade="", tests=(), needs=())], MEDIA[name], SITE, language("nl")))[0]
    )


def test_parts_beside_a_laptop_get_labels_with_its_number() -> None:
    charger = pages(labels([LAPTOP], MEDIA["62"], SITE, language("nl"), of="charger"))[0]
    battery = pages(labels([LAPTOP], MEDIA["62"], SITE, language("fr"), of="battery"))[0]
    for part in ("DM-2026-0042", "Lader", "ThinkPad T480s"):
        assert part in charger
    for part in ("DM-2026-0042", "Batterie", "76 % du neuf"):
        assert part in battery
    assert "school-2026" not in charger + battery
    with pytest.raises(UsageError, match="no label for bag"):
        labels([LAPTOP], MEDIA["62"], SITE, language("en"), of="bag")


def test_a_sheet_is_one_page_with_all_that_is_known() -> None:
    found = pages(sheets([LAPTOP], SITE, language("nl")))
    assert len(found) == 1
    text = " ".join(found[0].split())
    for part in (
        "Overdrachtsblad",
        "DM-2026-0042",
        "4 kernen",
        "8 GB DDR4-2667",
        "DIMM B: leeg",
        "1920 x 1080, 14 inch",
        "76% van de oorspronkelijke capaciteit (38,4 van 50,2 Wh), 312 keer geladen",
        "8.123 u",
        "DEFECT",
        HASH[:16],
        HASH[-16:],
        "teruggelezen en klopt",
        "MISLUKT: opstartregel in de firmware",
        "Nummer van het leencontract",
        "29 nov 2026",
    ):
        assert part in text
    assert text.count("Handtekening") == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"result": "erased", "level": "purge", "disks": [{"technique": "NVMe Sanitize: Block Erase"}] * 2},
         "Purge, NVMe Sanitize: Block Erase, 29 Nov 2026"),
        ({"result": "not-erased", "level": "clear", "disks": []}, "NOT ERASED: old data may still be on its disks."),
        ({"result": "erasing", "disks": []}, None),
        ("rubbish", None),
    ],
)  # fmt: skip
def test_a_sheet_says_how_the_laptop_was_erased(told: object, said: str | None) -> None:
    who = subject({"id": "a", "number": 1, "at": "2026-11-29T10:00:00Z", "erasure": told})
    text = " ".join(pages(sheets([who], SITE, language("en")))[0].split())
    assert (said or "Erased") in text if said else "Erased" not in text


def test_a_sheet_names_the_organisation_that_lends_it_out_where_one_was_chosen() -> None:
    named = replace(LAPTOP, organisation="School 7, Mechelen")
    text = " ".join(pages(sheets([named], SITE, language("en")))[0].split())
    assert "For School 7, Mechelen Model" in text
    assert "For Model" not in " ".join(pages(sheets([LAPTOP], SITE, language("en")))[0].split())


def test_what_was_not_told_is_left_out_of_a_sheet() -> None:
    text = pages(sheets([BARE], SITE, language("en")))[0]
    assert "Processor" not in text
    assert "Memory" not in text
    assert "no tag" in text
    assert "Nothing was verified on this laptop." in text


@pytest.mark.parametrize("verdict", ["differs", "unreadable"])
def test_a_disk_that_is_not_right_is_not_handed_over(verdict: str) -> None:
    text = " ".join(pages(sheets([replace(LAPTOP, verdict=verdict)], SITE, language("en")))[0].split())
    assert "Do not hand this laptop over." in text
    assert "is right" not in text


@pytest.mark.parametrize("code", CODES)
def test_every_paper_has_language_title_and_structure(code: str) -> None:
    spoken = language(code)
    for data in (
        labels([LAPTOP], MEDIA["62x29"], SITE, spoken),
        sheets([LAPTOP, BARE], SITE, spoken),
        overview([LAPTOP], "x", SITE, spoken),
    ):
        reader = PdfReader(BytesIO(data))
        root = reader.trailer["/Root"]
        assert root["/Lang"] == code
        assert root["/MarkInfo"]["/Marked"]
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert reader.metadata is not None
        assert reader.metadata.title
        _walk(root["/StructTreeRoot"]["/K"][0].get_object())


def _walk(element: dict) -> None:  # type: ignore[type-arg]
    """Each element knows its parent and, where it has content, its page; the first one is a heading or a word."""
    assert element["/S"] in ("/Document", "/H1", "/H2", "/P", "/Figure", "/Table", "/TR", "/TH", "/TD")
    if element["/S"] == "/Figure":
        assert element["/Alt"]
    for kid in element["/K"]:
        if isinstance(kid, int):
            assert element["/Pg"].get_object()["/Type"] == "/Page"
        else:
            assert kid.get_object()["/P"].get_object() == element
            _walk(kid.get_object())


def test_every_word_on_every_paper_goes_through_the_translation() -> None:
    values = {
        "DM-2026-0042",
        SITE.name,
        SITE.page_of(LAPTOP),
        "school-2026",
        "Deel IT Mechelen",
        "LENOVO ThinkPad T480s",
    }
    told = {LAPTOP.serial, "Intel Wireless-AC 8265", "2.0", "BAT0", "BAT1", "256 GB", "1 TB", "7%", "0", "17", "76%"}
    words = bracketed()
    papers = (
        labels([LAPTOP], MEDIA["62"], SITE, words),
        sheets([LAPTOP], SITE, words),
        overview([LAPTOP], f"{OPENING}day{CLOSING}", SITE, words),
    )
    for data in papers:
        for line in "\n".join(pages(data)).splitlines():
            data_only = line.strip() in values | told or line.strip().replace(" ", "") in HASH
            disk = line.startswith(("NVMe ", "SATA ")) or line in ("29 Nov 2026 10:00", "10:00")
            assert OPENING in line or CLOSING in line or data_only or disk, line


def test_nothing_that_a_laptop_says_breaks_a_paper() -> None:
    for spoken in map(language, CODES):
        assert len(pages(sheets([NASTY], SITE, spoken))) == 1
        assert len(pages(labels([NASTY], MEDIA["L6009"], SITE, spoken))) == 1
        overview([NASTY], "x", SITE, spoken)
    assert len(pages(overview([NASTY] * 70, "x", SITE, language("nl")))) > 1
    book = load_workbook(BytesIO(workbook([NASTY], "[a]/b*", SITE, language("en"))))
    cell = book.active["A2"]
    assert cell.data_type == "s"
    assert cell.value == NASTY.tag


def test_texts_are_made_printable() -> None:
    assert safe("a\u202eb\x00c\u0301\ud800") == "abć"
    assert safe("\U0001f600 \u05e9") == "□ □"
    assert len(safe("x" * 10**6)) == 300


def test_a_workbook_holds_numbers_and_times_as_such() -> None:
    book = load_workbook(BytesIO(workbook([LAPTOP, BARE], "Laptops", SITE, language("fr"))))
    head, row = ([cell.value for cell in line] for line in list(book.active.rows)[:2])
    found = dict(zip(head, row, strict=True))
    assert found["Numéro"] == "DM-2026-0042"
    assert found["Disque (Go)"] == 256
    assert found["Batterie (%)"] == 76
    assert found["Heure"].hour in range(24)
    assert found["Empreinte de l\u2019image"] == HASH


def test_a_list_of_many_takes_as_many_pages_as_it_needs() -> None:
    many = [replace(LAPTOP, tag=f"DM-2026-{at:04}", image=f"image-{at % 12}") for at in range(100)]
    found = pages(overview(many, "Laptops", SITE, language("en")))
    text = "\n".join(found)
    assert len(found) > 2
    assert all(text.count(each.tag) == 1 for each in many)
    assert f"page {len(found)} of {len(found)}" in found[-1]


def test_papers_are_made_of_snapshots_and_of_ledger_rows() -> None:
    row = {"laptop": "x", "tag": "B", "disk": {"serial": "S", "model": "M", "size": 5, "smart": "ok"}, "attempts": 2}
    stick = {"path": "/dev/sda", "size": 9, "serial": "T", "transport": "usb"}
    disk = {"path": "/dev/sdb", "size": 5, "serial": "S", "transport": "sata", "hours": 7, "worn": True, "bad": -1}
    shown = {"id": "y", "tag": "A", "disk": disk, "disks": [stick, disk], "hardware": None, "steps": None}
    second, first = subject(row), subject(shown)
    assert (first.id, second.id) == ("y", "x")
    assert [(each.serial, each.cloned, each.hours, each.worn, each.bad) for each in first.disks] == [
        ("S", True, 7, None, None)
    ]
    assert second.disks[0].cloned
    assert subject({}).tag == ""


@pytest.mark.parametrize("code", ["en", "nl", "fr"])
def test_a_sheet_carries_every_remark_that_there_may_be_also_with_percent_signs(code: str) -> None:
    """A battery below 80 %, a person's note, a workshop's own rule: none of them is a message to be filled."""
    words = language(code)
    said = ("Its battery holds less than 80 % of what it held when new", "80% used", "100 %s", "%(name)s")
    made = sheets([replace(LAPTOP, remarks=said, needs=("10 % more", "battery"))], SITE, words)
    text = " ".join(pages(made)[0].split())
    for each in ("10 % more", *map(words.say, said)):
        assert " ".join(each.split()) in text


def test_every_remark_of_a_bad_laptop_is_on_its_sheet() -> None:
    """One of little in everything has six remarks before anything was put on it; the last is as true as the first."""
    names = (
        "locked", "memory-small", "cores-few", "battery-worn", "camera-missing", "wifi-missing",
    )  # fmt: skip
    said = [rule.say for rule in SHIPPED if rule.name in names]
    parts = Hardware(1, 1, LAPTOP.hardware.slots[:1], batteries=LAPTOP.hardware.batteries[:1])
    bad = replace(LAPTOP, remarks=tuple(said), disks=LAPTOP.disks[:1], hardware=parts, tests=(), steps=())
    [text] = pages(sheets([bad], SITE, language("en")))
    assert len(said) == len(names)
    assert [each for each in said if each not in " ".join(text.split())] == []
    assert "Number of the loan contract" in text


def test_a_sheet_says_grade_needs_and_what_was_found() -> None:
    text = " ".join(pages(sheets([LAPTOP], SITE, language("en")))[0].split())
    assert "Grade C" in text
    assert "battery and the firmware's password" in text
    for remark in LAPTOP.remarks:
        assert remark in text
    assert "FAILED: Wi-Fi (its scan failed); passed: memory; not tested: battery under load" in text
    bare = replace(LAPTOP, grade="", remarks=(), tests=())
    assert "Condition" not in pages(sheets([bare], SITE, language("en")))[0]


def test_grade_needs_and_remarks_come_from_the_ledger_row_too() -> None:
    row = {"laptop": "a", "grade": "B", "needs": ["charger"], "remarks": [{"rule": "x", "say": "No camera"}, {}]}
    found = subject(row)
    assert (found.grade, found.needs, found.remarks) == ("B", ("charger",), ("No camera",))
