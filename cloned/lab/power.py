"""Who is powered on when. Emulated laptops two at a time, the slowest firmware first. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloned.lab.fault_texts import Late
from cloned.lab.laptops import Firmware, LabIdentity, LaptopKind
from cloned.lab.watching import LaptopSeen

AT_ONCE = 2
"""Virtual laptops that boot at the same time: each keeps a processor busy."""
_SLOWEST = (Firmware.SECUREBOOT, Firmware.UEFI, Firmware.BIOS)
_HEAD_START_SECONDS = 12.0
"""Seconds that UEFI needs more than BIOS to get to the agent, emulated: so much later BIOS is powered on."""


class PowerPlan:
    """Says which laptops to power on now."""

    def __init__(self, identities: Sequence[LabIdentity], kind: LaptopKind, late: Mapping[int, Late]) -> None:
        self._kind = kind
        self._late = late
        slowest_first = sorted(identities, key=lambda each: _SLOWEST.index(each.firmware))
        self._waiting = list(slowest_first if kind is LaptopKind.VM else identities)
        self._on: list[int] = []
        self._slow_since: float | None = None
        self._session_since: float | None = None

    @property
    def done(self) -> bool:
        """Whether everybody has been powered on."""
        return not self._waiting

    def is_on(self, number: int) -> bool:
        """Whether laptop `number` has been powered on."""
        return number in self._on

    def now(self, sights: Sequence[LaptopSeen], clock: float) -> list[int]:
        """Numbers of the laptops whose turn it is; they count as powered on from now."""
        if self._session_since is None and any(sight.receiving for sight in sights):
            self._session_since = clock
        due = [each for each in self._waiting if self._due(each, sights, clock)]
        chosen: list[int] = []
        for identity in due:
            if self._kind is LaptopKind.VM and self._booting(sights) >= AT_ONCE:
                break
            if not self._waits_for_slower(identity, clock):
                self._switch_on(identity, clock)
                chosen.append(identity.number)
        return chosen

    def _switch_on(self, identity: LabIdentity, clock: float) -> None:
        self._waiting.remove(identity)
        self._on.append(identity.number)
        if identity.firmware is not Firmware.BIOS and self._slow_since is None:
            self._slow_since = clock

    def _due(self, identity: LabIdentity, sights: Sequence[LaptopSeen], clock: float) -> bool:
        late = self._late.get(identity.number)
        if late is None:
            return True
        return self._session_since is not None and clock - self._session_since >= late.seconds

    def _waits_for_slower(self, identity: LabIdentity, clock: float) -> bool:
        if self._kind is LaptopKind.THIN or identity.firmware is not Firmware.BIOS or self._slow_since is None:
            return False
        return clock - self._slow_since < _HEAD_START_SECONDS

    def _booting(self, sights: Sequence[LaptopSeen]) -> int:
        return sum(1 for number in self._on if not sights[number - 1].spoke)
