"""How the ledger numbers what is done with a laptop: clones from 1 on, and apart from them erasures and lendings."""

from __future__ import annotations

ATTEMPTS = 1_000_000
"""Added to an erasure's number in the ledger, so that it never takes the place of a clone's attempt."""
LENDINGS = 2 * ATTEMPTS
"""Lending out and coming back have attempts from this number on."""
