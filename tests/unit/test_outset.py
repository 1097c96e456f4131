"""What waits for an inventory goes its way before there is a daemon; papers are waited for."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from cloned.config import Config
from cloned.inventory.ledger import Ledger
from cloned.inventory.sinks.base import Delivery
from cloned.outset import QUICK_TURN_SECONDS, LatePaper, Outset
from tests.unit.inventory.conftest import make_row
from tests.unit.inventory.ledgers import empty
from tests.waiting import until

__all__ = ["make_row"]


def config_of(folder: Path, **more: Any) -> Config:
    sink = {"name": "list", "type": "csv", "path": str(folder / "results.csv")}
    told = {"workshop": {"state": str(folder), "runtime": str(folder / "run")}, "sink": [sink]} | more
    return Config.model_validate(told)


async def kept(folder: Path, row: dict[str, Any]) -> None:
    """A ledger in which a result waits for the list."""
    ledger = await Ledger.open(empty(folder / "ledger.sqlite"))
    await ledger.register(["list"])
    await ledger.record(row)
    await ledger.close()


async def test_what_waits_is_sent_before_there_is_a_daemon(tmp_path: Path, make_row: Any) -> None:
    await kept(tmp_path, make_row("l1", 1))
    outset = Outset(config_of(tmp_path))
    try:
        assert await outset.begin_early()
        await until(lambda: (tmp_path / "results.csv").exists())
        await outset.begin()  # the daemon, which takes it over as it is
        [entry] = await outset.inventory.sinks()
        assert entry["sink"] == "list"
    finally:
        await outset.close()
        await outset.close()


async def test_threads_have_short_turns_only_while_we_start(tmp_path: Path, make_row: Any) -> None:
    await kept(tmp_path, make_row("l1", 1))
    usual, outset = sys.getswitchinterval(), Outset(config_of(tmp_path))
    try:
        await outset.begin_early()
        assert sys.getswitchinterval() == pytest.approx(QUICK_TURN_SECONDS)
        outset.settled()
        assert sys.getswitchinterval() == pytest.approx(usual)
    finally:
        await outset.close()
    assert sys.getswitchinterval() == pytest.approx(usual)


async def test_where_nothing_waits_nobody_hurries(tmp_path: Path) -> None:
    ledger = await Ledger.open(empty(tmp_path / "ledger.sqlite"))
    await ledger.register(["list"])
    await ledger.close()
    outset = Outset(config_of(tmp_path))
    assert not await outset.begin_early()
    await outset.close()


@pytest.mark.parametrize("more", [{}, {"sink": []}])
async def test_where_there_is_no_ledger_or_no_sink_nothing_is_made(tmp_path: Path, more: dict[str, Any]) -> None:
    outset = Outset(config_of(tmp_path, **more))
    assert not await outset.begin_early()
    assert list(tmp_path.iterdir()) == []
    await outset.close()


async def test_a_paper_is_waited_for_until_somebody_draws_it(make_row: Any) -> None:
    paper, of = LatePaper(), Delivery("key", "l1", 1, 1, make_row("l1", 1))
    asked = asyncio.create_task(paper(of))
    await asyncio.sleep(0)
    assert not asked.done()

    async def draw(which: Delivery) -> bytes:
        return which.laptop.encode()

    paper.drawn_by(draw)
    assert await asked == await paper(of) == b"l1"
