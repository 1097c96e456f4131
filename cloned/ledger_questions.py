"""Asks the ledger, once it answers, about laptops whose id it could not be asked for, or has of another machine."""

from __future__ import annotations

import asyncio

from cloned.core.ledger_events import Weighed
from cloned.core.weighing import questions, settled
from cloned.engine import Engine

AGAIN_SECONDS = 5.0
"""Seconds between two tries; nobody waits for it but results."""


async def run(engine: Engine, again: float = AGAIN_SECONDS) -> None:
    """Ask about all of them, again and again, until cancelled; `again`: seconds between."""
    while True:
        await ask(engine)
        await asyncio.sleep(again)


async def ask(engine: Engine) -> None:
    """Ask about each once, as long as the ledger answers; the core hears of what changes something."""
    for ident in questions(engine.workshop):
        sight = questions(engine.workshop).get(ident)
        known = await engine.remembering.weighed(sight, ident) if sight is not None else None
        if known is None or known.away:
            continue
        event = Weighed(ident, known)
        if settled(engine.workshop, ident, known, "", engine.clock())[0] is not engine.workshop:
            await engine.submit(event)
