import pytest

from cloned.errors import UsageError
from cloned.inventory.imported import ImportedList, keep, read

LIST = "Serienummer;Nummer;Model;Uitgeleend aan;Notitie\r\nPF0AAAA1;DM-0412;Café T480;Jan Peeters;geheim\r\nPF0BBBB2;DM-0413;;;\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_what_a_spreadsheet_wrote_is_read_and_no_person_kept(encoding, tmp_path):
    entries, odd = read(LIST.encode(encoding), {})
    keep(tmp_path, entries, 100.0)
    known = ImportedList(tmp_path).find(" pf0aaaa1", "list")
    assert (known.tag, known.model, known.lent, known.at) == ("DM-0412", "Café T480", True, 100.0)
    assert not ImportedList(tmp_path).find("PF0BBBB2", "list").lent
    assert ImportedList(tmp_path).find("OTHER", "list") is None
    assert not odd
    written = (tmp_path / "imported.json").read_text()
    assert "Peeters" not in written
    assert "geheim" not in written


def test_columns_can_be_named():
    entries, _ = read(b"a,b\nPF0AAAA1,DM-1\n", {"serial": "A", "tag": "b"})
    assert entries["pf0aaaa1"]["tag"] == "DM-1"


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        (b"", {}, "no column of serial numbers"),
        (b"name;colour\nx;y\n", {}, "no column of serial numbers"),
        (b"serial\nx\n", {"tag": "number"}, "there is no column number"),
        (b"serial;tag\n", {}, "there is no laptop with a serial number in it: the list of before stays"),
        (b"PK\x03\x04" + bytes(90), {}, "the file is a workbook: save it as CSV"),
        (b"serial\nPF\x001\n", {}, "the file is no text: export it as CSV"),
        (b'serial,tag\n"PF0AAAA1,DM-1\nPF0BBBB2,DM-2\n', {}, "line 3 is no CSV: .*: save it as CSV again"),
        (b"serial,tag\n" + b"P" * 200_000 + b",DM-1\n", {}, "line 2 is no CSV"),
    ],
)
def test_a_list_that_is_none_is_refused_with_what_to_do(content, columns, said):
    with pytest.raises(UsageError, match=said):
        read(content, columns)


def test_the_separator_may_be_said_in_a_line_of_its_own():
    entries, odd = read(b"sep=;\r\nserial;model\r\nPF0AAAA1;T480, 14 inch\r\n", {})
    assert (entries["pf0aaaa1"]["model"], odd) == ("T480, 14 inch", [])


@pytest.mark.parametrize(
    "content",
    [
        b"Serienummer;Merk, model;Model\nPF0AAAA1;Lenovo, ThinkPad;T480\n",
        b'"Serienummer","Merk; model","Model"\n"PF0AAAA1","Lenovo; ThinkPad","T480"\n',
        b"\r\n\r\nSerienummer;Model\r\nPF0AAAA1;T480\r\n",
        b"Serienummer\tModel\nPF0AAAA1\tT480\n",
        b"Serienummer;Model\rPF0AAAA1;T480\r",
        b'Serienummer, "Model"\nPF0AAAA1, "T480"\n',
    ],
)
def test_the_separator_is_what_the_heading_has_most_of(content):
    entries, odd = read(content, {})
    assert (entries["pf0aaaa1"]["model"], odd) == ("T480", [])


@pytest.mark.parametrize("text", ["[]", "7", '{"entries": []}', '{"entries"'])
def test_a_list_that_somebody_damaged_is_none_and_the_one_before_stays(tmp_path, text):
    (tmp_path / "imported.json").write_text(text)
    assert ImportedList(tmp_path).find("PF0AAAA1", "list") is None
    keep(tmp_path, read(b"serial;tag\nPF0AAAA1;3\n", {})[0], 100.0)
    there = ImportedList(tmp_path)
    assert there.find("PF0AAAA1", "list").tag == "3"
    (tmp_path / "imported.json").write_text(text)
    assert there.find("PF0AAAA1", "list").tag == "3"


def test_serials_that_are_none_or_twice_are_told():
    entries, odd = read(b"serial;tag\nTo be filled by O.E.M.;1\n;2\nPF1AAAA;3\nPF1AAAA;4\n;\n", {})
    assert entries["pf1aaaa"]["found"] == 2
    assert [line.split(":")[0] for line in odd] == [
        "line 2 has no usable serial number",
        "line 3 has no usable serial number",
        "line 5",
    ]


@pytest.mark.parametrize("lent", ["Jan Peeters", "ja"])
@pytest.mark.parametrize("first", [True, False])
def test_a_serial_that_is_there_twice_counts_as_lent_where_one_of_them_is(first, lent):
    cells = [lent, "nee"] if first else ["nee", lent]
    entries, _ = read(f"serial;lent to\nPF0AAAA1;{cells[0]}\npf0aaaa1;{cells[1]}\n".encode(), {})
    assert (entries["pf0aaaa1"]["found"], entries["pf0aaaa1"]["lent"]) == (2, True)


@pytest.mark.parametrize("word", ["FALSE", "ONWAAR", "FAUX", "FALSCH", "Nee", "non", "n/a", "Beschikbaar", " - ", ""])
def test_what_means_no_in_a_column_of_lent_ones_is_no(word):
    entries, _ = read(f"serial;lent\nPF0AAAA1;{word}\n".encode(), {})
    assert not entries["pf0aaaa1"]["lent"]


@pytest.mark.parametrize("cell", ['="0042"', '"=""0042"""', "'0042", '  ="0042" '])
def test_numbers_that_a_spreadsheet_kept_as_text_are_read_as_they_were(cell):
    entries, _ = read(f"serial;tag\n{cell.replace('0042', '00123456')};{cell}\n".encode(), {})
    assert entries["00123456"]["tag"] == "0042"


def test_a_serial_that_a_spreadsheet_made_a_number_of_is_told_and_not_kept():
    entries, odd = read(b"serial;tag\n1,23457E+11;DM-1\n1.2E+12;DM-2\nPF0AAAA1;DM-3\n5E+9;DM-4\n", {})
    assert list(entries) == ["pf0aaaa1"]
    assert [str(each)[:7] for each in odd] == ["line 2:", "line 3:", "line 5:"]


@pytest.mark.parametrize("head", ["Serial No.", "SERIAL\u00a0NUMBER ", "Serial #", "Serienummer:", "Serie nummer"])
def test_headings_are_known_however_they_are_spaced_and_dotted(head):
    columns = {"serial": "serie  NUMMER"} if head == "Serie nummer" else {}
    assert list(read(f"{head};x\nPF0AAAA1;1\n".encode(), columns)[0]) == ["pf0aaaa1"]


def test_a_list_that_changes_is_read_again(tmp_path):
    known = ImportedList(tmp_path)
    assert known.find("PF0AAAA1", "list") is None
    keep(tmp_path, read(b"serial;tag\nPF0AAAA1;DM-1\n", {})[0], 1.0)
    assert known.find("PF0AAAA1", "list").tag == "DM-1"
    keep(tmp_path, read(b"serial;tag\nPF0AAAA1;DM-1000\n", {})[0], 2.0)
    assert known.find("PF0AAAA1", "list").tag == "DM-1000"
