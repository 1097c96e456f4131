"""`cloned erase selftest DEV`: all that erasing does, on a drive that somebody can spare, and a recording of it."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable

from cloned.agent import disks, erase_ask
from cloned.agent.erase_driver import carry_out
from cloned.agent.erase_hands import RealHands
from cloned.agent.failures import AgentError
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel, offers
from cloned.disk.erase_record import DiskErasure
from cloned.saying import Phrase


def _spare(device: str) -> None:
    """AgentError where it is part of a disk, or where anything on this machine uses it: mounted, swap, RAID, LVM …"""
    name = os.path.basename(device)
    if os.path.exists(f"/sys/class/block/{name}/partition"):
        raise AgentError("wrong-disk", Phrase("{device} is a part of a disk, not the whole of it", device=device))
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
        busy = name in disks.in_use()
    except OSError as error:
        busy = error.errno == errno.EBUSY
        if not busy:
            raise AgentError("no-disk", Phrase("{path}: {error}", path=device, error=error.strerror)) from error
    if busy:
        raise AgentError("wrong-disk", Phrase("{device} is in use by this machine", device=device))


def run(device: str, level: str, tell: Callable[[str], None]) -> dict[str, object]:
    """Erase `device`, read it back; what it is, what it offers, and each thing that it answered with its time."""
    device = os.path.realpath(device)  # people who are careful name a disk by its link in /dev/disk/by-id
    (medium,) = erase_ask.every(device)
    _spare(device)
    medium = erase_ask.asked(medium)
    steps: list[dict[str, object]] = []
    begun = time.monotonic()

    def save(record: DiskErasure) -> None:
        steps.append({"after": round(time.monotonic() - begun, 2), "phase": str(record.phase), "offset": record.offset})
        tell(f"{time.monotonic() - begun:8.1f} s  {record.phase}  {record.said()}")

    hands = RealHands(device, {}, False, lambda: False, lambda record, done: None)
    record = carry_out(machine.plan(medium, EraseLevel(level), secrets.token_hex(16), "all"), hands, save)
    tell(str(record.said()) or f"erased ({record.reached}) and read back: {record.check.found}")
    shown = record.to_json()
    shown["remembered"] = len(record.remembered)
    told = [{"method": str(each.technique), "possible": each.possible, "why": each.why} for each in offers(medium)]
    return {"medium": medium.to_json(), "offers": told, "steps": steps, "record": shown}
