"""The tables of the ledger's database.

`results` holds what is true now, one row for each (laptop, attempt); `revisions` every version
that was ever reported, never changed; `deliveries` the outbox: which revision is owed to which
sink. Revision and delivery are written in one transaction, so nothing can be recorded and not owed. `tallies` holds
what was counted, so that no figure needs all rows, and stays when rows are taken away; `numbers` the tags of laptops
that were taken away with everything known of them: they stay used; `names` what each laptop is searched by, `traces` by
what a machine is known again.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

WAITING, SENT, REFUSED, SUPERSEDED = "waiting", "sent", "refused", "superseded"
DROPPED, SKIPPED = "dropped", "skipped"
"""States of a delivery. Superseded: something newer is there, or on its way, so this one no longer matters; dropped: a
person said so; skipped: it was nothing for that sink."""

metadata = MetaData()

results = Table(
    "results",
    metadata,
    Column("laptop", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("at", String(32), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("image", String(255), nullable=False),
    Column("serial", String(128), nullable=False, index=True),
    Column("tag", String(64), nullable=False, index=True),
    Column("row", JSON, nullable=False),
    Column("uuid", String(64), nullable=False, server_default=""),
)

ERASURES = text("attempt >= 1000000 AND attempt < 2000000")
"""Which results are erasures; in the very words of an index (partial_indexes.py), so that it counts for it."""

revisions = Table(
    "revisions",
    metadata,
    Column("laptop", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("recorded", Float, nullable=False),
    Column("row", JSON, nullable=False),
)

sinks = Table(
    "sinks",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("added", Float, nullable=False),
    Column("past", String(8), nullable=False, server_default="all"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("sink", String(64), nullable=False),
    Column("laptop", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sent", Float),
    Column("added", Float, nullable=False, server_default="0"),
    ForeignKeyConstraint(
        ["laptop", "attempt", "revision"], ["revisions.laptop", "revisions.attempt", "revisions.revision"]
    ),
    UniqueConstraint("sink", "laptop", "attempt", "revision"),
)

Index("deliveries_in_order", deliveries.c.sink, deliveries.c.state, deliveries.c.id)
Index("deliveries_of_laptop", deliveries.c.laptop, deliveries.c.sink, deliveries.c.state, deliveries.c.id)
"""By the laptop first: for every revision that goes, the database itself asks whether a delivery names it."""

TRIED = text("state = 'waiting' AND tries > 0")
"""What was tried in vain; in these very words, as above. The page asks each second for the first of 100,000."""

Index("deliveries_due", deliveries.c.sink, deliveries.c.state, deliveries.c.due)

tallies = Table(
    "tallies",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("trace", String(160), primary_key=True),
    Column("laptop", String(64), primary_key=True, index=True),
)

numbers = Table("numbers", metadata, Column("tag", String(64), primary_key=True))

names = Table(
    "names",
    metadata,
    Column("laptop", String(64), primary_key=True),
    Column("name", String(128), primary_key=True, index=True),
)
