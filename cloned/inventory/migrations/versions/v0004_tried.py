"""The fourth version: what a sink did not take is found among any number that waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRIED = sa.text("state = 'waiting' AND tries > 0")


def upgrade() -> None:
    """Add an index of those alone."""
    op.create_index("deliveries_tried", "deliveries", ["sink", "id"], sqlite_where=TRIED, postgresql_where=TRIED)
