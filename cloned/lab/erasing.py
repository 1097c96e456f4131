"""What a person does in a lab with `--erase`: confirms each laptop's erasure by command, naming every disk."""

from __future__ import annotations

from collections.abc import Callable

from cloned import client
from cloned.core.shown_data import LaptopData
from cloned.errors import ClonedError
from cloned.lab.daemon import DaemonProcess
from cloned.lab.watching import LaptopSeen

MODES = ("always", "first", "only")
LEVEL = "clear"
"""What every disk of QEMU's can have."""


class EraseConfirmer:
    """Gives each laptop's erasure once its disks were looked at, and the clone that follows it."""

    def __init__(
        self, mode: str, erasers: frozenset[int], image: str, daemon: DaemonProcess, say: Callable[[str], None]
    ) -> None:
        """`mode`: as `LabOptions.erase`; `erasers`: the laptops that are erased."""
        self._only, self._erasers, self._image = mode.startswith("only"), erasers, image
        self._daemon, self._say = daemon, say
        self._given: set[int] = set()

    async def look(self, sights: list[LaptopSeen]) -> None:
        """One look at every laptop."""
        for sight in sights:
            due = sight.number in self._erasers - self._given
            if due and sight.data is not None and self._waits(sight.data):
                await self._give(sight.number, sight.data)

    @staticmethod
    def _waits(data: LaptopData) -> bool:
        known = bool(data.get("media")) and data.get("state") in ("asking", "waiting")
        return known and data.get("erasure") is None

    async def _give(self, number: int, data: LaptopData) -> None:
        media = [each for each in data["media"] if each["built_in"]]
        serials = [each["serial"] for each in media]
        try:
            only = {"text": "only"} if self._only else {}
            await self._command("erase", data, disks=serials, level=LEVEL, **only)
            self._given.add(number)
            self._say(f"laptop {number}: its erasure is confirmed, {', '.join(serials)}")
            if not self._only:
                await self._command("confirm", data, image=self._image, disk=self._first(data))
        except ClonedError as error:
            self._say(f"laptop {number}: {error}")
            self._given.add(number)

    @staticmethod
    def _first(data: LaptopData) -> str:
        """The disk to clone to: the lab's serials of first disks begin with DSK."""
        return next(str(each["key"]) for each in data["disks"] if str(each["serial"]).startswith("DSK"))

    async def _command(self, do: str, data: LaptopData, **words: object) -> None:
        body = {"do": do, "target": data["id"], **words}
        await client.call(self._daemon.settings.runtime, "POST", "/api/v1/commands", body)
