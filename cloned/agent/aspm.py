"""A Realtek card that receives a sixth of what its link carries: the kernel's power saving on its PCIe link (ASPM).

Known from r8169: with L1 on, the card loses what comes while its link wakes up, and 160 to 200 of 1000 Mbit/s are
left. The cable has no part in it. Source: the kernel's Documentation/ABI/testing/sysfs-bus-pci, `link/l1_aspm`.
"""

from __future__ import annotations

import logging
import os

from cloned.agent import sysfs

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How long a card must be that slow while nothing but the network holds the laptop up."""
_SLOW = 100.0, 260.0
"""Mbit/s between which it is this and no 100 Mb/s link, nor a server with other things to do."""


class AspmCure:
    """Looks at one card while pieces come, and turns L1 off once where it is what holds them up."""

    def __init__(self, interface: str, base: str = "/sys/class/net") -> None:
        self._card = f"{base}/{interface}"
        self._switch = f"{self._card}/device/link/l1_aspm"
        driver = os.path.basename(os.path.realpath(f"{self._card}/device/driver"))
        self._suspect = bool(interface) and driver == "r8169" and sysfs.text(self._switch) == "1"
        self._since: tuple[float, int] | None = None

    def look(self, now: float, held_by: str) -> dict[str, object]:
        """What to report, once: `{"slow_card": {"mbit", "off"}}` where L1 was the cause, and whether it is off now.

        `now`: monotonic; `held_by`: what holds the laptop up at this moment.
        """
        if not self._suspect:
            return {}
        received = sysfs.number(f"{self._card}/statistics/rx_bytes")
        if held_by != "network" or self._since is None:
            self._since = (now, received) if held_by == "network" else None
            return {}
        seconds, count = now - self._since[0], received - self._since[1]
        if seconds < SECONDS:
            return {}
        self._since = now, received
        mbit = count * 8 / seconds / 1e6
        slow = _SLOW[0] < mbit < _SLOW[1] and sysfs.number(f"{self._card}/speed") >= 1000
        return {"slow_card": {"mbit": round(mbit), "off": self._turn_off(mbit)}} if slow else {}

    def _turn_off(self, mbit: float) -> bool:
        self._suspect = False
        try:
            with open(self._switch, "w", encoding="ascii") as file:
                file.write("0")
        except OSError as error:
            log.warning("the card receives %.0f Mbit/s and ASPM cannot be turned off: %s", mbit, error.strerror)
            return False
        log.warning("the card received %.0f Mbit/s of 1000 (r8169): ASPM is off now, the cable is not to blame", mbit)
        return True
