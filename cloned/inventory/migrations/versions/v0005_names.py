"""The fifth version: a laptop is found by tag, serial number or MAC address without reading every result."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from cloned.inventory.names import names_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Add the table and fill it."""
    op.create_table(
        "names",
        sa.Column("laptop", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True),
    )
    op.create_index("ix_names_name", "names", ["name"])
    _fill()


def _fill() -> None:
    connection = op.get_bind()
    had: set[tuple[str, str]] = set()
    last: tuple[str, int] | None = None
    while found := _batch(connection, last):
        rows = [(laptop, json.loads(text) if isinstance(text, str) else text) for laptop, _, text in found]
        pairs = {(laptop, name) for laptop, row in rows for name in names_of(row)} - had
        made = [{"l": laptop, "n": name} for laptop, name in sorted(pairs)]
        if made:
            connection.execute(sa.text("INSERT INTO names (laptop, name) VALUES (:l, :n)"), made)
        last = found[-1][0], found[-1][1]
        had = {pair for pair in had | pairs if pair[0] == last[0]}  # its other results come with the next


def _batch(connection: sa.Connection, last: tuple[str, int] | None) -> list[sa.Row[str, int, Any]]:
    """The next rows, by their key."""
    where = "" if last is None else "WHERE laptop > :l OR (laptop = :l AND attempt > :a)"
    query = sa.text(f"SELECT laptop, attempt, row FROM results {where} ORDER BY laptop, attempt LIMIT {BATCH}")  # noqa: S608 - no text from outside
    given = {} if last is None else {"l": last[0], "a": last[1]}
    return list(connection.execute(query, given).all())
