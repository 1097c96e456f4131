import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.inventory.sinks import files
from cloned.inventory.sinks.base import Delivery, Unavailable
from cloned.inventory.sinks.files import CsvFile


@pytest.fixture
def deliver(make_row):
    def make(attempt=1, key=None):
        return Delivery(key or f"cl_{attempt}", "a1b2c3d4", attempt, 1, make_row(attempt=attempt))

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
    kept = files.whole(content, new)
    assert content[kept:] == b"" or new.startswith(content[kept:])
