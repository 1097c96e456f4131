"""Workshops as the page sees them: a busy evening, an empty one, one without a managed switch."""

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
from cloned.switch.ports import SLOW_HINT

NOW = datetime.now(UTC).replace(microsecond=0)

MODELS = [
    ("Dell Inc.", "Latitude 5490"),
    ("Dell Inc.", "Latitude 5490"),
    ("LENOVO", "ThinkPad T480"),
    ("HP", "EliteBook 840 G5"),
    ("Dell Inc.", "Latitude 5490"),
    ("LENOVO", "ThinkPad X270"),
]
GB = 10**9


def because(reason: Reason, **values: object) -> dict:
    """What a laptop tells that is where it is for this reason."""
    return {"reason": str(reason), "why": Phrase.of(reason, values), "next_step": Phrase.step(reason)}


USED = 7_340_032_000


def iso(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def _states() -> list[dict]:
    made = [
        ("done", {}),
        ("done", {}),
        ("receiving", {"percent": 71}),
        ("receiving", {"percent": 69}),
        ("verifying", {"percent": 93}),
        ("receiving", {"percent": 70}),
        (
            "asking",
            {
                **because(Reason.NOT_CONFIRMED),
            },
        ),
        ("receiving", {"percent": 64}),
        (
            "aside",
            {
                **because(Reason.STILL_DIFFERS, detail="sda2"),
                "verdict": "differs",
                "attempts": 5,
                "differs": [{"partition": "nvme0n1p2", "first": 4_831_838_208, "last": 4_836_032_511, "pieces": 3}],
            },
        ),
        ("receiving", {"percent": 72}),
        ("finishing", {"percent": 100}),
        ("receiving", {"percent": 23}),
        (
            "asking",
            {
                **because(Reason.NOT_CONFIRMED),
            },
        ),
        ("verifying", {"percent": 88}),
        ("ready", {}),
        ("receiving", {"percent": 18}),
        ("done", {}),
        (
            "waiting",
            {
                **because(Reason.OTHER_IMAGE_FIRST, detail="school-2026"),
                "image": "senior-2026",
            },
        ),
        (
            "asking",
            {
                **because(Reason.SEVERAL_DISKS),
            },
        ),
        (
            "waiting",
            {
                **because(Reason.SWITCH_FULL),
                "image": "senior-2026",
            },
        ),
    ]
    ports = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21]
    return [
        laptop(number, state, tag=f"{400 + number:04d}" if number % 4 else "", port=port, **more)
        for number, (port, (state, more)) in enumerate(zip(ports, made, strict=True), 1)
    ]


def busy() -> dict:
    """Thirty laptops, a 24-port switch, every state."""
    laptops = _states()
    for number in range(21, 29):
        laptops.append(laptop(number, "done", tag=f"{400 + number:04d}"))
    laptops.append(
        laptop(
            29,
            "gone",
            tag="0429",
            **because(Reason.NOT_HEARD),
        )
    )
    laptops.append(
        laptop(
            30,
            "waiting",
            **because(Reason.SWITCH_FULL),
        )
    )
    second = disk(190) | {"model": "WDC WD10SPZX", "path": "/dev/sda", "transport": "sata", "size": 1000 * GB}
    next(each for each in laptops if each["reason"] == "several-disks")["disks"].append(second)
    ports = []
    for number in range(1, 25):
        inside = [each for each in laptops if each["port"] == f"gi{number}"]
        role = "uplink" if number == 24 else "server" if number == 23 else "access"
        ports.append(
            {
                "if_index": number,
                "name": f"gi{number}",
                "admin": "up",
                "oper": "up" if inside or role != "access" or number == 16 else "down",
                "speed_mbps": (100 if number == 12 else 1000) if inside else None,
                "duplex": "full" if inside else None,
                "role": role,
                "macs": [mac for each in inside for mac in each["macs"]],
            }
        )
    return {
        "now": iso(0),
        "workshop": "Digital for Youth, Ghent",
        "left_seconds": 412.0,
        "capacity": {
            "places": 22,
            "taken": 12,
            "why": Phrase("ports free for laptops on {switches}", switches="bench-switch (22)"),
            "limit": None,
            "paused": False,
        },
        "laptops": laptops,
        "sessions": [
            {
                "id": "5e551011",
                "number": 3,
                "image": "school-2026",
                "image_hash": "9f" * 32,
                "kind": "pieces",
                "guests": 0,
                "port": None,
                "ejected": [],
                "left_seconds": 180.0,
                "state": "sending",
                "laptops": [each["id"] for each in laptops[:17]],
                "active": [],
                "bytes": USED,
                "seconds": 372.0,
                "mbit_s": 671.4,
                "started": iso(6.2),
                "ended": None,
            }
        ],
        "images": [
            {"name": name, "image_hash": "9f" * 32, "used": USED, "min_size": 16 * GB, "unusable": ""}
            for name in ("school-2026", "senior-2026")
        ],
        "switches": [
            {
                "address": "10.20.0.2",
                "sys_name": "bench-switch",
                "sys_descr": "SG300-24",
                "ports": ports,
                "day": day_of_ports(),
            }
        ],
        "warnings": [
            {
                "code": "slow-port-12",
                "text": Phrase("{name}: {speed} Mb/s", name="bench-switch gi12", speed=100),
                "hint": Phrase(SLOW_HINT),
            }
        ],
        "confirmations": [],
        "batches": [
            {
                "id": "b1",
                "vendor": "LENOVO",
                "product": "ThinkPad T480",
                "image": "school-2026",
                "by": "page",
                "given": iso(60),
                "until": iso(-240),
            }
        ],
        "holds": [],
        "organisations": [],
        "backlog": 0,
        "loop_lag": 0.0,
        "loop_held": 0.0,
        "loop_busy": 0.0,
    }


def empty() -> dict:
    """Nobody has come yet."""
    return busy() | {
        "laptops": [],
        "sessions": [],
        "warnings": [],
        "batches": [],
        "switches": [],
        "images": [],
        "left_seconds": None,
        "capacity": {
            "places": 24,
            "taken": 0,
            "why": Phrase("the configured number of places"),
            "limit": None,
            "paused": False,
        },
    }


def day_of_ports() -> dict:
    """A cable that does not sit, and one that damages frames."""
    links = [{"at": iso(40 - at), "link": ("down", "up")[at % 2]} for at in range(12)]
    one = {"links": links, "errors": 0, "errors_at": None}
    bad = {"links": links[-1:], "errors": 1_804, "errors_at": iso(20)}
    counted = [f"gi{number}" for number in range(1, 25) if number != 11]
    ports = {"gi9": one, "gi12": bad, "gi22": {**one, "links": links[:1]}}
    return {"since": iso(200), "ports": ports, "counted": counted}


def no_switch() -> dict:
    """The same evening without a managed switch."""
    return busy() | {"switches": []}


def crowded() -> dict:
    """A 48-port switch, all taken, and much that needs somebody."""
    names = ["receiving", "verifying", "done", "asking", "aside", "waiting"]
    laptops = []
    for number in range(1, 49):
        state = names[number % 6] if number % 5 else "receiving"
        reason = {
            "aside": because(Reason.DISK_WRITE_ERROR, detail=f"sda {number * 1000}"),
            "asking": because(Reason.NOT_CONFIRMED),
        }.get(state, {})
        laptops.append(
            laptop(
                number,
                state,
                tag=f"{500 + number:04d}",
                port=number,
                **reason,
                percent=number * 2 if state in ("receiving", "verifying") else None,
            )
        )
    ports = [
        {
            "if_index": number,
            "name": f"gi{number}",
            "admin": "up",
            "oper": "up",
            "speed_mbps": 1000,
            "duplex": "full",
            "role": "access",
            "macs": [mac(number)],
        }
        for number in range(1, 49)
    ]
    return busy() | {
        "laptops": laptops,
        "switches": [{"address": "10.20.0.2", "sys_name": "bench-switch", "sys_descr": "SG300-52", "ports": ports}],
    }


def evening(count: int, ports: int = 0, number: str = "DM-2026-{:04}") -> dict:
    """So many laptops in the first ports of a switch, or without one, in every state; a third have short numbers."""
    states = ("receiving", "verifying", "done", "asking", "aside", "waiting", "finishing", "ready")
    told = {
        "aside": because(Reason.DISK_WRITE_ERROR, detail="nvme0n1 1000204886016"),
        "asking": because(Reason.NOT_CONFIRMED),
    }
    laptops = [
        laptop(
            at,
            states[at % len(states)],
            tag=number.format(500 + at) if at % 3 else f"{500 + at:04}",
            port=at if ports else None,
            percent=at * 2 if states[at % len(states)] in ("receiving", "verifying") else None,
            **told.get(states[at % len(states)], {}),
        )
        for at in range(1, count + 1)
    ]
    plugged = {f"gi{at}": mac(at) for at in range(1, count + 1)}
    sockets = [
        {
            "if_index": at,
            "name": f"gi{at}",
            "admin": "up",
            "oper": "up" if f"gi{at}" in plugged else "down",
            "speed_mbps": 1000 if f"gi{at}" in plugged else None,
            "duplex": "full" if f"gi{at}" in plugged else None,
            "role": "access",
            "macs": [plugged[f"gi{at}"]] if f"gi{at}" in plugged else [],
        }
        for at in range(1, ports + 1)
    ]
    switch = {"address": "10.20.0.2", "sys_name": "bench-switch", "sys_descr": "SG300", "ports": sockets}
    return busy() | {"laptops": laptops, "switches": [switch] if ports else []}
