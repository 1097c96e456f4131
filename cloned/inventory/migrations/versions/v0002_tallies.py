"""The second version: counts of their own, numbers that outlive their laptops, ages, and evidence (moved in 0006).

What the new columns and counts say of rows that are there is found out once, here.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

from cloned.inventory.tallies import counted

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Add them and fill them."""
    for column in (
        sa.Column("uuid", sa.String(64), nullable=False, server_default=""),
        sa.Column("evidence", sa.String(255), nullable=False, server_default=""),
    ):
        op.add_column("results", column)
    op.create_index("ix_results_evidence", "results", ["evidence"])
    op.add_column("sinks", sa.Column("past", sa.String(8), nullable=False, server_default="all"))
    op.add_column("deliveries", sa.Column("added", sa.Float, nullable=False, server_default="0"))
    op.create_index("deliveries_of_laptop", "deliveries", ["sink", "laptop", "state", "id"])
    op.create_index("deliveries_due", "deliveries", ["sink", "state", "due"])
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table("numbers", sa.Column("tag", sa.String(64), primary_key=True))
    _fill()


def _fill() -> None:
    connection = op.get_bind()
    counts: Counter[str] = Counter()
    last: tuple[str, int] | None = None
    while found := _batch(connection, last):
        for laptop, attempt, text in found:
            row = json.loads(text) if isinstance(text, str) else text
            for name, count in counted(row):
                counts[name] += count
            connection.execute(
                sa.text("UPDATE results SET uuid = :u WHERE laptop = :l AND attempt = :a"),
                {"u": str(row.get("uuid") or "")[:64], "l": laptop, "a": attempt},
            )
        last = found[-1][0], found[-1][1]
    sent = connection.execute(sa.text("SELECT sink, count(*) FROM deliveries WHERE state = 'sent' GROUP BY sink")).all()
    counts.update({f"sent/{sink}": count for sink, count in sent})
    for name, count in counts.items():
        connection.execute(
            sa.text("INSERT INTO tallies (name, count) VALUES (:n, :c)"),
            {"n": name, "c": count},
        )
    connection.execute(
        sa.text(
            "UPDATE deliveries SET added = (SELECT recorded FROM revisions WHERE revisions.laptop = deliveries.laptop"
            " AND revisions.attempt = deliveries.attempt AND revisions.revision = deliveries.revision)"
        )
    )


def _batch(connection: sa.Connection, last: tuple[str, int] | None) -> list[sa.Row[str, int, Any]]:
    """The next rows, by their key."""
    where = "" if last is None else "WHERE laptop > :l OR (laptop = :l AND attempt > :a)"
    query = sa.text(f"SELECT laptop, attempt, row FROM results {where} ORDER BY laptop, attempt LIMIT {BATCH}")  # noqa: S608 - no text from outside
    given = {} if last is None else {"l": last[0], "a": last[1]}
    return list(connection.execute(query, given).all())
