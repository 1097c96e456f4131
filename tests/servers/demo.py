"""`make demo SINK=snipeit`: an evening's results through ledger, outbox and sink into a Snipe-IT of the tests' own.

No laptop and no network is needed: the results are made up, everything that carries them is the real thing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from cloned.destinations import SnipeItSettings
from cloned.inventory.ledger import Ledger
from cloned.inventory.outbox import Outbox
from cloned.inventory.rehearsal import newest
from cloned.inventory.sinks.snipeit import SnipeIt as SnipeItSink
from tests.servers.snipeit import views
from tests.servers.snipeit.server import SnipeIt

EVENING: tuple[dict[str, Any], ...] = (
    {"laptop": "l1", "serial": "PF0AAAA1", "tag": "DM-0412", "state": "done", "verdict": "verified", "why": ""},
    {"laptop": "l2", "serial": "PF0BBBB2", "tag": "DM-0413", "state": "aside", "verdict": "differs", "why": "the disk is worn out"},
    {"laptop": "l3", "serial": "PF0CCCC3", "tag": "DM-0421", "state": "done", "verdict": "verified", "why": ""},
    {"laptop": "l4", "serial": "PF0DDDD4", "tag": "DM-0414", "state": "done", "verdict": "verified", "why": ""},
)  # fmt: skip
SAME = {
    "attempt": 1,
    "at": "2026-11-28T19:04:05.000Z",
    "image": "school-2026",
    "vendor": "LENOVO",
    "product": "20L6S0ABCD",
}


def prepare(server: SnipeIt) -> None:
    """What the organisation has there already: one laptop under another number, one that is lent out."""
    state, admin = server.state, server.state.users["TOKEN-ADMIN"]
    state.add("labels", {"name": "Broken", "type": "undeployable"}, 1)
    state.add("categories", {"name": "Laptops", "category_type": "asset"}, 1)
    fieldset = state.add("fieldsets", {"name": "Refurbished laptop"}, 1)
    fieldset.fields[state.add("fields", {"name": "Clone verdict", "element": "text"}, 1).id] = False
    state.add(
        "models",
        {"name": "ThinkPad T480", "model_number": "20L6S0ABCD", "category_id": 2, "fieldset_id": fieldset.id},
        1,
    )
    for serial, tag in (("PF0CCCC3", "DM-0499"), ("PF0DDDD4", "DM-0414")):
        asset = state.create({"model_id": 1, "status_id": 2, "serial": serial, "asset_tag": tag}, admin, "")
    state.checkout(asset, "user", 3, None, admin)


async def show(folder: Path) -> None:
    """Rehearse, deliver, and print what the other side has then."""
    async with SnipeIt().serving() as server:
        prepare(server)
        settings = SnipeItSettings.model_validate({
            "name": "snipeit", "type": "snipeit", "url": server.url, "token": "TOKEN-ADMIN",
            "failed": {"name": "Broken", "type": "undeployable"}, "fields": {"Clone verdict": "{verdict}"},
        })  # fmt: skip
        ledger = await Ledger.open(folder / "ledger.sqlite")
        for each in EVENING:
            await ledger.record(SAME | each)
        rehearsed = SnipeItSink(settings)
        for each in EVENING:
            lines = await rehearsed.rehearse(await newest(folder / "ledger.sqlite", each["tag"]))
            print(f"cloned inventory test snipeit --laptop {each['tag']}")
            print("".join(f"    {line.line()}\n" for line in lines[5:]))
        await rehearsed.close()
        await deliver(ledger, SnipeItSink(settings))
        print("Snipe-IT has now:")
        for asset in server.state.assets.values():
            shown = views.asset(server.state, asset, server.state.users["TOKEN-ADMIN"])
            verdict = shown["custom_fields"]["Clone verdict"]["value"]
            lent = "lent out" if shown["assigned_to"] else ""
            print(
                f"    {shown['asset_tag']}  {shown['serial']}  {shown['status_label']['name']:16} {verdict:10} {lent}"
            )


async def deliver(ledger: Ledger, sink: SnipeItSink) -> None:
    """Run the outbox until everything is taken or refused."""
    outbox = Outbox(ledger, [sink])
    running = asyncio.create_task(outbox.run())
    while not (told := await outbox.status()) or told[0]["waiting"]:
        await asyncio.sleep(0.05)
    for dead in told[0]["dead"]:
        print(f"left alone: {dead['laptop']}: {dead['reason']}\n")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await ledger.close()


if __name__ == "__main__":
    if sys.argv[1:] != ["snipeit"]:
        sys.exit("there is a server of the tests' own to show for: snipeit")
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(show(Path(place)))
