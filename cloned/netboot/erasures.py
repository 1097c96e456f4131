"""What agents call about erasures: what their disks can do, how far each is, and a key pressed at the laptop."""

from __future__ import annotations

from aiohttp import web

from cloned.core.erase_events import DiskErased, DiskWritten, MediaTold
from cloned.core.erasing import offer
from cloned.core.events import Command
from cloned.core.laptop import Laptop, State
from cloned.core.second import KEYBOARD
from cloned.disk.erase import Technique
from cloned.disk.erase_machine import strictly_later
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium
from cloned.engine import Engine
from cloned.json_data import JsonObject
from cloned.wire import refuse

MOST_DISKS = 32


class ErasureCalls:
    """Routes below /agent/v1; each is called with the laptop that its token belongs to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def media(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """What the disks say of themselves."""
        told = body.get("media")
        if not isinstance(told, list):
            raise ValueError("media come as a list")
        media = tuple(Medium.from_json(each) for each in told[:MOST_DISKS])
        await self._engine.submit(MediaTold(laptop.id, media))
        return web.json_response({"ok": True})

    async def took_in(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """A disk's record: on disk in our journal before the answer. What is only further on is written down short."""
        record = DiskErasure.from_json(body.get("disk"))
        erasure = laptop.erasure
        if laptop.state is not State.ERASING or erasure is None or erasure.id != body.get("erasure"):
            return refuse(409, "this erasure is not wanted any more", "wait for the next order")
        old = erasure.find(record.medium.key)
        if old is None:
            return refuse(409, "this disk is not among those that are erased", "start the laptop again")
        if old != record and not strictly_later(old, record):
            same = old.phase is record.phase and old.over
            return web.json_response({"ok": True}) if same else refuse(409, "this cannot follow", "start it again")
        if _only_further(old, record):
            await self._engine.submit(
                DiskWritten(laptop.id, erasure.id, record.medium.key, record.offset, record.unreached)
            )
        elif old != record:
            await self._engine.submit(DiskErased(laptop.id, erasure.id, record))
        return web.json_response({"ok": True})

    async def confirm(self, request: web.Request, laptop: Laptop, body: JsonObject) -> web.StreamResponse:
        """A key was pressed on the laptop itself: it may confirm only itself, and only what it was offered."""
        offered, disks = offer(self._engine.workshop, laptop), body.get("disks")
        keys = [each["key"] for each in offered["disks"]] if offered else []
        if offered is None or disks != keys or body.get("level") != offered["level"]:
            return refuse(409, "this is not what was offered", "look at the screen again")
        await self._engine.command(
            Command(
                "erase",
                KEYBOARD,
                laptop.id,
                disks=tuple(keys),
                level=offered["level"],
                text="only" if offered["only"] else "",
            )
        )
        return web.json_response({"ok": True})


def _only_further(old: DiskErasure, record: DiskErasure) -> bool:
    """Whether it is the same overwrite, some gigabytes on."""
    same = old.technique is Technique.OVERWRITE and (old.phase, old.starts) == (record.phase, record.starts)
    return same and old.remembered == record.remembered and old.offset < record.offset < record.medium.size
