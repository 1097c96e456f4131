"""The process that is killed: ledger, outbox and a Snipe-IT sink. `python -m tests.interop.inventory.sender PLACE URL`."""

from __future__ import annotations

import asyncio
import logging
import sys

from cloned.destinations import SnipeItSettings
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.sinks.snipeit import SnipeIt

SETTINGS = {
    "name": "snipeit", "type": "snipeit", "token": "TOKEN-ADMIN", "past": "all",
    "done": {"name": "Ready to give out", "type": "deployable"}, "failed": {"name": "Broken", "type": "undeployable"},
    "fields": {"Clone verdict": "{verdict}", "Cloned on": "{date}", "Operating system": "{image} {attempt}"},
}  # fmt: skip


async def main(place: str, url: str) -> None:
    """Until it is killed."""
    logging.basicConfig(level=logging.DEBUG)
    sink = SnipeIt(SnipeItSettings.model_validate(SETTINGS | {"url": url}))
    await Outbox(await Ledger.open(place), [sink]).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
