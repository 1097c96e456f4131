"""Times as people here say and read them: the server's time zone. Inside, a time is seconds since 1970."""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from cloned.errors import UsageError
from cloned.saying import Phrase


def moment(given: object, clock: Callable[[], float] = time.time) -> float:
    """A time as seconds since 1970: a number, ISO 8601, or HH:MM of the coming 24 hours; 0 if none is given.

    UsageError for anything else. A time without a zone is the server's.
    """
    if given in (None, ""):
        return 0.0
    if isinstance(given, int | float) and 0 <= given < 1e11:
        return float(given)
    try:
        return _read(str(given).strip(), clock())
    except (ValueError, OverflowError, OSError) as error:
        hint = Phrase("give HH:MM, or a date and time such as 2026-11-22T21:00")
        raise UsageError(Phrase("{given} is not a time", given=repr(given)), hint) from error


def _read(text: str, now: float) -> float:
    if re.fullmatch(r"\d{1,2}:\d{2}", text) is None:
        return datetime.fromisoformat(text).timestamp()
    hour, minute = map(int, text.split(":"))
    today = datetime.fromtimestamp(now).astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)
    at = today.timestamp()
    return at if at > now else at + 86400


def shown(at: str | float | None, seconds: bool = False) -> str:
    """An ISO time or seconds since 1970 as `19:04` (or `19:04:05`), with its date where that is not today's."""
    if not at:
        return ""
    told = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    local = told.astimezone()
    if local.date() != datetime.now().astimezone().date():
        return local.strftime("%Y-%m-%d %H:%M")
    return local.strftime("%H:%M:%S" if seconds else "%H:%M")


_TIME_ERROR = 5


def synchronised() -> bool:
    """Whether the kernel counts the clock as synchronised (adjtimex(2), STA_UNSYNC clear)."""
    buffer = ctypes.create_string_buffer(256)  # struct timex with modes = 0: nothing is changed
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.adjtimex(buffer)) != _TIME_ERROR
