"""A daemon in miniature, to be killed: records results FIRST…LAST-1 and delivers them to one sink.

Arguments: ledger, kind of sink (webhook, csv or none: nothing is delivered), its URL or path, FIRST, LAST, secret.
"""

import asyncio
import sys

from cloned.destinations import FileSettings, WebhookSettings
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks import make


async def main(place, kind, where, first, last, secret):
    if kind == "webhook":
        sink = WebhookSettings(name="s", type="webhook", url=where, secret=secret)
    else:
        sink = FileSettings(name="s", type="csv", path=where)
    ledger = await Ledger.open(place)
    outbox = Outbox(ledger, [make(sink)])
    running = None if kind == "none" else asyncio.create_task(outbox.run())
    for attempt in range(int(first), int(last)):
        at = f"2026-11-18T19:{attempt:02d}:00Z"
        await ledger.record({"laptop": "a1b2", "attempt": attempt, "at": at, "verdict": "verified", "state": "done"})
        print("recorded", attempt, flush=True)
    await (running or asyncio.sleep(60))


asyncio.run(main(*sys.argv[1:]))
