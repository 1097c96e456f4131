"""Papers over HTTP: of laptops that are here, of those that only the ledger knows, and of a day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from openpyxl import load_workbook
from pypdf import PdfReader

from cloned.core.disks import Disk
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import CloneJob, Facts, Goal, Laptop, State, VerdictKind
from cloned.core.ledger import ledger_row
from cloned.engine import Engine
from cloned.inventory.ledger import Ledger
from cloned.papers.office import Office
from cloned.papers.subject import PrintingSite
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.live import Hub
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

pytestmark = pytest.mark.wire
NOON = 1795950000.0
"""2026-11-29, 11:00 UTC."""
DISK = Disk("/dev/nvme0n1", 256 * 10**9, serial="S1", model="SAMSUNG", transport="nvme", smart="ok")
HERE = Laptop(
    LaptopId("0000aaaa"),
    7,
    Facts(Identity("", "PF1ABCDE", "LENOVO", "ThinkPad T480s"), disks=(DISK,)),
    State.DONE,
    NOON,
    NOON,
    tag="DM-2026-0042",
    goal=Goal(image="school-2026", disk="S1"),
    job=CloneJob(image_hash="9f" * 32, verdict=VerdictKind.VERIFIED, number=1),
)
FORGOTTEN = replace(
    HERE,
    id=LaptopId("0000bbbb"),
    number=8,
    tag="DM-2026-0041",
    facts=replace(HERE.facts, identity=Identity("", "GONE1")),
)
UNTAGGED = replace(
    HERE,
    id=LaptopId("0000cccc"),
    number=9,
    tag="",
    facts=replace(HERE.facts, identity=Identity("", "PF3")),
    goal=replace(HERE.goal, image="other"),
)
TWINS = [
    replace(FORGOTTEN, id=LaptopId(f"0000ddd{n}"), tag=f"DM-2026-005{n}", facts=replace(HERE.facts, identity=who))
    for n, who in enumerate([Identity("", "TWIN5K")] * 2)
]
"""Of one serial number: a label for it would be one of them's."""


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[ClientSession]:
    ledger = await Ledger.open(tmp_path / "ledger.sqlite")
    for laptop in (HERE, FORGOTTEN, UNTAGGED):
        await ledger.record(ledger_row(laptop, NOON))
    for laptop in TWINS:
        await ledger.record(ledger_row(laptop, NOON - 48 * 3600))
    engine = Engine(None, None, ledger)  # type: ignore[arg-type]
    for laptop in (HERE, UNTAGGED):
        engine.workshop = engine.workshop.with_laptop(laptop)
    office = Office(engine, ledger, lambda: PrintingSite("Deel IT", "http://cloned.example"), "nl")
    app = create_app(FakeWorkshop(), FakeRecords(), Auth(tmp_path, {}), Hub(), office=office)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        yield session
    await runner.cleanup()
    await ledger.close()


async def read(http: ClientSession, path: str, kind: str = "application/pdf") -> bytes:
    async with http.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, kind), await answer.text()
        return await answer.read()


async def words(http: ClientSession, path: str) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(await read(http, path))).pages]


@pytest.mark.parametrize("name", ["0000aaaa", "7", "DM-2026-0042", "dm-2026-0042", "PF1ABCDE"])
async def test_a_laptop_by_any_of_its_names(http: ClientSession, name: str) -> None:
    (label,) = await words(http, f"/laptops/{name}/label.pdf")
    (sheet,) = await words(http, f"/laptops/{name}/sheet.pdf")
    assert "school-2026, 29/11/2026" in label
    assert "Overdrachtsblad DM-2026-0042" in sheet


@pytest.mark.parametrize("name", ["0000bbbb", "DM-2026-0041", "GONE1"])
async def test_a_laptop_that_only_the_ledger_knows(http: ClientSession, name: str) -> None:
    (sheet,) = await words(http, f"/laptops/{name}/sheet.pdf?lang=fr")
    assert "Fiche de remise DM-2026-0041" in sheet


async def test_labels_take_media_and_place(http: ClientSession) -> None:
    data = await read(http, "/laptops/7/label.pdf?media=L7160&place=21")
    assert float(PdfReader(BytesIO(data)).pages[0].mediabox.height) == pytest.approx(841.89, abs=0.1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/laptops/nobody/label.pdf", "no laptop is called nobody"),
        ("/laptops/TWIN5K/label.pdf", "2 laptops are called TWIN5K"),
        ("/laptops/9/label.pdf", "laptop 9 has no tag yet"),
        ("/laptops/7/label.pdf?media=A5", "no label media A5"),
        ("/laptops/7/label.pdf?media=L7160&place=0", "no place 0"),
        ("/laptops/7/label.pdf?place=x", "no place on a sheet"),
        ("/today/sheets.pdf?day=1999-01-01", "no laptop to print"),
        ("/today/sheets.pdf?day=soon", "is no day"),
        ("/today.xlsx?" + "laptop=7&" * 501, "too many"),
    ],
)
async def test_what_cannot_be_printed_is_said(http: ClientSession, path: str, said: str) -> None:
    async with http.get(path) as answer:
        assert answer.status == 404
        assert said in (await answer.json())["error"]


async def test_a_day_on_paper_and_as_a_workbook(http: ClientSession) -> None:
    day = "day=2026-11-29"
    sheets = await words(http, f"/today/sheets.pdf?{day}")
    assert [next(tag for tag in ("0041", "0042", "zonder") if tag in page) for page in sheets] == [
        "0041",
        "0042",
        "zonder",
    ]
    assert len(await words(http, f"/today/sheets.pdf?{day}&image=other")) == 1
    assert len(await words(http, f"/today/labels.pdf?{day}&image=school-2026")) == 2
    assert "3 laptops, waarvan 3 gecontroleerd" in (await words(http, f"/today/list.pdf?{day}"))[0]
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    book = load_workbook(BytesIO(await read(http, f"/today.xlsx?{day}", kind)))
    assert [cell.value for cell in book.active["A"]] == ["Nummer", "DM-2026-0041", "DM-2026-0042", None]


async def test_many_sheets_do_not_hold_the_loop_up(http: ClientSession) -> None:
    asked = asyncio.ensure_future(read(http, "/today/sheets.pdf?" + "laptop=7&" * 100))
    answered = 0
    while not asked.done():
        async with http.get("/healthz") as answer:
            assert answer.status == 200
            answered += 1
    assert len(PdfReader(BytesIO(asked.result())).pages) == 100
    assert answered > 2
