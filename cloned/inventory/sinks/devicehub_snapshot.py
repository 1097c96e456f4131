"""The snapshot that eReuse DeviceHub is sent, and what it will call the laptop because of it. Pure.

One shape, that of its own workbench-script, so that a laptop is the same device whoever took the snapshot. Its
identity is a hash over maker, model, chassis, serial and the MAC of the first network card [007] [008].
"""

from __future__ import annotations

import hashlib
import json
import uuid

from cloned.inventory.sinks.record import ResultRecord

NAMESPACE = uuid.UUID("5c1d6c0e-9f5e-4b0c-8a53-0f6d1b9a77e4")
NOBODY = "A7FFC6"
"""The device that every laptop without readable data becomes: the hash of nothing [013]."""
CHASSIS = "Laptop"


def snapshot(record: ResultRecord, key: str, mac: str) -> dict[str, object]:
    """The body. Its uuid is made of the key, so that the same result is always the same snapshot [006]."""
    return {
        "type": "Snapshot",
        "uuid": str(uuid.uuid5(NAMESPACE, key)),
        "timestamp": _timestamp(str(record.get("at") or "")),
        "software": "workbench-script",
        "version": "0.0.1",
        "operator_id": "",
        "data": {"inxi": json.dumps(_inxi(record, mac)), "dmidecode": "", "smartctl": "[]"},
        "erase": [],
    }


def identity(record: ResultRecord, mac: str) -> str:
    """The whole id; its first six hex digits are what people see."""
    text = f"{record.get('vendor') or ''}{record.get('product') or ''}{CHASSIS}{record['serial']}{mac}"
    return f"ereuse24:{hashlib.sha3_256(text.encode()).hexdigest()}"


def short(whole: str) -> str:
    """`D9B7CB`."""
    return whole.removeprefix("ereuse24:")[:6].upper()


def _timestamp(at: str) -> str:
    """`2026-11-29 01:45:00.000000`."""
    return f"{at[:10]} {at[11:19]}.000000"


def _inxi(record: ResultRecord, mac: str) -> list[dict[str, object]]:
    """As `inxi --output json` writes it: the part before the last # is order and depth."""
    machine = {
        "000#0#1#Type": CHASSIS,
        "001#1#1#System": str(record.get("vendor") or ""),
        "002#1#2#product": str(record.get("product") or ""),
        "003#0#3#v": "",
        "004#0#3#serial": record["serial"],
        "005#1#1#Chassis": "",
        "006#0#2#type": "10",
    }
    network = [
        {"001#1#1#Device": "Ethernet", "003#1#2#driver": "", "005#0#2#port": "0"},
        {"000#1#2#IF": "eth0", "001#0#3#state": "up", "002#0#3#mac": mac},
    ]
    parts: list[dict[str, object]] = [{"000#1#0#Machine": [machine]}]
    return [*parts, {"005#1#0#Network": network}] if mac else parts
