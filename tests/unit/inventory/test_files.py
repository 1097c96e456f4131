import asyncio
import csv
import io
import json
import os
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.inventory import columns
from cloned.inventory.sinks import files, writing
from cloned.inventory.sinks.base import Delivery, Unavailable
from cloned.inventory.sinks.files import CsvFile, JsonLinesFile
from cloned.inventory.sinks.xlsx import XlsxFile


@pytest.fixture
def deliver(make_row):
    def make(attempt=1, key=None, laptop="a1b2c3d4", **more):
        return Delivery(key or f"cl_{attempt}", laptop, attempt, 1, make_row(laptop, attempt=attempt, **more))

    return make


@pytest.fixture
async def sink(tmp_path):
    sink = CsvFile("csv", tmp_path / "shared" / "results.csv")
    yield sink
    await sink.close()


def lines(sink):
    return sink.path.read_text(encoding="utf-8-sig").splitlines()


async def test_each_result_is_one_line_once(sink, deliver):
    for attempt in (1, 2, 1, 2):
        await sink.send(deliver(attempt))
    assert [line.rsplit(";", 1)[1] for line in lines(sink)] == ["key", "cl_1", "cl_2"]


async def test_two_tries_at_once_write_one_line(sink, deliver):
    await asyncio.gather(*(sink.send(deliver(1)) for _ in range(5)))
    assert len(lines(sink)) == 2


@pytest.mark.parametrize("rows", ["all", "newest"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
async def test_what_a_program_saved_in_another_encoding_stays_readable(tmp_path, deliver, encoding, rows):
    """Excel saves CSV in what Windows has; a line of UTF-8 behind it, or its letters read as UTF-8, spoil the file."""
    sink = CsvFile("csv", tmp_path / "results.csv", rows)
    await sink.send(deliver(1))
    head, line = lines(sink)
    sink.path.write_bytes(f"{head};kwam van\r\n{line};café één\r\n".encode(encoding))
    await sink.send(deliver(1, laptop="other", key="cl_o", why="défaut"))
    text = sink.path.read_bytes().decode("utf-8-sig")
    assert "café één" in text
    assert "défaut" in text
    assert len(text.splitlines()) == 3
    await sink.close()


async def test_a_write_cut_within_a_letter_is_no_other_encoding(sink, deliver):
    await sink.send(deliver(1, why="défaut"))
    before = sink.path.read_bytes()
    await sink.send(deliver(2, why="défaut"))
    whole = sink.path.read_bytes()
    sink.path.write_bytes(whole[: whole.rindex("é".encode()) + 1])
    again = CsvFile("csv", sink.path)
    await again.send(deliver(2, why="défaut"))
    assert sink.path.read_bytes() == whole
    assert whole.startswith(before)
    await again.close()


SPOILT = {
    ".csv": [b'x;"' + b"y" * 200_000, b'"unclosed;' + b"y" * 200_000],
    ".jsonl": [b"[1]\n", b"[" * 100_000 + b"\n", b'{"key": "x", "data": "text"}\n', b'{"key": "\xff"}\n', b'{"key": 7}\n',
               b'{"key": "x", "revision": "a", "data": {"attempt": "z"}}\n'],
}  # fmt: skip


@pytest.mark.parametrize("rows", ["all", "newest"])
@pytest.mark.parametrize(("kind", "more"), [(kind, more) for kind, each in SPOILT.items() for more in each])
async def test_a_text_file_that_somebody_spoilt_is_told_and_left_alone(tmp_path, deliver, kind, more, rows):
    sink = {".csv": CsvFile, ".jsonl": JsonLinesFile}[kind]("s", tmp_path / f"results{kind}", rows)
    await sink.send(deliver(1))
    spoilt = sink.path.read_bytes() + more + b"\r\n"
    sink.path.write_bytes(spoilt)
    with pytest.raises(Unavailable, match="move it away or name another file"):
        await sink.send(deliver(2))
    [line] = await sink.rehearse(None)
    assert (line.judgement, line.next) == ("missing", "")
    assert sink.path.read_bytes() == spoilt
    await sink.close()


def _one_part(path, name, content):
    """A workbook with one part of it in another way."""
    old = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            new.writestr(each, content if name in each else old.read(each))


def _chart(path):
    book = openpyxl.Workbook()
    book.create_chartsheet("results")
    book.save(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: _one_part(path, "sheet1", b"<broken"),
        lambda path: _one_part(path, "workbook.xml", b"<workbook/>"),
        lambda path: path.write_bytes(path.read_bytes()[:-300]),
        _chart,
    ],
)
async def test_a_workbook_that_somebody_spoilt_is_told_and_left_alone(tmp_path, deliver, spoil):
    sink = XlsxFile("s", tmp_path / "results.xlsx")
    await sink.send(deliver(1))
    spoil(sink.path)
    spoilt = sink.path.read_bytes()
    with pytest.raises(Unavailable, match="move it away or name another file"):
        await sink.send(deliver(2))
    assert not (await sink.rehearse(None))[0].possible
    assert sink.path.read_bytes() == spoilt
    await sink.close()


@pytest.mark.parametrize("where", ["head", "line"])
async def test_a_write_cut_short_anywhere_leaves_no_trace(sink, deliver, where):
    if where == "line":
        await sink.send(deliver(1))
    before = sink.path.read_bytes() if where == "line" else b""
    await sink.send(deliver(2))
    whole = sink.path.read_bytes()
    for cut in range(len(before), len(whole), 7):
        sink.path.write_bytes(whole[:cut])
        await sink.send(deliver(2))
        assert sink.path.read_bytes() == whole


async def test_columns_may_be_moved_and_removed_by_people(sink, deliver):
    await sink.send(deliver(1))
    sink.path.write_text("key;serial;our remarks\r\ncl_1;B5TO023;scratched", encoding="utf-8")
    await sink.send(deliver(1))
    await sink.send(deliver(2))
    assert lines(sink) == ["key;serial;our remarks", "cl_1;B5TO023;scratched", "cl_2;B5TO023;"]


async def test_a_file_of_somebody_else_is_left_alone(sink, deliver):
    sink.path.parent.mkdir()
    sink.path.write_text("shopping;list\r\nmilk;1\r\n")
    with pytest.raises(Unavailable, match="no column `key`"):
        await sink.send(deliver())
    assert sink.path.read_text() == "shopping;list\nmilk;1\n"


async def test_a_full_disk_leaves_the_file_as_it_was(sink, deliver, monkeypatch):
    await sink.send(deliver(1))
    before = sink.path.read_bytes()
    write = os.write
    monkeypatch.setattr(files.os, "write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(Unavailable, match="No space left"):
        await sink.send(deliver(2))
    assert sink.path.read_bytes() == before


async def test_a_place_that_cannot_be_written_is_named(tmp_path, deliver):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"results\.csv cannot be written"):
        await CsvFile("csv", tmp_path / "file" / "results.csv").send(deliver())


@given(st.lists(st.binary(max_size=8), max_size=4), st.binary(min_size=1, max_size=20))
def test_nothing_but_a_torn_copy_of_the_new_line_is_ever_cut(old, new):
    content = b"\n".join([b"head", *old])
    kept = writing.whole(content, new)
    assert content[kept:] == b"" or new.startswith(content[kept:])


# Newest of each laptop, other forms, files that people have open.

FORMS = {".csv": CsvFile, ".jsonl": JsonLinesFile, ".xlsx": XlsxFile}


@pytest.fixture(params=FORMS)
async def any_sink(tmp_path, request):
    made = []

    def make(rows="all"):
        made.append(FORMS[request.param]("list", tmp_path / "deep" / f"results{request.param}", rows))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def results(path):
    """(laptop, attempt, serial) of each line, read as a user's program reads it."""
    if path.suffix == ".jsonl":
        read = [json.loads(line)["data"] for line in path.read_text(encoding="utf-8").splitlines()]
    elif path.suffix == ".csv":
        read = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    else:
        head, *lines = openpyxl.load_workbook(path)["results"].iter_rows(values_only=True)
        read = [dict(zip(head, line, strict=True)) for line in lines]
    return [(each["laptop"], int(each["attempt"]), each["serial"]) for each in read]


async def test_all_results_each_once_in_every_form(any_sink, deliver):
    sink = any_sink()
    for attempt in (1, 2, 1, 2):
        await sink.send(deliver(attempt))
    await any_sink().send(deliver(2))
    assert [attempt for _, attempt, _ in results(sink.path)] == [1, 2]


async def test_the_newest_of_each_laptop_and_never_an_older_after_it(any_sink, deliver):
    sink = any_sink("newest")
    for laptop, attempt in (("one", 1), ("two", 1), ("one", 3), ("one", 2), ("two", 1)):
        await sink.send(deliver(attempt, f"{laptop}{attempt}", laptop))
    await any_sink("newest").send(deliver(2, "one2", "one"))
    assert sorted(results(sink.path)) == [("one", 3, "B5TO023"), ("two", 1, "B5TO023")]
    assert [each.name for each in sink.path.parent.iterdir()] == [sink.path.name]


async def test_a_link_to_a_share_stays_a_link(any_sink, deliver):
    sink = any_sink("newest")
    there = sink.path.parent.parent / "share" / f"list{sink.path.suffix}"
    there.parent.mkdir()
    sink.path.parent.mkdir()
    sink.path.symlink_to(there)
    await sink.send(deliver())
    await sink.send(deliver(attempt=2))
    assert (sink.path.is_symlink(), [each[1] for each in results(there)]) == (True, [2])
    (there.parent / f".~lock.{there.name}#").write_text(",somebody")
    with pytest.raises(Unavailable, match="somebody has"):
        await sink.send(deliver(attempt=3))


@pytest.mark.parametrize("rows", ["all", "newest"])
async def test_a_laptop_that_is_forgotten_is_in_no_file_and_the_others_are(any_sink, deliver, rows):
    sink = any_sink(rows)
    assert await sink.forget("a1b2c3d4") == 0
    for each in (deliver(), deliver(laptop="other", serial="PF0BBBB2", key="other_1"), deliver(attempt=2)):
        await sink.send(each)
    assert await sink.forget("other") == 1
    assert {each[0] for each in results(sink.path)} == {"a1b2c3d4"}
    assert await sink.forget("other") == 0
    await sink.send(deliver(laptop="third", serial="PF0CCCC3", key="third_1"))
    assert await sink.forget("a1b2c3d4") == (2 if rows == "all" else 1)
    assert [each[::2] for each in results(sink.path)] == [("third", "PF0CCCC3")]
    await sink.send(deliver(attempt=3))
    assert [each[:2] for each in results(sink.path)] == [("third", 1), ("a1b2c3d4", 3)]


async def test_a_file_that_somebody_has_open_or_that_names_no_laptop_forgets_nobody(any_sink, deliver):
    sink = any_sink()
    await sink.send(deliver())
    lock = sink.path.parent / f".~lock.{sink.path.name}#"
    lock.write_text(",somebody")
    with pytest.raises(Unavailable, match="somebody has"):
        await sink.forget("a1b2c3d4")
    lock.unlink()
    assert await sink.forget("a1b2c3d4") == 1


async def test_without_its_column_of_laptops_a_table_cannot_forget_one(tmp_path, deliver):
    for form in (CsvFile, XlsxFile):
        sink = form("list", tmp_path / f"{form.__name__}.xlsx")
        await sink.send(deliver())
        if form is CsvFile:
            sink.path.write_bytes(sink.path.read_bytes().replace(b"laptop", b"toestel"))
        else:
            book = openpyxl.load_workbook(sink.path)
            cell = next(cell for cell in book["results"][1] if cell.value == "laptop")
            cell.value = "toestel"
            book.save(sink.path)
        with pytest.raises(Unavailable, match="no column `laptop`"):
            await sink.forget("a1b2c3d4")
        await sink.close()


async def test_no_form_runs_a_serial_as_a_formula(any_sink, deliver):
    sink = any_sink("newest")
    await sink.send(deliver(serial="=1+1"))
    await sink.send(deliver(2, serial="=1+2"))
    assert results(sink.path)[0][2] in ("'=1+2", "=1+2")
    if sink.path.suffix == ".xlsx":
        cells = {cell.value: cell for cell in openpyxl.load_workbook(sink.path)["results"][2]}
        assert cells["=1+2"].data_type == "s"


@pytest.mark.parametrize("lock", [".~lock.{}#", "~${}"])
@pytest.mark.parametrize("rows", ["all", "newest"])
async def test_a_file_that_somebody_has_open_is_left_alone(any_sink, deliver, lock, rows):
    sink = any_sink(rows)
    await sink.send(deliver(1))
    beside = sink.path.parent / lock.format(sink.path.name)
    beside.write_text("Bea Borrower,desk")
    before = sink.path.read_bytes()
    with pytest.raises(Unavailable, match=r"somebody has .* open: it is written once they close it") as caught:
        await sink.send(deliver(2))
    assert "Bea" not in str(caught.value)
    assert sink.path.read_bytes() == before
    assert not (await sink.rehearse(None))[0].possible
    beside.unlink()
    await sink.send(deliver(2))
    assert results(sink.path)[-1][1] == 2


async def test_what_is_no_file_of_ours_is_left_alone_in_every_form(any_sink, deliver):
    for rows in ("all", "newest"):
        sink = any_sink(rows)
        sink.path.parent.mkdir(exist_ok=True)
        sink.path.write_text("shopping;list\r\nmilk;1\r\n")
        with pytest.raises(Unavailable, match="move it away or name another file"):
            await sink.send(deliver())
        assert sink.path.read_text() == "shopping;list\nmilk;1\n"


async def test_what_people_add_to_a_table_stays(tmp_path, deliver):
    for sink in (CsvFile("list", tmp_path / "r.csv", "newest"), XlsxFile("list", tmp_path / "r.xlsx", "newest")):
        await sink.send(deliver(1))
        if sink.path.suffix == ".csv":
            head, line = sink.path.read_text(encoding="utf-8-sig").splitlines()
            sink.path.write_text(f"remark;{head}\r\nscratched;{line}\r\n", encoding="utf-8")
        else:
            book = openpyxl.load_workbook(sink.path)
            book["results"].cell(1, len(columns.NAMES) + 1, "remark")
            book["results"].cell(2, len(columns.NAMES) + 1, "scratched")
            book.save(sink.path)
        await sink.send(deliver(2))
        assert results(sink.path)[0][1] == 2
        assert "scratched" in (
            sink.path.read_text()
            if sink.path.suffix == ".csv"
            else str(list(openpyxl.load_workbook(sink.path)["results"].values))
        )
        await sink.close()


async def test_a_rehearsal_of_a_file(any_sink, deliver):
    sink = any_sink()
    assert [line.line() for line in await sink.rehearse(None)] == [f"would create: file: {sink.path}"]
    await sink.send(deliver())
    assert [line.line() for line in await sink.rehearse(None)] == [f"ok: file: {sink.path}, 1 line"]


async def test_a_line_costs_no_more_because_there_are_many(tmp_path, deliver, monkeypatch):
    """The file is read when it is opened, and again only where somebody else changed it."""
    sink, reads = CsvFile("list", tmp_path / "r.csv"), []
    read = sink._read
    monkeypatch.setattr(sink, "_read", lambda old, delivery: reads.append(len(old)) or read(old, delivery))
    for attempt in range(5):
        await sink.send(deliver(attempt))
    assert reads == [0]
    with sink.path.open("a", encoding="utf-8") as file:
        file.write("by hand")
    for attempt in range(7):
        await sink.send(deliver(attempt))
    assert len(reads) == 2
    await sink.close()


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
