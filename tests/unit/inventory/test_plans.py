"""No question of the page, the command line or a laptop that comes reads a whole table: it would take longer each year."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from cloned.core.recorded import sight_in
from cloned.inventory.deliveries import Outcome
from cloned.inventory.ledger import Ledger
from cloned.inventory.schema import metadata

GROWING = ("results", "revisions", "deliveries", "older", "names", "traces")
"""Tables, and what one is called where it is looked into twice."""
QUESTIONS: dict[str, Callable[[Ledger], Awaitable[Any]]] = {
    "figures": lambda ledger: ledger.totals(),
    "sinks": lambda ledger: ledger.backlog(),
    "newest": lambda ledger: ledger.rows(limit=50),
    "a page later": lambda ledger: ledger.rows(limit=50, before=("2026-11-18T19:04:05+00:00", "l1", 1)),
    "one laptop": lambda ledger: ledger.rows(laptop="l1", limit=20),
    "what sinks got of it": lambda ledger: ledger.log("l1"),
    "erasures": lambda ledger: ledger.rows(limit=50, erasures=True),
    "erasures of a delivery": lambda ledger: ledger.erased("Town hall"),
    "an evening": lambda ledger: ledger.between(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)),
    "by name": lambda ledger: ledger.called("B5TO023"),
    "by any name": lambda ledger: ledger.ids("b5to023"),
    "of one laptop": lambda ledger: ledger.counted("l1"),
    "how far counted": lambda ledger: ledger.last_numbers(["l1", "l2"]),
    "due": lambda ledger: ledger.due("hook", 16),
    "newest due": lambda ledger: ledger.due_newest("state", 16),
    "whether anything waits": lambda ledger: ledger.waits(["hook", "state"]),
    "due at once": lambda ledger: ledger.hasten("hook"),
    "one sent again": lambda ledger: ledger.retry("hook", "l1"),
    "one given up": lambda ledger: ledger.drop("hook", "l1", "sold"),
    "old ones taken away": lambda ledger: ledger.prune({"done": "2999", "failed": "2999"}, ["state"]),
    "one forgotten": lambda ledger: ledger.forget("l1"),
}


@pytest.fixture
async def asked(ledger: Ledger, make_row: Any) -> tuple[Ledger, list[tuple[str, Any]]]:
    """A ledger, and every statement that it is asked."""
    await ledger.register(["hook", "state"])
    await ledger.record(make_row("l1", 1))
    told: list[tuple[str, Any]] = []
    await ledger.laptops()  # who looks at many results is made when it is needed
    for engine in (ledger._writes.engine, ledger._looks.engine, *(each.engine for each in ledger._surveys.made)):
        event.listen(engine, "before_cursor_execute", lambda _c, _k, said, values, *_: told.append((said, values)))
    return ledger, told


async def plans(ledger: Ledger, told: list[tuple[str, Any]]) -> list[str]:
    """How SQLite would answer each."""
    found = []
    with ledger._writes.engine.connect() as connection:
        for said, values in told[:]:
            if said.startswith(("SELECT", "UPDATE", "DELETE")):
                values = values[0] if isinstance(values, list) else values
                lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", tuple(values))
                found += [str(line[-1]) for line in lines.all()]
    return found


async def test_each_goes_by_an_index(asked: tuple[Ledger, list[tuple[str, Any]]]) -> None:
    ledger, told = asked
    for name, ask in QUESTIONS.items():
        told.clear()
        await ask(ledger)
        steps = await plans(ledger, told)
        assert steps, name
        assert (name, [step for step in steps if _whole(step)]) == (name, [])


async def test_recording_a_result_and_noting_what_came_of_it_do_too(
    asked: tuple[Ledger, list[tuple[str, Any]]], make_row: Any
) -> None:
    ledger, told = asked
    for row in (make_row("l2", 1), make_row("l2", 1, tag="DM-7"), make_row("l2", 2)):
        await ledger.record(row)
    owed = await ledger.due("hook", 1)
    await ledger.settle("hook", [Outcome(owed[0], "sent")])
    await ledger.known(sight_in(make_row("l2", 1)))
    assert [step for step in await plans(ledger, told) if _whole(step)] == []


async def test_what_the_database_asks_itself_where_a_row_goes_goes_by_an_index_too(ledger: Ledger) -> None:
    keys = [key for table in metadata.sorted_tables for key in table.foreign_key_constraints]
    assert keys
    with ledger._writes.engine.connect() as connection:
        for key in keys:
            where = " AND ".join(f"{name} = 1" for name in key.column_keys)
            asked = f"EXPLAIN QUERY PLAN SELECT 1 FROM {key.table.name} WHERE {where}"
            steps = [str(line[-1]) for line in connection.exec_driver_sql(asked).all()]
            assert [step for step in steps if not step.startswith("SEARCH")] == [], key.table.name


def _whole(step: str) -> bool:
    """Whether all of a table that grows is read; an index that is gone through in order ends where enough was found."""
    verb, name, *how = step.split()
    return verb == "SCAN" and name in GROWING and "USING" not in how
