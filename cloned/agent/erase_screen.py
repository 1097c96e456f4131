"""What an erasure looks like on the laptop's own screen: disk by disk, and what a key would begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lines(report: Mapping[str, Any]) -> list[str]:
    """One paragraph for each disk that is being erased."""
    disks = report.get("disks") or []
    found: list[str] = []
    for number, disk in enumerate(disks, 1):
        done = f"{float(disk.get('done') or 0):4.0%}"
        found += ["", f"Disk {number} of {len(disks)}: {disk.get('name')}", f"  {done}  {disk.get('words')}"]
        if disk.get("technique"):
            found.append(f"        {disk['technique']}")
    return found


def offer(asked: Mapping[str, Any] | None) -> list[str]:
    """What pressing E would begin: method, level and minutes of each disk are said before."""
    if not asked:
        return []
    found = ["", f"Press  E  to erase this laptop ({str(asked.get('level')).capitalize()}): all of its disks."]
    for disk in asked.get("disks", []):
        size = int(disk.get("size") or 0) / 1e9
        name = " ".join(str(disk.get(key)) for key in ("model", "serial") if disk.get(key))
        minutes = max(1, round(float(disk.get("seconds") or 0) / 60))
        found.append(f"  {name}, {size:.0f} GB: {disk.get('words')}, about {minutes} min")
    return [*found, "Everything on them is then lost for good."]
