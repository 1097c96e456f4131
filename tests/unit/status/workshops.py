"""Workshops as the page sees them: a busy evening, an empty one, one without a managed switch."""

from __future__ import annotations

from cloned.core.reasons import Reason
from cloned.saying import Phrase
from cloned.switch.ports import SLOW_HINT
from tests.unit.status.laptops import GB, USED, because, disk, iso, laptop, mac


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
