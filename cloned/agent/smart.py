"""What the disk says of its own health, through smartctl(8)."""

from __future__ import annotations

import json
import re
from typing import TypedDict

from cloned.agent.tools import ToolError, run
from cloned.json_data import JsonObject, as_object, as_objects

_REALLOCATED = (5, 197)
"""ATA attributes: reallocated sectors, sectors waiting for it. Not 196: events are no sectors, and makers pack them."""
_COUNT_BITS = 0xFFFFFFFF
TIMEOUT_SECONDS = 20
"""Seconds for what a disk says: a dying one may be slow, and it is what must be known of it."""


class Health(TypedDict):
    """`verdict` is ok, failing or unknown; each figure is None where the disk does not tell it."""

    verdict: str
    reallocated: int | None
    """Sectors."""
    hours: int | None
    worn: int | None
    """Percent."""


class ComparedHealth(Health):
    """The health after a clone."""

    before: int | None
    during: int | None
    """Sectors that were reallocated meanwhile."""


def health(path: str) -> Health:
    """Of the disk at `path`."""
    command = ["smartctl", "--json", "--health", "--attributes", path]
    try:
        return understand(json.loads(run(command, timeout=TIMEOUT_SECONDS, accept=range(256)) or "{}"))
    except (ToolError, ValueError):
        return understand({})


def understand(said: JsonObject) -> Health:
    """The same from smartctl's JSON, for ATA and NVMe disks."""
    passed = _part(said, "smart_status").get("passed")
    verdict = "unknown" if passed is None else "ok" if passed else "failing"
    table = as_objects(_part(said, "ata_smart_attributes").get("table", []))
    counts = {row.get("id"): _count(_part(row, "raw")) for row in table}
    found = [count for number in _REALLOCATED if (count := counts.get(number)) is not None]
    nvme = _part(said, "nvme_smart_health_information_log").get("media_errors")
    reallocated = max(found) if found else nvme if isinstance(nvme, int) else None
    return {"verdict": verdict, "reallocated": reallocated, "hours": _hours(said), "worn": _worn(said)}


def _part(said: JsonObject, name: str) -> JsonObject:
    return as_object(said.get(name, {}))


def _hours(said: JsonObject) -> int | None:
    """Hours it was switched on."""
    hours = _part(said, "power_on_time").get("hours")
    return hours if isinstance(hours, int) and 0 <= hours < 1_000_000 else None


def _worn(said: JsonObject) -> int | None:
    """Percent of its life that a solid state disk says is used up: NVMe's own field, or smartctl's reading of ATA's."""
    nvme = _part(said, "nvme_smart_health_information_log").get("percentage_used")
    worn = nvme if isinstance(nvme, int) else _part(said, "endurance_used").get("current_percent")
    return worn if isinstance(worn, int) and 0 <= worn <= 255 else None


def _count(raw: JsonObject) -> int | None:
    """The number itself: the 48 bits of a raw value may hold others beside it, which smartctl's text tells apart."""
    leading, value = re.match(r"\d+", str(raw.get("string", "")).strip()), raw.get("value")
    count = (int(leading[0]) if leading is not None else value if isinstance(value, int) else _COUNT_BITS) & _COUNT_BITS
    return count if count != _COUNT_BITS else None  # nothing but ones is what some fill a value with that they lack


def compare(before: Health, after: Health) -> ComparedHealth:
    """The health after a clone, with how many sectors were reallocated meanwhile (None if it does not say)."""
    old, new = before["reallocated"], after["reallocated"]
    return {**after, "before": old, "during": new - old if old is not None and new is not None else None}
