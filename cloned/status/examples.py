"""An example for every answer in the OpenAPI document, made by the code that makes the answers: none grows old."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic_core import to_jsonable_python

from cloned.core.disks import Disk
from cloned.core.events import ImageInfo as KnownImage
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import CloneJob, Facts, Goal, HistoryEntry, Laptop, State
from cloned.core.ledger import ledger_row
from cloned.core.session import Session
from cloned.core.snapshot import snapshot
from cloned.core.triage import explain
from cloned.core.triage_shipped import SHIPPED
from cloned.core.workshop import Workshop
from cloned.status.schema import plain

_AT = 1_795_000_000.0
_DAY = "2026-11-18"


@cache
def _shown() -> dict[str, Any]:
    """A workshop with one laptop that is receiving."""
    identity = Identity("4c4c4544-0033", "PF1ABCDE", "LENOVO", "ThinkPad T480", ("52:54:00:00:00:01",))
    disk = Disk("/dev/nvme0n1", 256_060_514_304, serial="S3ZHNX0K0001", model="SAMSUNG MZVLB256HAHQ", transport="nvme")
    laptop = Laptop(
        LaptopId("1f2e3d4c"), 1, Facts(identity, identity.macs[0], "uefi", disks=(disk,)), State.RECEIVING, _AT, _AT,
        tag="DM-2026-0001", goal=Goal("school-2026", disk=disk.key), session=SessionId("5e551011"),
        job=CloneJob(number=1), history=(HistoryEntry(_AT, State.RECEIVING, "layout written"),),
    )  # fmt: skip
    session = Session(
        id=SessionId("5e551011"),
        number=1,
        image=laptop.goal.image,
        image_hash="ab" * 32,
        stream="cd" * 12,
        opened=_AT - 60,
        members=(laptop.id,),
        first_ready=_AT - 50,
    )
    image = KnownImage(laptop.goal.image, "ab" * 32, 7_340_032_000, 64 * 2**30)
    known = Workshop(laptops={laptop.id: laptop}, sessions={session.id: session}, images={image.name: image})
    explained = explain(SHIPPED[:1], laptop, _AT)
    return {**plain(snapshot(known, {}, _AT)), "row": ledger_row(laptop, _AT), "triage": to_jsonable_python(explained)}


def example(model: str, many: bool = False) -> Any:
    """An answer of this model (the name of a class of schema.py or of the core's snapshot)."""
    shown = _shown()
    row = {**shown["row"], "revision": 1}
    boot = {
        "mac": "52:54:00:00:00:01",
        "at": f"{_DAY}T19:00:00.000Z",
        "asked": "DHCP discover",
        "got": "offer",
        "why": "",
        "address": "10.77.0.2",
        "interface": "eth0",
        "times": 1,
        "told": {},
    }
    problem = {
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no laptop 99",
        "error": "there is no laptop 99", "hint": "see `cloned laptops`", "code": "no-laptop", "values": {"name": "99"},
    }  # fmt: skip
    sink = {
        "sink": "snipeit", "state": "idle", "waiting": 0, "sent": 12, "refused": 0, "reason": "", "dead": [],
        "oldest_seconds": None, "tries": 0, "due": None, "past": "newest",
    }  # fmt: skip
    finding = {"name": "clock", "state": "ok", "said": "2026-11-18 20:00 CET", "next": "", "seconds": 0.01}
    found: dict[str, Any] = {
        "Problem": problem,
        "Done": {"ok": True},
        "Snapshot": {name: value for name, value in shown.items() if name not in ("row", "triage")},
        "ShownLaptop": shown["laptops"][0],
        "LaptopDetails": {**shown["laptops"][0], "results": [row], "netboot": [boot]},
        "ShownSession": shown["sessions"][0],
        "Inventory": {"rows": 12, "verdicts": {"verified": 12}, "done_today": 3, "sinks": [sink]},
        "LedgerLine": row,
        "Scan": {"laptop": "1f2e3d4c", "meant": "DM-2026-0001", "untagged": [], "called": {}},
        "Checked": {"at": f"{_DAY}T19:00:00Z", "findings": [finding]},
        "ErasuresShown": {"results": [], "under_way": []},
        "ErasurePlan": {"laptop": "1f2e3d4c", "level": "clear", "disks": []},
        "SiteKeyTold": {"site": "Workshop", "pem": "-----BEGIN PUBLIC KEY-----\n…", "fingerprint": "ab12-cd34"},
        "DeliveryAccount": {
            "name": "2026-17",
            "organisation": "Town of Aalst",
            "opened": "2026-11-29T18:00:00Z",
            "closed": "",
            "booking": True,
            "came": 12,
            "given": 7,
            "parts": 2,
            "scrapped": 1,
            "here": 2,
            "erased": 11,
            "not_erased": 1,
            "hours": 6.5,
            "used_hours": 98000,
            "weight_kg": 25.2,
            "co2_kg": None,
            "laptops": [],
        },
        "BootAsked": boot,
        "TriageExplained": shown["triage"],
        "SignedIn": {"ok": True, "role": "volunteer", "name": ""},
    }
    return [found[model]] if many else found.get(model)


TEXTS = {
    "text/html": '<!doctype html>\n<html lang="en">…</html>\n',
    "text/plain": "ok\n",
    "text/event-stream": 'id: 5f1c09ab-1\nevent: some\ndata: {"laptop/1f2e3d4c": {"state": "done"}}\n\n',
    "text/csv": "\ufeffDelivery;Organisation;Came\r\n",
    "text/css": "body { margin: 0 }\n",
}
