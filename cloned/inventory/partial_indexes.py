"""Indexes of the ledger that hold some rows only; import this where `schema.metadata` must know every index.

Apart from schema.py: to be told of one, SQLAlchemy imports PostgreSQL's dialect, 0.1 s and 3 MB that a daemon whose
ledger is a file need not pay at each start.
"""

from __future__ import annotations

from sqlalchemy import Index

from cloned.inventory.schema import ERASURES, TRIED, deliveries, results

Index(
    "results_erasures", results.c.at, results.c.laptop, results.c.attempt,
    sqlite_where=ERASURES, postgresql_where=ERASURES,
)  # fmt: skip

Index("deliveries_tried", deliveries.c.sink, deliveries.c.id, sqlite_where=TRIED, postgresql_where=TRIED)
