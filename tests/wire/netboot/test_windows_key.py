"""A key for Windows is planted in a firmware; its edition gets everywhere, and the key nowhere."""

from __future__ import annotations

import hashlib
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from cloned.agent import parts, product_keys
from cloned.core.ledger import ledger_row
from cloned.core.snapshot import snapshot
from cloned.inventory import export
from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.files import JsonLinesFile
from cloned.inventory.sinks.record import record_of
from cloned.lab.windows_key import body, made_up
from cloned.languages import language
from cloned.papers.overview import workbook
from cloned.papers.sheet import sheets
from cloned.papers.subject import PrintingSite, of_laptop
from tests.wire.netboot.agent_site import FACTS, Site

pytestmark = pytest.mark.wire
KEY = made_up(3305, 87_654_321)
EDITION = "Windows 10/11 Pro"


def traces(key: str) -> list[bytes]:
    """What of a key must be nowhere: itself, its parts, and sums of it."""
    bare, number = key.replace("-", ""), product_keys._number(key)
    sums = [hashlib.new(name, text.encode()).hexdigest() for name in ("md5", "sha1", "sha256") for text in (key, bare)]
    numbers = [str(number), f"{number:x}", str(number >> 20 & (1 << 30) - 1)]
    return [each.encode() for each in (key, bare, *key.split("-"), *sums, *numbers)]


async def test_the_edition_gets_everywhere_and_the_key_nowhere(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    (firmware / "MSDM").write_bytes(b"MSDM" + bytes(32) + body(KEY))
    monkeypatch.setattr(product_keys, "key_facts", partial(product_keys.key_facts, str(firmware)))
    hardware = parts.gather()
    assert hardware["product_key_group"] == 3305
    await site.boot()
    told = {**FACTS, "hardware": {**hardware, "product_key": True, "key": KEY}}
    seen = [json.dumps(hardware), json.dumps(await site.call("hello", told))]
    assert site.laptop.facts.hardware.product_key_edition == EDITION
    written = tmp_path / "written"
    written.mkdir()
    ledger = await Ledger.open(written / "ledger.sqlite")
    now = site.engine.clock()
    await ledger.record(ledger_row(site.laptop, now))
    [row] = await ledger.rows()
    await ledger.close()
    assert row["hardware"]["product_key_edition"] == EDITION
    for kind in (".csv", ".xlsx", ".json", ".jsonl"):
        export.write([row], written / f"all{kind}")
    delivery = Delivery("cl_1", row["laptop"], 1, 1, row)
    await JsonLinesFile("list", written / "list.jsonl").send(delivery)
    assert record_of(delivery)["windows_key"] == EDITION
    seen += [json.dumps(row), repr(record_of(delivery)), *papers(site.laptop, written)]
    shown = repr(snapshot(site.engine.workshop, {}, now))
    assert f"windows_key={EDITION!r}" in shown
    seen += [shown, caplog.text, repr(site.engine.workshop)]
    files = [path.read_bytes() for path in [tmp_path / "journal", *tmp_path.glob("journal*"), *written.iterdir()]]
    for trace in traces(KEY):
        assert not [text[:80] for text in (*files, *(each.encode() for each in seen)) if trace in text], trace


def papers(laptop: Any, folder: Path) -> list[str]:
    """Sheet and list of a laptop, as people read them; both name the edition."""
    who, words, printing = [of_laptop(laptop)], language("en"), PrintingSite("Deel IT", "http://cloned.example")
    pdf, book = sheets(who, printing, words), workbook(who, "all", printing, words)
    (folder / "sheet.pdf").write_bytes(pdf)
    read = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    cells = [str(cell.value) for line in load_workbook(io.BytesIO(book)).active.rows for cell in line]
    assert EDITION in " ".join(read.split())
    assert EDITION in cells
    return [read, *cells]
