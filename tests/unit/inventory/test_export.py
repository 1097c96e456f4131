import csv
import json

import openpyxl
import pytest

from cloned.errors import ClonedError, UsageError
from cloned.inventory import export


@pytest.fixture
async def rows(ledger, make_row):
    await ledger.record(make_row(serial="=HYPERLINK(1)", product='Élan; 14"'))
    await ledger.record(make_row(attempt=2))
    return await ledger.rows()


async def test_csv_opens_in_a_flemish_spreadsheet(rows, tmp_path):
    export.write(rows, tmp_path / "out.csv")
    raw = (tmp_path / "out.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfat;laptop;")
    lines = list(csv.DictReader(raw.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert [line["serial"] for line in lines] == ["'=HYPERLINK(1)", "B5TO023"]
    assert lines[0]["product"] == 'Élan; 14"'


async def test_xlsx_holds_text_not_formulas(rows, tmp_path):
    export.write(rows, tmp_path / "out.XLSX")
    sheet = openpyxl.load_workbook(tmp_path / "out.XLSX")["ledger"]
    cells = {cell.value: sheet.cell(2, cell.column) for cell in sheet[1]}
    assert (cells["serial"].value, cells["serial"].data_type) == ("=HYPERLINK(1)", "s")
    assert (cells["disk_bytes"].value, cells["disk_bytes"].data_type) == (256060514304, "n")


async def test_json_is_the_ledger_itself(rows, tmp_path):
    export.write(rows, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == rows


def test_an_unknown_suffix_is_a_mistake_and_writes_nothing(tmp_path):
    with pytest.raises(UsageError, match=r"\.csv, \.xlsx, \.json"):
        export.write([], tmp_path / "out.pdf")
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ClonedError, match="cannot be written"):
        export.write([], tmp_path / "no" / "out.csv")


def test_a_failed_export_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "out.json").write_text("old")
    with pytest.raises(TypeError):
        export.write([{"laptop": object()}], tmp_path / "out.json")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert (tmp_path / "out.json").read_text() == "old"


async def test_what_a_spreadsheet_would_misread_is_counted_and_safe_in_xlsx(ledger, make_row, tmp_path):
    await ledger.record(make_row(serial="0012345678"))
    rows = await ledger.rows()
    assert export.misread(rows) == export.misread([{**rows[0], "serial": "PF1ABC"}]) + 1
    export.write(rows, tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["ledger"]
    cells = {cell.value: sheet.cell(2, cell.column) for cell in sheet[1]}
    assert (cells["serial"].value, cells["serial"].data_type) == ("0012345678", "s")


def test_an_evening_is_a_line_of_a_table_of_its_own_and_one_of_json(tmp_path):
    rows = [
        {"laptop": "0000aaaa", "attempt": 1, "serial": "PF1", "verdict": "verified"},
        {"laptop": "evening", "attempt": 3_000_001, "kind": "evening", "verdict": "none", "evening": {"laptops": 1}},
    ]
    for suffix in (".xlsx", ".json"):
        assert export.write(rows, tmp_path / f"all{suffix}") == [tmp_path / f"all{suffix}"]
    assert export.write(rows[:1], tmp_path / "all.csv") == [tmp_path / "all.csv"]
    assert export.write(rows, tmp_path / "all.csv") == [tmp_path / "all.csv", tmp_path / "all-evenings.csv"]
    assert len((tmp_path / "all.csv").read_text("utf-8-sig").splitlines()) == 2
    [line] = csv.DictReader((tmp_path / "all-evenings.csv").read_text("utf-8-sig").splitlines(), delimiter=";")
    assert line["laptops"] == "1"
    book = openpyxl.load_workbook(tmp_path / "all.xlsx")
    assert [[cell.value for cell in row][1] for row in book["ledger"].rows][1:] == ["0000aaaa"]
    assert [[cell.value for cell in row][1] for row in book["evenings"].rows][1:] == [1]
    assert [row["laptop"] for row in json.loads((tmp_path / "all.json").read_text())] == ["0000aaaa", "evening"]
