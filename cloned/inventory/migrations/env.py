"""Run by Alembic for each upgrade; the connection is handed in by `inventory.database`."""

from __future__ import annotations

from alembic import context

import cloned.inventory.partial_indexes  # noqa: F401 - into the metadata
from cloned.inventory.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
