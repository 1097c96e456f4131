"""What the disk says of its own health, through smartctl(8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloned.agent.tools import ToolError, run

_REALLOCATED = (5, 196, 197)
"""ATA attributes: reallocated sectors, reallocation events, sectors waiting for it."""
_TIMEOUT = 20

Health = dict[str, Any]


def health(path: str) -> Health:
    """`{"verdict": "ok|failing|unknown", "reallocated": sectors or None}` of the disk at `path`."""
    command = ["smartctl", "--json", "--health", "--attributes", path]
    try:
        return understand(json.loads(run(command, timeout=_TIMEOUT, accept=range(256)) or "{}"))
    except (ToolError, ValueError):
        return {"verdict": "unknown", "reallocated": None}


def understand(said: Mapping[str, Any]) -> Health:
    """The same from smartctl's JSON, for ATA and NVMe disks."""
    passed = said.get("smart_status", {}).get("passed")
    verdict = "unknown" if passed is None else "ok" if passed else "failing"
    table = said.get("ata_smart_attributes", {}).get("table", [])
    counts = {row.get("id"): row.get("raw", {}).get("value") for row in table}
    found = [counts[number] for number in _REALLOCATED if isinstance(counts.get(number), int)]
    nvme = said.get("nvme_smart_health_information_log", {}).get("media_errors")
    reallocated = max(found) if found else nvme if isinstance(nvme, int) else None
    return {"verdict": verdict, "reallocated": reallocated}


def compare(before: Health, after: Health) -> Health:
    """The health after a clone, with how many sectors were reallocated meanwhile (None if it does not say)."""
    old, new = before["reallocated"], after["reallocated"]
    return {**after, "before": old, "during": new - old if old is not None and new is not None else None}
