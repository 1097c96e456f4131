"""What the accounts of deliveries come to: by year, by factors with a source, on paper and as a table."""

from __future__ import annotations

import csv
import io
from io import BytesIO

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from cloned.accounts import COLUMNS, Year, figures, lines, table, total
from cloned.config import DeliverySettings
from cloned.core.delivery import Booked, Donation
from cloned.core.ids import LaptopId
from cloned.languages import CLOSING, CODES, OPENING, bracketed, language
from cloned.papers.account import account

AT_2026, AT_2027 = 1_780_000_000.0, 1_810_000_000.0
FACTORS = DeliverySettings(weight_kg=2.1, weight_source="weighed here", co2_kg=150, co2_source="maker's sheet")
LAPTOPS = {
    "a": Booked("S1", "PC1", "HP A", AT_2026, "given", AT_2026 + 9, "purge", AT_2026 + 5, 7200.0, 100),
    "b": Booked("S2", "PC2", "HP B", AT_2026, "given", AT_2027, "clear", AT_2026 + 5, 3600.0, 50),
    "c": Booked("S3", "", "HP C", AT_2026, "scrapped", AT_2026 + 9, "no", AT_2026 + 5),
    "d": Booked("S4", "PC0", "HP D", AT_2027, "parts", AT_2027),
    "e": Booked("S5", "=1+1", "<b>HP</b>", AT_2027),
}
DELIVERY = Donation("2026-17", "Stad Aalst", AT_2026, "Ann", AT_2027, {LaptopId(k): v for k, v in LAPTOPS.items()})


def test_all_of_it_is_counted() -> None:
    told = figures(DELIVERY, FACTORS, Year())
    assert {name: told[name] for name in list(COLUMNS)[3:]} == {
        "came": 5, "given": 2, "parts": 1, "scrapped": 1, "here": 1, "erased": 2, "not_erased": 1, "hours": 3.0,
        "used_hours": 150, "weight_kg": 10.5, "co2_kg": 300.0,
    }  # fmt: skip


def test_a_year_holds_what_happened_in_it() -> None:
    first, second = (figures(DELIVERY, FACTORS, Year(year)) for year in (2026, 2027))
    assert (first["came"], first["given"], first["scrapped"], first["co2_kg"]) == (3, 1, 1, 150.0)
    assert (second["came"], second["given"], second["parts"], second["erased"]) == (2, 1, 1, 0)


def test_without_a_factor_nothing_is_guessed_and_a_factor_without_source_is_refused() -> None:
    told = figures(DELIVERY, DeliverySettings(), Year())
    assert (told["weight_kg"], told["co2_kg"]) == (None, None)
    for wrong in ({"co2_kg": 100}, {"weight_kg": 2, "weight_source": " "}, {"co2_kg": -1, "co2_source": "x"}):
        with pytest.raises(ValidationError):
            DeliverySettings(**wrong)


def test_the_yearly_report_is_a_table_with_a_total_that_no_sheet_takes_for_a_formula() -> None:
    words = language("nl")
    rows = [figures(DELIVERY, FACTORS, Year()), figures(Donation("=2+2", opened=AT_2026), FACTORS, Year())]
    text = table([*rows, total(rows, words)], words)
    head, first, second, last = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert head[:2] == ["Levering", "Organisatie"]
    assert (first[3], last[3], last[0]) == ("5", "5", "Alle")
    assert not second[0].startswith("=")


@pytest.mark.parametrize("code", CODES)
def test_the_donors_paper_says_it_in_each_language(code: str) -> None:
    told = {**figures(DELIVERY, FACTORS, Year()), "laptops": lines(DELIVERY)}
    said = text(account(told, FACTORS.model_dump(), "Digipunt", AT_2027, language(code)))
    for word in ("Digipunt", "2026-17", "Stad Aalst", "PC1", "S5", "weighed here", "maker's sheet"):
        assert word in said


def test_every_sentence_of_it_can_be_translated() -> None:
    told = {**figures(DELIVERY, FACTORS, Year()), "laptops": lines(DELIVERY)}
    pages = PdfReader(BytesIO(account(told, FACTORS.model_dump(), "Digipunt", AT_2027, bracketed()))).pages
    for line in pages[0].extract_text().splitlines():
        plain = line.strip().replace(".", "").isdigit() or line.strip() == "Digipunt"
        assert OPENING in line or CLOSING in line or plain, line


def test_many_laptops_fill_pages() -> None:
    many = {LaptopId(str(number)): Booked(f"S{number}", f"PC{number:03d}", "HP", AT_2026) for number in range(100)}
    told = {**figures(Donation("D", opened=AT_2026, laptops=many), FACTORS, Year())}
    told["laptops"] = lines(Donation("D", laptops=many))
    pdf = account(told, FACTORS.model_dump(), "S", AT_2026, language("en"))
    said = text(pdf)
    assert len(PdfReader(BytesIO(pdf)).pages) > 2
    assert all(f"PC{number:03d}" in said for number in range(100))


def text(pdf: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())
