"""An evening in a file of results: a line of its own, in a file or sheet of its own."""

import csv

import openpyxl
import pytest

from cloned.inventory import columns
from cloned.inventory.sinks.base import Delivery, Unavailable
from cloned.inventory.sinks.files import CsvFile, JsonLinesFile
from cloned.inventory.sinks.xlsx import XlsxFile
from tests.unit.inventory.written import lines

SUMMARY = {
    "laptops": 30, "through": 28, "tested": 27, "person_minutes": 2.9, "grades": {"A": 20, "C": 8},
    "waiting": [{"what": "wait for somebody's word", "laptops": ["DM-1", "7"], "longest": 61}],
    "steps": [{"name": "receive", "laptops": 28, "usual": 90.4, "longest": 120}],
    "held_up": [{"what": "nobody said yet what to do", "seconds": 300}],
}  # fmt: skip


def evening(number=1):
    row = {
        "kind": "evening",
        "laptop": "evening",
        "attempt": number,
        "at": f"2026-11-2{number}T21:30:00Z",
        "evening": SUMMARY,
    }
    return Delivery(f"cl_e{number}", "evening", number, 1, row)


def test_an_evening_is_a_line_of_json_where_each_result_is_one(tmp_path):
    assert JsonLinesFile("list", tmp_path / "all.jsonl").takes(evening().row)
    assert not JsonLinesFile("list", tmp_path / "newest.jsonl", "newest").takes(evening().row)


@pytest.mark.parametrize("rows", ["all", "newest"])
async def test_an_evening_is_a_line_of_a_file_of_its_own_beside_a_csv(tmp_path, deliver, rows):
    sink = CsvFile("csv", tmp_path / "results.csv", rows)
    assert sink.takes(evening().row)
    for each in (deliver(1), evening(1), evening(2), evening(1)):
        await sink.send(each)
    assert len(lines(sink)) == 2, "a laptop's lines are a laptop's"
    text = (tmp_path / "results-evenings.csv").read_text(encoding="utf-8-sig")
    first, second = csv.DictReader(text.splitlines(), delimiter=columns.DELIMITER)
    assert (first["at"], second["key"]) == ("2026-11-21T21:30:00Z", "cl_e2")
    assert [first[name] for name in ("laptops", "through", "tested", "person_seconds")] == ["30", "28", "27", "174"]
    assert [first[f"grade_{grade}"] for grade in "abcd"] == ["20", "0", "8", "0"]
    assert (first["seconds_receive"], first["seconds_erase"]) == ("90", "")
    assert first["waiting"] == "wait for somebody's word: DM-1, 7"
    assert first["held_up"] == "nobody said yet what to do: 300 s"
    await sink.close()


async def test_evenings_wait_while_somebody_has_their_file_open(tmp_path, deliver):
    sink = CsvFile("csv", tmp_path / "results.csv")
    (tmp_path / ".~lock.results-evenings.csv#").touch()
    await sink.send(deliver(1))
    with pytest.raises(Unavailable, match="somebody has"):
        await sink.send(evening())
    await sink.close()


async def test_an_evening_is_a_line_of_a_sheet_of_its_own_also_in_a_workbook_that_has_none_yet(tmp_path, deliver):
    sink = XlsxFile("book", tmp_path / "results.xlsx")
    assert sink.takes(evening().row)
    await sink.send(deliver(1))
    book = openpyxl.load_workbook(sink.path)
    assert book.sheetnames == ["results"]
    for each in (evening(1), evening(2), evening(1)):
        await sink.send(each)
    book = openpyxl.load_workbook(sink.path)
    assert (book["results"].max_row, book["evenings"].max_row) == (2, 3)
    names = [cell.value for cell in book["evenings"][1]]
    first = dict(zip(names, (cell.value for cell in book["evenings"][2]), strict=True))
    assert (first["laptops"], first["person_seconds"], first["grade_a"]) == (30, 174, 20)
    await sink.close()
