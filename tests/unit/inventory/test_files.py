"""Files that results are written to: each line once, and nothing of somebody else's spoilt."""

import asyncio
import io
import os
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.inventory.sinks import files, writing
from cloned.inventory.sinks.base import Unavailable
from cloned.inventory.sinks.files import CsvFile, JsonLinesFile
from cloned.inventory.sinks.xlsx import XlsxFile
from tests.unit.inventory.written import lines


@pytest.fixture
async def sink(tmp_path):
    sink = CsvFile("csv", tmp_path / "shared" / "results.csv")
    yield sink
    await sink.close()


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
