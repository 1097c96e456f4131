"""What a person does in a lab where triage holds a laptop back: reads why, and confirms it all the same."""

from __future__ import annotations

from collections.abc import Callable

from cloned import client
from cloned.errors import ClonedError
from cloned.lab.daemon import DaemonProcess
from cloned.lab.watching import LaptopSeen

HELD = ("triage-asks", "for-parts", "give-back")


class TriageOverruler:
    """Confirms each laptop that triage holds back, once, with its only disk."""

    def __init__(self, image: str, daemon: DaemonProcess, say: Callable[[str], None]) -> None:
        self._image, self._daemon, self._say = image, daemon, say
        self._given: set[int] = set()

    async def look(self, sights: list[LaptopSeen]) -> None:
        """One look at every laptop."""
        for sight in sights:
            if sight.data is not None and sight.number not in self._given and sight.data.get("reason") in HELD:
                self._given.add(sight.number)
                self._say(f"laptop {sight.number} is held back: {sight.data['why']}; confirmed all the same")
                await self._confirm(sight.data["id"])

    async def _confirm(self, ident: str) -> None:
        body = {"do": "confirm", "target": ident, "image": self._image}
        try:
            await client.call(self._daemon.settings.runtime, "POST", "/api/v1/commands", body)
        except ClonedError as error:
            self._say(f"{error}")
