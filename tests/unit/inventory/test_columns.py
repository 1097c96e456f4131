import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.inventory import columns, rows


def test_a_row_as_cells(make_row):
    cells = columns.flat(rows.clean(make_row()).data, "cl_1", 2)
    assert list(cells) == list(columns.NAMES)
    assert (cells["disk_bytes"], cells["seconds_receive"], cells["seconds_wait"]) == (256060514304, 72, "")
    assert (cells["macs"], cells["steps"], cells["discarded"], cells["revision"]) == (
        "d8:9e:f3:00:00:01",
        "grow done",
        "yes",
        2,
    )


@pytest.mark.parametrize("text", ["=1+1", "+31", "-2", "@SUM(A1)", "\t=1", " \r\n=cmd|' /C calc'!A0", "＝1"])  # noqa: RUF001
def test_no_cell_is_a_formula(text):
    assert str(columns.safe(text)).startswith("'")


@settings(max_examples=40)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_line_is_one_line_and_reads_back(cells):
    text = columns.line(cells)
    assert text.endswith("\r\n")
    assert len(text.splitlines()) == 1
    [back] = csv.reader(io.StringIO(text), delimiter=columns.DELIMITER)
    assert back == [columns.safe(cell) for cell in cells]


@pytest.mark.parametrize("text", [
    "0012345678", "12E4567", "12e4567", "3-4", "1/2", "3-4-2021", "123456789012345", "1.5e3", "MAR12", "2-sep", "00", "12.11",
    "10:30", "12%", "1,5", "TRUE", "3-2026", "1 jan 2026", "12 mei 2026", "15-févr", "août 4", "1.234.567", "1 234", "12:30:15",
    "10 AM", "10:30 pm", "2026-11-30 10:00", "(123)", "€ 5", "5 €", "$12", "1 2/3", "1 000,5",
])  # fmt: skip
def test_what_a_spreadsheet_makes_other_things_of(text):
    assert columns.mistaken(text)


@pytest.mark.parametrize("text", [
    "", "PF1ABCDE", "5CG1234XYZ", "12345678", 12345678901234567890, "DM-2026-0012", "d8:9e:f3:00:00:01", "3-4 x", "e5", "sda",
    "2026-11-30T10:00:00.000Z", "S3Z9NX0K", "Sep", "market 5", "8 GB", "DM 1", "PF-1-2", "1st", "255", "3-4-5-6", "i5 8350",
])  # fmt: skip
def test_what_it_leaves_as_it_is(text):
    assert not columns.mistaken(text)
