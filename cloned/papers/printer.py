"""CUPS, by the programs that come with it: papers are handed over, and what still waits at a printer is asked for."""

from __future__ import annotations

import re

from cloned.processes import run

SECONDS = 30.0
"""For the print service to answer."""


def hand_over(printer: str, title: str, data: bytes) -> str:
    """Give a PDF to CUPS, which keeps it where the printer is away; returns its name there. ClonedError."""
    said = run(["lp", "-d", printer, "-t", title], stdin=data, timeout=SECONDS).stdout.decode(errors="replace")
    found = re.search(r"\S+-\d+(?=\s*\()", said)
    return found[0] if found else ""


def waiting(printer: str) -> frozenset[str]:
    """Names of the jobs that are not through at a printer. ClonedError where CUPS does not answer."""
    said = run(["lpstat", "-W", "not-completed", "-o", printer], timeout=SECONDS).stdout.decode(errors="replace")
    return frozenset(line.split()[0] for line in said.splitlines() if line.strip())
