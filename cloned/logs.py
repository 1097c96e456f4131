"""The log: one line for each event, as text with key=value, as JSON, or as fields of systemd's journal.

Whatever a line is about stands in fields of its own: `laptop`, `port`, `session`, `reason` (given as `extra=` where a
line is written). One cause writes at most one line a second; how many were left out stands in the next.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from cloned.quoting import one_line_each, quoted

if TYPE_CHECKING:  # every command logs, and most of them know nothing of laptops
    from cloned.core.effect_types import Effect
    from cloned.core.events import Event
    from cloned.core.laptop import Laptop
    from cloned.core.workshop import Workshop

log = logging.getLogger(__name__)

LogFormat = Literal["auto", "text", "json", "journal"]
FIELDS = ("laptop", "port", "session", "reason")
JOURNAL = "/run/systemd/journal/socket"
PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Levels as syslog(3) numbers them."""
ONCE_IN = 1.0
CAUSES = 1000
"""Causes that are remembered; the one heard of longest ago goes first."""
LONGEST = 2000
"""Characters of a message in the journal or in JSON."""


def start(form: LogFormat, level: int) -> None:
    """Have everything logged that way from now on."""
    handler = _handler(form)
    handler.addFilter(Seldom())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiohttp.access", "asyncio", "scapy", "alembic", "fontTools", "fpdf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _handler(form: LogFormat) -> logging.Handler:
    if form == "journal" or (form == "auto" and under_journal()):
        try:
            return JournalHandler()
        except OSError:
            pass  # a container without a journal: standard error is what is left
    stream = logging.StreamHandler(sys.stderr)
    one_line_each(stream, "%(levelname)s %(name)s: %(message)s")
    stream.setFormatter(JsonLines() if form == "json" else KeyValues("%(levelname)s %(name)s: %(message)s"))
    return stream


def under_journal() -> bool:
    """Whether our standard error goes to systemd's journal (systemd.exec(5): JOURNAL_STREAM)."""
    told = os.environ.get("JOURNAL_STREAM", "")
    try:
        stat = os.fstat(2)
    except OSError:
        return False
    return told == f"{stat.st_dev}:{stat.st_ino}"


def fields(record: logging.LogRecord) -> dict[str, str]:
    """What a line is about."""
    found = ((name, getattr(record, name, None)) for name in FIELDS)
    return {name: str(value) for name, value in found if value not in (None, "")}


class KeyValues(logging.Formatter):
    """`LEVEL name: message laptop=1f2e3d4c reason=no-disk`: one line, whatever came from the wire."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, without anything that ends it or speaks to a terminal."""
        told = "".join(f" {name}={_word(value)}" for name, value in fields(record).items())
        return quoted(super().formatMessage(record), LONGEST) + told


def _word(value: str) -> str:
    safe = quoted(value, 100)
    return safe if re.fullmatch(r"[\w.:/@+-]+", safe) else json.dumps(safe, ensure_ascii=False)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """`{"at", "level", "logger", "message", …}`; a traceback as `trace`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        told = {"at": at, "level": record.levelname.lower(), "logger": record.name}
        told |= {"message": quoted(record.getMessage(), LONGEST), **fields(record)}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


class JournalHandler(logging.Handler):
    """Speaks the journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): fields stay fields."""

    def __init__(self, path: str = JOURNAL) -> None:
        super().__init__()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._sock.connect(path)
            self._sock.setblocking(False)
        except OSError:
            self._sock.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        """One datagram; one that the journal has no room for is lost, as the daemon must not wait for it."""
        message = quoted(record.getMessage(), LONGEST)
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        told = {"MESSAGE": message, "PRIORITY": str(PRIORITY.get(record.levelno, 6)), "SYSLOG_IDENTIFIER": "cloned"}
        told |= {"CLONED_LOGGER": record.name} | {f"CLONED_{key.upper()}": text for key, text in fields(record).items()}
        try:
            self._sock.send(b"".join(_field(name, value.encode()) for name, value in told.items()))
        except OSError:
            self.handleError(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._sock.close()
        super().close()


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


class Seldom(logging.Filter):
    """Lets one line of a cause through each second, and says in it how many were left out before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._causes: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written. A cause: who says it, the message without its values, and the laptop."""
        if record.levelno <= logging.DEBUG:
            return True
        cause = (record.name, record.levelno, record.msg, *fields(record).values())
        now = self._clock()
        at, left_out = self._causes.get(cause, (float("-inf"), 0))
        quiet = now - at < ONCE_IN
        self._causes[cause] = (at, left_out + 1) if quiet else (now, 0)
        self._causes.move_to_end(cause)
        if len(self._causes) > CAUSES:
            self._causes.popitem(last=False)
        if left_out and not quiet:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} more like it)", ()
        return not quiet


_LEVELS = {"aside": logging.WARNING, "gone": logging.WARNING}
"""By state."""


def tell_changes(before: Workshop, after: Workshop, event: Event, effects: Iterable[Effect]) -> None:
    """A line for each laptop that came into another state; for `Engine.followers`."""
    for ident, laptop in after.laptops.items():
        was = before.laptops.get(ident)
        if laptop is not was and (was is None or was.state is not laptop.state):
            log.log(_LEVELS.get(laptop.state, logging.INFO), "%s", _changed(laptop), extra=about(laptop))


def _changed(laptop: Laptop) -> str:
    why = laptop.history[-1].why if laptop.history else ""
    return f"laptop {laptop.tag or laptop.number} is {laptop.state}" + (f": {why}" if why else "")


def about(laptop: Laptop) -> dict[str, str]:
    """The fields of a line that is about this laptop."""
    reason = "" if laptop.reason is None else str(laptop.reason.value)
    return {"laptop": laptop.id, "port": laptop.link.port, "session": laptop.session or "", "reason": reason}
