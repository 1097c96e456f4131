"""What `cloned print` makes of its words."""

import pytest

from cloned.cli.print import _asked, _path, _printer
from cloned.config import Config
from cloned.errors import UsageError


def test_a_laptop_or_today() -> None:
    assert _asked(("DM-2026-0042", "label"), False) == ("DM-2026-0042", "label")
    assert _asked(("sheet",), True) == ("", "sheet")
    for words, today in ((("label",), False), (("7", "label"), True), (("7", "card"), False), ((), True)):
        with pytest.raises(UsageError, match="whose paper"):
            _asked(words, today)


def test_where_it_is_found() -> None:
    nothing = {"media": None, "place": None, "lang": None}
    assert _path("7", "sheet", nothing) == "/laptops/7/sheet.pdf"
    assert (
        _path("a b/c", "label", {**nothing, "place": 3, "lang": "fr"}) == "/laptops/a%20b%2Fc/label.pdf?place=3&lang=fr"
    )
    assert _path("", "sheet", {**nothing, "place": 3}) == "/today/sheets.pdf"


def test_a_paper_goes_to_its_printer_and_without_one_a_file_is_asked_for() -> None:
    config = Config.model_validate({"print": {"label": "QL-820"}})
    assert _printer(config, "label") == "QL-820"
    with pytest.raises(UsageError, match=r"-o sheet.pdf, or a printer in \[print\] sheet"):
        _printer(config, "sheet")
