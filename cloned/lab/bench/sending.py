"""The process of an inventory bench that is killed: an outbox over a ledger, until then. Started by inventory.py.

Apart from it, and with nothing but what it needs: it is started twenty times, and each start is in the figure.
"""

from __future__ import annotations

import asyncio
import sys

from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks.webhook import Webhook
from cloned.memory import collect_seldom


async def send(place: str, url: str, at_once: int) -> None:
    """Send what is owed to the sink `hook`."""
    ledger = await Ledger.open(place)
    sink = Webhook("hook", url, "x" * 32)
    sink.at_once = at_once
    await Outbox(ledger, [sink]).run()


if __name__ == "__main__":
    collect_seldom()
    asyncio.run(send(sys.argv[1], sys.argv[2], int(sys.argv[3])))
