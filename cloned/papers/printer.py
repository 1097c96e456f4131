"""CUPS, by the programs that come with it: papers are handed over, and what still waits at a printer is asked for."""

from __future__ import annotations

import re

from cloned.errors import ClonedError
from cloned.languages import to_translate
from cloned.processes import run

SECONDS = 30.0
"""For the print service to answer."""

ALERTS = {
    "media-empty": to_translate("it has no paper"),
    "media-needed": to_translate("it has no paper"),
    "media-jam": to_translate("paper is stuck in it"),
    "cover-open": to_translate("it is open"),
    "door-open": to_translate("it is open"),
    "toner-empty": to_translate("its ink or toner is used up"),
    "marker-supply-empty": to_translate("its ink or toner is used up"),
    "paused": to_translate("it is paused"),
    "offline": to_translate("it is switched off, or not connected"),
    "connecting-to-device": to_translate("it is switched off, or not connected"),
}
"""Keywords of printer-state-reasons (RFC 8011, §5.4.12), the more telling first, and what they mean."""


def hand_over(printer: str, title: str, data: bytes) -> str:
    """Give a PDF to CUPS, which keeps it where the printer is away; returns its name there. ClonedError."""
    said = run(["lp", "-d", printer, "-t", title], stdin=data, timeout=SECONDS).stdout.decode(errors="replace")
    found = re.search(r"\S+-\d+(?=\s*\()", said)
    return found[0] if found else ""


def waiting(printer: str) -> frozenset[str]:
    """Names of the jobs that are not through at a printer. ClonedError where CUPS does not answer."""
    said = run(["lpstat", "-W", "not-completed", "-o", printer], timeout=SECONDS).stdout.decode(errors="replace")
    return frozenset(line.split()[0] for line in said.splitlines() if line.strip())


def alert(printer: str) -> str:
    """What keeps a printer from printing, where CUPS knows; else that somebody should look. Never raises."""
    try:
        said = run(["lpstat", "-l", "-p", printer], timeout=SECONDS).stdout.decode(errors="replace").lower()
    except ClonedError:
        said = ""
    return next(
        (words for keyword, words in ALERTS.items() if keyword in said), to_translate("somebody should look at it")
    )
