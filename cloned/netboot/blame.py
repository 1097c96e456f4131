"""How often somebody took something away, and whether that is believed any more. Pure."""

from __future__ import annotations

from collections import OrderedDict


class Blame:
    """How often each MAC took something out of the pool in the last `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    def allows(self, mac: str, now: float) -> bool:
        """Count one more, if there may be one."""
        recent = [at for at in self._times.get(mac, ()) if at + self._seconds > now]
        if len(recent) < self._most:
            recent.append(now)
        else:
            return False
        self._times[mac] = recent
        self._times.move_to_end(mac)
        if len(self._times) > 1024:
            self._times.popitem(last=False)
        return True
