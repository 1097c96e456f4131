"""What a look found, and how all looks are run: side by side, each with an end in time."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from cloned.code_words import LOOK_WORDS
from cloned.config import Config
from cloned.core.answer_data import CheckLine
from cloned.errors import ClonedError, Exit, MissingError
from cloned.languages import Language, to_translate
from cloned.saying import Phrase, spoken

log = logging.getLogger(__name__)

LONGEST_SECONDS = 12.0
"""Seconds that one look may take."""
WHOLE_SECONDS = 14.5
"""Seconds after the start of the program at which the last look is given up: with its end it stays under fifteen."""
LEAST_SECONDS = 6.0
"""What a look has in any case, on a machine that takes for ever to start a program."""


class LookState(StrEnum):
    """How well it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, what to do next, and how long it took."""

    name: str
    state: LookState
    said: str
    next: str = ""
    seconds: float = 0.0
    missing: bool = False
    """Whether a part that is needed is missing or unreachable (exit 3), not merely wrong (exit 1)."""

    def to_json(self) -> CheckLine:
        """As `cloned check --json` gives it."""
        return {
            "name": self.name,
            "state": str(self.state),
            "said": self.said,
            "next": self.next,
            "seconds": round(self.seconds, 3),
        }


Said = tuple[LookState, str, str]
"""State, what was found, and the next step."""


def ok(said: str) -> Said:
    """It is well."""
    return LookState.OK, said, ""


def warned(said: str, then: str) -> Said:
    """It works, and somebody should look at it."""
    return LookState.WARNING, said, then


def skipped(said: str, then: str = "") -> Said:
    """It was not looked at, and why."""
    return LookState.SKIPPED, said, then


@dataclass(frozen=True)
class Look:
    """One look: a function that yields what it finds, and raises ClonedError for what is wrong.

    It changes nothing, and goes on after a finding: everything is told at once.
    """

    name: str
    find: Callable[[Config], Iterable[Said | ClonedError]]


def _findings(look: Look, config: Config) -> list[Finding]:
    """All that one look finds; an error that ends it is a finding too."""
    found: list[Finding] = []
    try:
        for said in look.find(config):
            found.append(_finding(look.name, said))
    except ClonedError as error:
        found.append(_finding(look.name, error))
    except OSError as error:
        found.append(_closed(look.name, error))
    except Exception as error:  # the boundary: what one look meets must not keep the others from being told
        log.exception("the look at %s failed", look.name)
        fault = Phrase("a fault in this look: {name}", name=type(error).__name__)
        found.append(Finding(look.name, LookState.WRONG, fault, "this is a fault of the program: report it"))
    return found


def _closed(name: str, error: OSError) -> Finding:
    """A file that could not be looked at, by its name."""
    said = spoken(error) if error.filename is None else Phrase("{path}: {error}", path=error.filename, error=error)
    hint = (
        "use sudo, or the systemd service" if isinstance(error, PermissionError) else "check its rights and its place"
    )
    return Finding(name, LookState.WRONG, said, hint)


def _finding(name: str, said: Said | ClonedError) -> Finding:
    if isinstance(said, ClonedError):
        return Finding(name, LookState.WRONG, said.message, said.hint, missing=isinstance(said, MissingError))
    return Finding(name, *said)


async def examine(looks: Sequence[Look], config: Config, longest: float = LONGEST_SECONDS) -> list[Finding]:
    """Run all looks at once, in threads; one that does not end in `longest` seconds is told, and left behind.

    Nobody waits for its thread either, at the end of the program.
    """

    async def one(look: Look) -> list[Finding]:
        began = time.monotonic()
        try:
            found = await asyncio.wait_for(_in_thread(look, config), longest)
        except TimeoutError:
            words = Phrase("no end after {longest} s", longest=f"{longest:.0f}")
            found = [Finding(look.name, LookState.WRONG, words, "see what holds it up", missing=True)]
        took = time.monotonic() - began
        return [replace(each, seconds=took) for each in found]

    return [finding for part in await asyncio.gather(*map(one, looks)) for finding in part]


def left_seconds() -> float:
    """What a program of its own may give each look, by how long ago it was started.

    One that was started longer ago than all may take does other things too: nobody waits for it since then.
    """
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - started()
    return max(LEAST_SECONDS, min(LONGEST_SECONDS, WHOLE_SECONDS - age)) if age < WHOLE_SECONDS else LONGEST_SECONDS


def started() -> float:
    """When this program was, in seconds since the machine was (proc_pid_stat(5): starttime)."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _in_thread(look: Look, config: Config) -> asyncio.Future[list[Finding]]:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Finding]] = loop.create_future()

    def settle(told: list[Finding]) -> None:
        if not found.done():
            found.set_result(told)

    def work() -> None:
        told = _findings(look, config)
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(settle, told)

    threading.Thread(target=work, name=look.name, daemon=True).start()
    return found


def exit_of(findings: Iterable[Finding], *, strict: bool = False) -> Exit:
    """3 where a part is missing or unreachable, 1 where anything else is wrong (`strict`: or a warning), else 0."""
    found = list(findings)
    if any(each.state is LookState.WRONG and each.missing for each in found):
        return Exit.MISSING
    bad = {LookState.WRONG, LookState.WARNING} if strict else {LookState.WRONG}
    return Exit.FAILED if any(each.state in bad for each in found) else Exit.OK


STATES = {
    LookState.OK: to_translate("ok"),
    LookState.WARNING: to_translate("warning"),
    LookState.WRONG: to_translate("wrong"),
    LookState.SKIPPED: to_translate("skipped"),
}
"""What people call them."""


def lines(findings: Iterable[Finding], words: Language) -> Iterator[str]:
    """For people: one line each, the next step below it."""
    states = {state: words.gettext(text) for state, text in STATES.items()}
    width = max(map(len, states.values()))
    for each in findings:
        name = words.gettext(LOOK_WORDS.get(each.name, each.name))
        yield f"{states[each.state]:<{width}} {name}: {words.say(each.said)}"
        if each.next:
            yield f"{'':<{width}} {words.say(each.next)}"
