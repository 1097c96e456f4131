"""What people ask for, whether on the page, over the API or on the command line, as events of the engine.

One place for all three, so that they have the same words and the same answers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args, get_type_hints

from cloned.core.events import Command
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import Laptop, State
from cloned.core.workshop import Workshop
from cloned.engine import Engine
from cloned.errors import UsageError

DOINGS: tuple[str, ...] = get_args(get_type_hints(Command)["do"])
"""What a Command can do; `confirm` comes on top."""

_ON_LAPTOP = frozenset({"retry", "exclude", "move", "tag", "label", "forget", "lent", "pause", "continue", "capture"})


class Control:
    """Obeys commands given as plain data."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, name: str) -> Laptop:
        """A laptop by id, number, tag, serial or MAC; UsageError if none or several fit."""
        laptops = self._engine.workshop.laptops
        if LaptopId(name) in laptops:
            return laptops[LaptopId(name)]
        wanted = name.lower()
        found = [laptop for laptop in laptops.values() if wanted in _names(laptop)]
        if len(found) != 1:
            what = f"{len(found)} laptops are" if found else "no laptop is"
            raise UsageError(f"{what} called {name}", "name it by its number, tag, serial or MAC: see `cloned laptops`")
        return found[0]

    async def command(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Obey `{"do": …, …}`; returns `{"ok": true, …}`. Raises UsageError with the reason why not.

        Keys: `target` (a laptop, session or batch), `image`, `disk`, `text` (tag, label, model), `vendor`,
        `until` (HH:MM, ISO 8601, or seconds since 1970), `by` (who asks).
        """
        do, by = _text(asked, "do"), _text(asked, "by") or "somebody"
        if do == "confirm":
            laptop = self.find(_text(asked, "target"))
            after = await self._engine.confirm(laptop.id, _text(asked, "disk"), _text(asked, "image"), by)
            if after.state is State.ASIDE and after.reason is not None:
                raise UsageError(after.history[-1].why, after.reason.next_step)
            return {"ok": True, "laptop": after.id, "state": str(after.state)}
        if do not in DOINGS:
            raise UsageError(f"there is no command {do or '(none)'}", "there are: " + ", ".join(("confirm", *DOINGS)))
        state = await self._engine.command(self._understood(do, by, asked))
        return {"ok": True, **(_opened(state) if do == "start" and asked.get("guests") else {})}

    def _understood(self, do: str, by: str, asked: Mapping[str, Any]) -> Command:
        target = _text(asked, "target")
        if do in _ON_LAPTOP and target:
            target = self.find(target).id
        elif do == "cancel" and target:
            target = self._session(target)
        return Command(
            do,  # type: ignore[arg-type]
            by,
            target,
            _text(asked, "image"),
            _text(asked, "disk" if do == "capture" else "text"),
            _text(asked, "vendor") or "*",
            until(asked.get("until"), self._engine.clock),
            _count(asked, "guests"),
        )

    def _session(self, name: str) -> SessionId:
        """A session by id, number or image."""
        for session in self._engine.workshop.sessions.values():
            if session.open and name in (session.id, str(session.number), session.image):
                return session.id
        raise UsageError(f"there is no open session {name}", "see `cloned sessions`")


def _opened(workshop: Workshop) -> dict[str, Any]:
    """The session for guests that was opened just now; UsageError if there was no port for it."""
    session = max(workshop.sessions.values(), key=lambda each: each.number)
    if session.kind != "guests":
        raise UsageError("all ports of classic sessions were used within the last 24 hours", "wait until some are free")
    return {"session": session.id, "port": session.port}


def until(given: Any, clock: Callable[[], float] = time.time) -> float:
    """A time as seconds since 1970: a number, ISO 8601, or HH:MM of the coming 24 hours (server's zone); 0 if none."""
    if given in (None, ""):
        return 0.0
    if isinstance(given, int | float) and 0 <= given < 1e11:
        return float(given)
    try:
        return _moment(str(given), clock())
    except ValueError as error:
        raise UsageError(
            f"{given!r} is not a time", "give HH:MM, or a date and time such as 2026-11-22T21:00"
        ) from error


def _moment(text: str, now: float) -> float:
    if re.fullmatch(r"\d{1,2}:\d{2}", text) is None:
        return datetime.fromisoformat(text).timestamp()
    hour, minute = map(int, text.split(":"))
    today = datetime.fromtimestamp(now).astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)
    at = today.timestamp()
    return at if at > now else at + 86400


def _names(laptop: Laptop) -> set[str]:
    """Everything a person might call a laptop, in lower case."""
    names = {str(laptop.number), laptop.tag.lower(), laptop.identity.serial.lower(), *laptop.identity.macs}
    return names - {""}


def _count(asked: Mapping[str, Any], key: str) -> int:
    value = asked.get(key, 0)
    if not isinstance(value, int):
        raise UsageError(f"{key} must be a number")
    return value


def _text(asked: Mapping[str, Any], key: str) -> str:
    value = asked.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise UsageError(f"{key} must be a text")
    return str(value).strip()[:200]
