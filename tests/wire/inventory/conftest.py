"""What the tests of the sinks share: a result on its way, a Snipe-IT as a workshop has set it up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cloned.destinations import GlpiSettings, SnipeItSettings
from cloned.inventory import rows
from cloned.inventory.sinks.base import Delivery, Surroundings
from cloned.inventory.sinks.glpi import Glpi as GlpiSink
from cloned.inventory.sinks.snipeit import SnipeIt as SnipeItSink
from tests.servers.glpi import Glpi
from tests.servers.snipeit.server import SnipeIt

ROW = {
    "laptop": "a1b2c3d4", "attempt": 1, "session": "5e551011", "at": "2026-11-28T19:04:05.000Z", "image": "school-2026",
    "image_hash": "ab" * 32, "verdict": "verified", "state": "done", "why": "", "uuid": "4c4c4544-0042-3510-8054-b7c04f303233",
    "serial": "PF0AAAA1", "vendor": "LENOVO", "product": "20L6S0ABCD", "macs": ["8c:16:45:00:00:01"], "tag": "DM-0412",
    "disk": {"serial": "S3Z9", "wwn": "eui.0025", "model": "SAMSUNG MZVLB256", "size": 256060514304}, "discarded": True,
    "bytes": 7_340_032_000, "rounds": 1, "seconds": {"boot": 31.04, "receive": 71.5}, "steps": [],
}  # fmt: skip

ERASED = {
    "kind": "erasure", "attempt": 1_000_001, "state": "erased", "verdict": "none", "image": "",
    "erasure": {
        "id": "e1", "level": "purge", "result": "erased", "donation": "D-17", "then": "",
        "disks": [{"serial": "S3Z9", "method": "nvme-sanitize-block"}, {"serial": "X1", "method": "overwrite"}],
    },
}  # fmt: skip
"""What makes of ROW a laptop that was erased and goes off."""
LENT = {
    "kind": "lending",
    "attempt": 2_000_001,
    "state": "lent",
    "verdict": "none",
    "image": "",
    "organisation": "School 7",
}
BACK = LENT | {"attempt": 2_000_002, "state": "back"}
"""And one that goes out, or comes back."""


@pytest.fixture
def deliver() -> Callable[..., Delivery]:
    def make(revision: int = 1, **more: Any) -> Delivery:
        row = rows.clean(ROW | more)
        return Delivery(row.key, row.laptop, row.attempt, revision, row.data)

    return make


@pytest.fixture
async def snipeit() -> AsyncIterator[SnipeIt]:
    """Labels, a category, a fieldset with fields, a company and a location; one model has the fieldset."""
    async with SnipeIt().serving() as server:
        state = server.state
        for name, kind in (("Ready to give out", "deployable"), ("Broken", "undeployable"), ("Erased", "pending")):
            state.add("labels", {"name": name, "type": kind}, 1)
        state.add("categories", {"name": "Laptops", "category_type": "asset"}, 1)
        fieldset = state.add("fieldsets", {"name": "Refurbished laptop"}, 1)
        for field in (
            {"name": "Clone verdict"}, {"name": "Battery health %", "format": "NUMERIC"}, {"name": "Cloned on", "format": "DATE"},
            {"name": "BIOS password"}, {"name": "Disk password", "field_encrypted": 1}, {"name": "Operating system"},
        ):  # fmt: skip
            fieldset.fields[state.add("fields", {"element": "text", **field}, 1).id] = False
        state.add("fields", {"name": "Stray", "element": "text"}, 1)
        fieldset.fields[state.add("fields", {"name": "Erased", "element": "text"}, 1).id] = False
        state.add("manufacturers", {"name": "Lenovo"}, 1)
        state.add("models", {"name": "ThinkPad T480", "model_number": "20L6S0ABCD", "category_id": 2, "manufacturer_id": 1,
                             "fieldset_id": fieldset.id}, 1)  # fmt: skip
        state.add("companies", {"name": "Refurbishers"}, 1)
        state.add("locations", {"name": "Workshop"}, 1)
        yield server


@pytest.fixture
async def snipeit_sink(snipeit: SnipeIt) -> AsyncIterator[Callable[..., SnipeItSink]]:
    """Makes a sink for that server; what is given replaces the settings."""
    made: list[SnipeItSink] = []

    def make(around: Surroundings | None = None, **more: Any) -> SnipeItSink:
        settings = {
            "name": "snipeit", "type": "snipeit", "url": snipeit.url, "token": "TOKEN-ADMIN",
            "done": {"name": "Ready to give out", "type": "deployable"},
            "failed": {"name": "Broken", "type": "undeployable"}, "erased": {"name": "Erased", "type": "pending"},
            "fields": {"Clone verdict": "{verdict}", "Battery health %": "{battery.wear}", "Cloned on": "{date}"},
        }  # fmt: skip
        made.append(SnipeItSink(SnipeItSettings.model_validate(settings | more), around))
        return made[-1]

    yield make
    for sink in made:
        await sink.close()


@pytest.fixture
async def glpi() -> AsyncIterator[Glpi]:
    """A GLPI 10 with two states, a model and a maker."""
    async with Glpi().serving() as server:
        for kind, name in (
            ("State", "Ready"),
            ("State", "Failed check"),
            ("ComputerModel", "20L6S0ABCD"),
            ("Manufacturer", "LENOVO"),
        ):
            server.add(kind, {"name": name})
        yield server


@pytest.fixture
async def glpi_sink(glpi: Glpi) -> AsyncIterator[Callable[..., GlpiSink]]:
    made: list[GlpiSink] = []

    def make(around: Surroundings | None = None, **more: Any) -> GlpiSink:
        settings = {
            "name": "glpi", "type": "glpi", "url": glpi.url, "token": "USER-TOKEN", "app_token": "APP-TOKEN", "done": "Ready",
            "failed": "Failed check", "comment": "{date} {image}: {verdict}", "note": "{date} {image}: {verdict}",
        }  # fmt: skip
        made.append(GlpiSink(GlpiSettings.model_validate(settings | more), around))
        return made[-1]

    yield make
    for sink in made:
        await sink.close()
