"""The first version: results, their revisions, sinks and deliveries.

Written out rather than taken from `schema.py`, which will move on while this step must not.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _results()
    _revisions()
    op.create_table(
        "sinks",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("added", sa.Float, nullable=False),
    )
    _deliveries()


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("laptop", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("image", sa.String(255), nullable=False),
        sa.Column("serial", sa.String(128), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("row", sa.JSON, nullable=False),
    )
    for column in ("at", "serial", "tag"):
        op.create_index(f"ix_results_{column}", "results", [column])


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("laptop", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("recorded", sa.Float, nullable=False),
        sa.Column("row", sa.JSON, nullable=False),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("sink", sa.String(64), nullable=False),
        sa.Column("laptop", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sent", sa.Float),
        sa.ForeignKeyConstraint(
            ["laptop", "attempt", "revision"], ["revisions.laptop", "revisions.attempt", "revisions.revision"]
        ),
        sa.UniqueConstraint("sink", "laptop", "attempt", "revision"),
    )
    op.create_index("deliveries_in_order", "deliveries", ["sink", "state", "id"])
