"""The seventh version: what is owed of a laptop is found without naming a sink, so that old results go quickly."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Have the index of a laptop's deliveries begin with the laptop."""
    op.drop_index("deliveries_of_laptop", "deliveries")
    op.create_index("deliveries_of_laptop", "deliveries", ["laptop", "sink", "state", "id"])
