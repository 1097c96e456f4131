"""The third version: erasures are found among any number of clones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ERASURES = sa.text("attempt >= 1000000 AND attempt < 2000000")


def upgrade() -> None:
    """Add an index of them alone."""
    columns = ["at", "laptop", "attempt"]
    op.create_index("results_erasures", "results", columns, sqlite_where=ERASURES, postgresql_where=ERASURES)
