"""From outside: an outbox that is killed twenty times before a Snipe-IT in trouble, a ledger in PostgreSQL, all compared."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.inventory.ledger import Ledger
from cloned.lab import postgresql
from cloned.processes import spawn
from tests.servers.snipeit.server import SnipeIt
from tests.wire.inventory.conftest import ROW, snipeit

__all__ = ["snipeit"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL is not installed"),
]
LAPTOPS, ATTEMPTS, KILLS = 24, 3, 20
PLANTED = ("hunter22-in-the-bios", "tr0ub4dor", "Borrower", "bea@x")
"""A password in a custom field, another in the notes, and who has a laptop there."""


def result(laptop: int, attempt: int) -> dict[str, Any]:
    """What an attempt came to: every third fails at first."""
    failed = attempt < ATTEMPTS and laptop % 3 == 0
    return ROW | {
        "laptop": f"l{laptop:02d}",
        "attempt": attempt,
        "serial": f"PF0KILL{laptop:02d}",
        "tag": f"DM-1{laptop:03d}",
        "at": f"2026-11-28T19:{attempt:02d}:{laptop:02d}.000Z",
        "state": "aside" if failed else "done",
        "verdict": "differs" if failed else "verified",
    }


class Trouble:
    """Now and then the server answers as a bad night has it; seldom twice the same."""

    def __init__(self, server: SnipeIt) -> None:
        self._server, self._chance = server, random.Random(7)
        server.trouble, self.met = self, 0
        self._again: set[int] = set()

    async def __call__(self, request: web.Request) -> web.StreamResponse | None:
        if id(request) in self._again or self._chance.random() > 0.12:
            return None
        self.met += 1
        kinds = (self._html, self._error, self._cut_before, self._cut_after, self._elsewhere, self._late)
        return await self._chance.choice(kinds)(request)

    async def _html(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Whoops</html>", content_type="text/html", status=200)

    async def _error(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"message": "Server Error hunter22-in-the-bios Bea Borrower"}, status=500)

    async def _cut_before(self, request: web.Request) -> web.StreamResponse:
        return self._cut(request)

    async def _cut_after(self, request: web.Request) -> web.StreamResponse:
        """It was done, and nobody hears of it."""
        self._again.add(id(request))
        await self._server.handle(request)
        self._again.discard(id(request))
        return self._cut(request)

    def _cut(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://192.0.2.1/login"})

    async def _late(self, request: web.Request) -> None:
        await asyncio.sleep(0.3)


@pytest.fixture
async def server(snipeit: SnipeIt) -> SnipeIt:
    """With what an organisation has there: one lent to somebody, one under another number, secrets in fields."""
    snipeit.per_minute = 1_000_000
    state, admin = snipeit.state, snipeit.state.users["TOKEN-ADMIN"]
    for laptop, tag in ((1, "DM-1001"), (2, "DM-9999")):
        asset = state.create(
            {"model_id": 1, "status_id": 2, "serial": f"PF0KILL{laptop:02d}", "asset_tag": tag}, admin, ""
        )
        asset |= {"_snipeit_bios_password_5": "hunter22-in-the-bios", "notes": "pin is tr0ub4dor"}
        if laptop == 1:
            state.checkout(asset, "user", 3, None, admin)
    return snipeit


async def test_an_outbox_killed_twenty_times_leaves_just_what_the_ledger_says(server: SnipeIt, tmp_path: Path) -> None:
    trouble = Trouble(server)
    with postgresql.running() as database:
        place = database.database()
        ledger = await Ledger.open(place)
        await ledger.register(["snipeit"])
        rows = [result(laptop, attempt) for attempt in range(1, ATTEMPTS + 1) for laptop in range(LAPTOPS)]
        for kill in range(KILLS + 1):
            part = rows[len(rows) * kill // (KILLS + 1) : len(rows) * (kill + 1) // (KILLS + 1)]
            with (tmp_path / f"log{kill}").open("wb") as log:
                process = spawn(
                    [sys.executable, "-m", "tests.interop.inventory.sender", place, server.url], stdout=log, stderr=log
                )
                before = len(server.requests)
                for row in part:
                    await ledger.record(row)
                await _until(lambda before=before: len(server.requests) >= before + 6, process)  # type: ignore[misc]
                if kill == KILLS:
                    await _settled(ledger, process)
                process.send_signal(signal.SIGKILL)
                process.wait()
        told = [await ledger.log(f"l{laptop:02d}") for laptop in range(LAPTOPS)]
        name = place.removeprefix("postgresql://postgres@/").partition("?")[0]
        counted = database.psql(name, "SELECT count(*), count(DISTINCT laptop), max(revision) FROM results")
        assert counted == f"{LAPTOPS * ATTEMPTS}|{LAPTOPS}|1"
        owed = database.psql(name, "SELECT DISTINCT laptop FROM deliveries WHERE state NOT IN ('sent', 'superseded')")
        assert owed == "l02"  # under another number there: told, not touched
        await ledger.close()
        _compare(server)
        assert trouble.met > 20
        _nothing_planted(tmp_path, database, repr(told))


def _compare(server: SnipeIt) -> None:
    """Each laptop once, with what its last attempt came to; what people have and wrote is as it was."""
    assets = {asset["serial"]: asset for asset in server.state.alive()}
    assert len(assets) == len(server.state.alive()) == LAPTOPS
    for laptop in range(LAPTOPS):
        last, asset = result(laptop, ATTEMPTS), assets[f"PF0KILL{laptop:02d}"]
        if laptop == 2:
            assert (asset["asset_tag"], asset["status_id"], asset.get("_snipeit_clone_verdict_2")) == (
                "DM-9999",
                2,
                None,
            )
            continue
        assert (asset["asset_tag"], asset["_snipeit_clone_verdict_2"]) == (last["tag"], "verified")
        assert asset["_snipeit_operating_system_7"] == f"school-2026 {ATTEMPTS}"
        assert (server.state.labels[asset["status_id"]].name == "Ready to give out") is (laptop != 1)
    lent = assets["PF0KILL01"]
    assert (lent["assigned_to"], lent["status_id"], lent["notes"]) == (3, 2, "pin is tr0ub4dor")
    assert lent["_snipeit_bios_password_5"] == "hunter22-in-the-bios"


def _nothing_planted(folder: Path, database: postgresql.PostgreSql, told: str) -> None:
    """In no log and no page of the database."""
    written = [path for place in (folder, database.folder) for path in place.rglob("*") if path.is_file()]
    assert len(written) > KILLS
    texts = [*(path.read_bytes() for path in written), told.encode()]
    for secret in (*PLANTED, "TOKEN-ADMIN"):
        assert not [path for path, text in zip([*written, "told"], texts, strict=True) if secret.encode() in text]


async def _until(there: Any, process: Any) -> None:
    async with asyncio.timeout(60):
        while not there():
            assert process.poll() is None, "the outbox ended by itself"
            await asyncio.sleep(0.01)


async def _settled(ledger: Ledger, process: Any) -> None:
    async with asyncio.timeout(300):
        while (await ledger.backlog())[0]["waiting"]:
            assert process.poll() is None, "the outbox ended by itself"
            await ledger.retry()
            await asyncio.sleep(0.5)
