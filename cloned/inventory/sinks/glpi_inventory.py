"""The native inventory document of GLPI (glpi-project/inventory_format), for a result. Pure.

Only what is sure: what GLPI has by other ways is overwritten by it. The asset tag of the BIOS stays out, for it would
replace the inventory number [093].
"""

from __future__ import annotations

import re
import uuid

from cloned import __version__
from cloned.core.row_types import DiskRow
from cloned.inventory.sinks.record import ResultRecord

AGENT = uuid.UUID("7b9a3f0e-5a0c-4b1e-9d52-3c5d6c1f0a11")
"""Our own name space: the agent's id of a laptop is always the same."""


def document(record: ResultRecord) -> dict[str, object]:
    """What `POST /front/inventory.php` is given. The schema is strict: unknown keys are refused [107]."""
    content: dict[str, object] = {
        "versionclient": f"cloned_v{__version__}",
        "bios": _kept(smanufacturer=record.get("vendor"), smodel=record.get("product"), ssn=record["serial"]),
        "hardware": _kept(
            name=record.get("tag") or record["laptop"], uuid=_uuid(record.get("uuid")), chassis_type="Notebook"
        ),
        "networks": [
            {"description": f"eth{number}", "mac": mac, "type": "ethernet", "virtualdev": False}
            for number, mac in enumerate(record.get("macs") or [])
            if re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", str(mac))
        ],
        "storages": _storages(record.get("disk") or {}),
    }
    return {
        "action": "inventory",
        "deviceid": f"cloned-{record['laptop']}",
        "itemtype": "Computer",
        "content": {key: value for key, value in content.items() if value},
    }


def agent_id(laptop: str) -> str:
    """What the header `GLPI-Agent-ID` says."""
    return str(uuid.uuid5(AGENT, laptop))


def _storages(disk: DiskRow) -> list[dict[str, object]]:
    told: dict[str, object] = _kept(model=disk.get("model"), serial=disk.get("serial"), type="disk")
    if disk.get("size"):
        told["disksize"] = int(disk["size"]) >> 20
    return [{"name": "disk", **told}] if disk.get("model") or disk.get("serial") else []


def _uuid(value: object) -> str:
    text = str(value or "").lower()
    return text if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) else ""


def _kept(**given: object) -> dict[str, object]:
    return {key: str(value) for key, value in given.items() if value}
