"""Text that came from outside, made fit for one line of a log or of the page: the one place that does it.

Whoever is on the wire chooses names, serials and reasons: a line feed in one would forge a line of the log, an escape
sequence would speak to the terminal that shows it.
"""

from __future__ import annotations

import logging

from cloned.saying import Phrase

_LINE = 8192
"""Characters of a line of the log."""
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str, most: int = 200) -> str:
    """`text` on one line, at most `most` characters; what does not print is shown as `\\n` or `\\x1b`.

    Quoting twice changes nothing. Of a sentence that fits, what is quoted are its values.
    """
    if isinstance(text, Phrase) and len(whole := text.changed(lambda value: quoted(value, most))) <= most:
        return whole
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[:most])
    return shown if max(len(shown), len(text)) <= most else f"{shown[: most - 1]}…"


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class OneLine(logging.Formatter):
    """A formatter whose message is one line, whatever came from the wire; only a traceback of ours goes below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, without anything that ends it or speaks to a terminal."""
        return quoted(super().formatMessage(record), _LINE)


def one_line_each(handler: logging.Handler, form: str) -> logging.Handler:
    """`handler` with that formatter, and without the tracebacks of requests that are no HTTP."""
    handler.setFormatter(OneLine(form))
    handler.addFilter(_without_traceback)
    return handler


def _without_traceback(record: logging.LogRecord) -> bool:
    """aiohttp tells of bytes that are no HTTP as if they were a fault of ours: one line of it is enough."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name == "aiohttp.server" and type(error).__module__ == "aiohttp.http_exceptions":
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "%s: %s", ("a request that is no HTTP", quoted(str(error), 120))
    return True
