"""What people ask for, whether on the page, over the API or on the command line: one way for all of them.

Commands of the workshop go to the engine; what another room carries out (`obey` is None in the table) goes there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from cloned.core.commands import VERBS
from cloned.core.events import Command
from cloned.core.laptop import Laptop
from cloned.core.laptop_commands import EVERYWHERE
from cloned.core.refusals import Refusal
from cloned.core.scanning import find_scanned
from cloned.engine import Engine
from cloned.errors import MissingError, RefusedError
from cloned.saying import Phrase

Room = Callable[[Command], Awaitable[Mapping[str, object]]]
"""Carries a command out that is not the workshop's; returns what whoever asked is told."""
TAKEN_AWAY = ("results", "lines", "entries")
"""What a room says that it took away of a laptop that is off the screen."""


class Control:
    """Has commands obeyed. `rooms`: who carries out which verb of those that are not the engine's, or does its part
    after the engine did."""

    def __init__(self, engine: Engine, rooms: Mapping[str, Room] | None = None) -> None:
        self._engine = engine
        self._rooms = dict(rooms or {})

    def find(self, name: str) -> Laptop:
        """A laptop by whatever people call it or a scanner typed; RefusedError if none or several fit."""
        found = find_scanned(self._engine.workshop, name)
        if isinstance(found, Refusal):
            raise RefusedError(found)
        return found

    async def _both(self, asked: Command, room: Room) -> Mapping[str, object]:
        """The engine's part, then the room's, which is told the laptop's id; one off the screen is the room's alone."""
        found = find_scanned(self._engine.workshop, asked.target)
        if isinstance(found, Refusal):
            if asked.text != EVERYWHERE:
                raise RefusedError(found)
            told = await room(asked)
            if not any(told.get(each) for each in TAKEN_AWAY):
                raise RefusedError(found)  # a typing error must not be taken for done
            return told
        told = await self._engine.command(asked)
        return {**told, **await room(replace(asked, target=str(found.id)))}

    async def command(self, asked: Command) -> Mapping[str, object]:
        """Have a command obeyed; returns `{"ok": true, …}`. Raises RefusedError with the reason why not."""
        verb = VERBS.get(asked.do)
        room = None if verb is None else self._rooms.get(verb.name)
        if verb is None or (verb.obey is not None and room is None):
            return {"ok": True, **await self._engine.command(asked)}
        if verb.obey is not None and room is not None:
            return {"ok": True, **await self._both(asked, room)}
        if room is None:
            raise MissingError(
                Phrase("nobody carries out {name} here", name=verb.name), "this is a fault of the program: report it"
            )
        return {"ok": True, **await room(asked)}
