"""The sixth version: laptops are known again by cards and disks, not by words alone.

What the rows that are there say of that is found out once, here.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from cloned.core.recorded import traces_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Add their table, fill it, and take away the column that it stands in for."""
    op.create_table(
        "traces",
        sa.Column("trace", sa.String(160), primary_key=True),
        sa.Column("laptop", sa.String(64), primary_key=True),
    )
    op.create_index("ix_traces_laptop", "traces", ["laptop"])
    _fill()
    op.drop_index("ix_results_evidence", "results")
    op.drop_column("results", "evidence")


def _fill() -> None:
    connection = op.get_bind()
    last = ""
    while found := _batch(connection, last):
        told: dict[str, set[str]] = {}
        for laptop, text in found:
            row = json.loads(text) if isinstance(text, str) else text
            told.setdefault(laptop, set()).update(traces_of(row))
        new = [{"t": trace, "l": laptop} for laptop, each in told.items() for trace in sorted(each)]
        if new:
            connection.execute(sa.text("INSERT INTO traces (trace, laptop) VALUES (:t, :l)"), new)
        last = found[-1][0]


def _batch(connection: sa.Connection, last: str) -> list[sa.Row[str, Any]]:
    """All rows of the next laptops."""
    some = f"SELECT DISTINCT laptop FROM results WHERE laptop > :l ORDER BY laptop LIMIT {BATCH}"  # noqa: S608 - a number of ours
    query = sa.text(f"SELECT laptop, row FROM results WHERE laptop IN ({some}) ORDER BY laptop")  # noqa: S608 - as above
    return list(connection.execute(query, {"l": last}).all())
