"""The process of a benchmark: an outbox over a ledger with nothing around it, until it is killed; see deliveries.py."""

from __future__ import annotations

import asyncio
import sys

from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks.webhook import Webhook
from cloned.memory import collect_seldom


async def send(place: str, url: str, at_once: int) -> None:
    """Send what is owed to the daemon's webhook."""
    ledger = await Ledger.open(place)
    sink = Webhook("inventory", url, "x" * 32)
    sink.at_once = at_once
    await Outbox(ledger, [sink]).run()


if __name__ == "__main__":
    collect_seldom()
    asyncio.run(send(sys.argv[1], sys.argv[2], int(sys.argv[3])))
