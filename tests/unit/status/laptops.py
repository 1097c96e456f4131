"""A laptop and its disk as the page sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.reasons import Reason
from cloned.core.snapshot import snapshot
from cloned.core.workshop import Workshop
from cloned.saying import Phrase
from cloned.status.schema import adapter

NOW = datetime.now(UTC).replace(microsecond=0)
GB = 10**9
USED = 7_340_032_000
MODELS = [
    ("Dell Inc.", "Latitude 5490"),
    ("Dell Inc.", "Latitude 5490"),
    ("LENOVO", "ThinkPad T480"),
    ("HP", "EliteBook 840 G5"),
    ("Dell Inc.", "Latitude 5490"),
    ("LENOVO", "ThinkPad X270"),
]


def iso(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def because(reason: Reason, **values: object) -> dict:
    """What a laptop tells that is where it is for this reason."""
    return {"reason": str(reason), "why": Phrase.of(reason, values), "next_step": Phrase.step(reason)}


def disk(number: int) -> dict:
    return {
        "path": "/dev/nvme0n1",
        "size": 256 * GB,
        "sector_size": 512,
        "serial": f"S3ZHNX0K{number:04d}",
        "wwn": f"eui.00253858{number:08x}",
        "model": "SAMSUNG MZVLB256HAHQ",
        "transport": "nvme",
        "eligible": True,
        "why_not": "",
        "smart": "ok",
        "name": "",
        "asks": "",
        "hours": 8123,
        "worn": 7,
        "bad": 0,
        "key": f"eui.00253858{number:08x}",
    }


def mac(number: int) -> str:
    return f"d8:9e:f3:10:00:{number:02x}"


@cache
def just_seen() -> dict:
    """A laptop of which nothing is known yet, with every key that the page is given."""
    seen = Laptop(LaptopId("0"), 0, Facts(Identity()), State.ASKING, 0.0, 0.0)
    shown = snapshot(Workshop().with_laptop(seen), {}, 0.0)
    return adapter().dump_python(shown, mode="json")["laptops"][0]


def laptop(
    number: int, state: str, *, tag: str = "", port: int | None = None, percent: int | None = None, **more
) -> dict:
    vendor, product = MODELS[number % len(MODELS)]
    working = state in ("ready", "receiving", "verifying", "finishing")
    left = None if percent is None else round((100 - percent) * 1.9, 1)
    progress = (
        None
        if percent is None
        else {
            "bytes": USED * percent // 100,
            "total": USED,
            "rate": 84_000_000.0,
            "left_seconds": left,
            "held_by": "disk" if number % 5 == 0 else "network",
            "pieces_left": (100 - percent) * 17,
            "lost": 3,
            "activity": state,
        }
    )
    history = [
        {"at": iso(11), "state": "asking", "why": Phrase.of(Reason.AT_MENU)},
        {"at": iso(10), "state": "asking", "why": Phrase.of(Reason.NOT_CONFIRMED)},
        {
            "at": iso(9.5),
            "state": "waiting",
            "why": happened(Happened.CONFIRMED, by=actor("page"), image="school-2026", disk=disk(number)["key"]),
        },
        {"at": iso(9), "state": state, "why": more.get("why", "")},
    ]
    return (
        just_seen()
        | {
            "id": f"{number:08x}",
            "number": number,
            "tag": tag,
            "macs": [mac(number)],
            "boot_mac": mac(number),
            "uuid": f"4c4c4544-0042-3510-8054-{number:012x}",
            "serial": f"B5TO{number:03d}",
            "vendor": vendor,
            "product": product,
            "address": f"10.20.0.{100 + number}",
            "port": None if port is None else f"gi{port}",
            "speed_mbps": 1000,
            "firmware": "uefi",
            "cpu": "Intel(R) Core(TM) i5-8350U CPU @ 1.70GHz",
            "memory": 8 * GB,
            "state": state,
            "since": iso(3),
            "first_seen": iso(11),
            "image": "school-2026",
            "chosen": Phrase("rule {number}", number=1),
            "disk": disk(number) if working or state == "done" else None,
            "disks": [disk(number)],
            "session": "5e551011" if working or state == "done" else None,
            "job": 1 if working else 0,
            "attempts": 1 if state == "done" else 0,
            "verdict": "verified" if state in ("done", "finishing") else "none",
            "image_hash": "9f" * 32 if state in ("done", "finishing") else None,
            "history": history,
            "seconds": {"boot": 31.0, "wait": 44.0, "receive": 92.0, "verify": 20.0, "finish": 4.0},
            "left_seconds": left,
            "progress": progress,
        }
        | more
    )
