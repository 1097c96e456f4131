"""What holds in every form of file: the newest of each laptop, forgetting one, files that people have open."""

import openpyxl
import pytest

from cloned.inventory import columns
from cloned.inventory.sinks.base import Unavailable
from cloned.inventory.sinks.files import CsvFile, JsonLinesFile
from cloned.inventory.sinks.xlsx import XlsxFile
from tests.unit.inventory.written import results

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
