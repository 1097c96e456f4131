"""What an erasure looks like on the laptop's own screen: disk by disk, and what a key would begin."""

from __future__ import annotations

from collections.abc import Mapping

from cloned.agent.spoken import say
from cloned.json_data import as_float, as_objects, as_text
from cloned.order_types import ErasureOffer


def lines(report: Mapping[str, object]) -> list[str]:
    """One paragraph for each disk that is being erased."""
    disks = as_objects(report.get("disks") or [])
    found: list[str] = []
    for number, disk in enumerate(disks, 1):
        done = f"{as_float(disk.get('done') or 0):4.0%}"
        title = say("Disk {number} of {count}: {name}", number=number, count=len(disks), name=disk.get("name"))
        found += ["", title, f"  {done}  {say(as_text(disk.get('words') or ''))}"]
        if disk.get("technique"):
            found.append(f"        {say(as_text(disk['technique']))}")
    return found


def offer(asked: ErasureOffer | None) -> list[str]:
    """What pressing E would begin: method, level and minutes of each disk are said before."""
    if not asked:
        return []
    level = str(asked.get("level")).capitalize()
    found = ["", say("Press  E  to erase this laptop ({level}): all of its disks.", level=level)]
    for disk in asked.get("disks", []):
        size = int(disk.get("size") or 0) / 1e9
        name = " ".join(filter(None, (disk.get("model"), disk.get("serial"))))
        minutes = max(1, round(float(disk.get("seconds") or 0) / 60))
        known = {"disk": name, "size": f"{size:.0f}", "how": say(disk.get("words") or ""), "minutes": minutes}
        found.append(say("  {disk}, {size} GB: {how}, about {minutes} min", **known))
    return [*found, say("Everything on them is then lost for good.")]
