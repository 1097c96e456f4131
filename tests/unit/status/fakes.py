"""A workshop and a ledger that say what a test wants them to."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from typing import Any

from cloned.core.brief import Brief
from cloned.core.events import Command
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.core.ledger import why_fields
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.shown import Snapshot
from cloned.core.triage import TriageExplained, explain
from cloned.core.triage_shipped import SHIPPED
from cloned.errors import RefusedError
from cloned.saying import Phrase
from cloned.status.schema import adapter
from tests.unit.status.laptops import iso
from tests.unit.status.workshops import busy


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


def _told_again(made: Any, given: Any) -> Any:
    """What pydantic made of `given`, with its sentences put back in their places."""
    if isinstance(given, Phrase):
        return given
    if not isinstance(given, dict | list | tuple):
        return made
    if isinstance(given, dict):
        if isinstance(made, dict):
            return {key: _told_again(value, given.get(key)) for key, value in made.items()}
        known = {name: (getattr(made, name), given[name]) for name in _names(type(made)) if name in given}
        again = {name: _told_again(*each) for name, each in known.items()}
        other = {name: value for name, value in again.items() if value is not known[name][0]}
        return replace(made, **other) if other else made
    if isinstance(made, list | tuple):
        return type(made)(_told_again(*each) for each in zip(made, given, strict=True))
    return made


@lru_cache(64)
def _as_shown(state: bytes) -> Snapshot:
    """A workshop whose sentences still know what they were made of: pydantic makes plain texts of them.

    Made once of each state: most tests look at the same busy evening, again and again.
    """
    given = pickle.loads(state)
    made: Snapshot = _told_again(adapter().validate_python(given), given)
    return made


class FakeWorkshop:
    """An engine that keeps what it was told; the page is what is tested here."""

    def __init__(self, snapshot: dict | None = None) -> None:
        self.state = snapshot or busy()
        self.commands: list[Command] = []
        self.error: Exception | None = None

    def snapshot(self) -> Snapshot:
        """The workshop as it is now."""
        return _as_shown(pickle.dumps(self.state))

    def brief(self) -> Brief:
        seen = self.snapshot()
        return Brief(
            states=Counter(str(each.state) for each in seen.laptops),
            places=seen.capacity.places,
            taken=seen.capacity.taken,
            sessions=seen.sessions,
            switches=seen.switches,
            warnings=len(seen.warnings),
        )

    async def command(self, command):
        if self.error:
            raise self.error
        self.commands.append(command)
        return {"ok": True, "done": command.do}

    def find(self, name: str) -> str:
        for each in self.state["laptops"]:
            if name in (each["id"], each["tag"] or None):
                return each["id"]
        raise RefusedError(Refusal(Refused.NO_SUCH_LAPTOP, {"name": name}))

    def triage(self, ident: str) -> TriageExplained:
        laptop = Laptop(LaptopId(ident), 1, Facts(Identity()), State.ASKING, 0.0, 0.0)
        return explain(SHIPPED, laptop, 1795000000.0)


class FakeRecords:
    """A ledger with two results and a sink in trouble."""

    def __init__(self, trouble: bool = True) -> None:
        self.retried: list[str | None] = []
        self.trouble = trouble

    async def totals(self) -> dict:
        return {"rows": 214, "verdicts": {"verified": 209, "differs": 5}, "done_today": 11}

    async def rows(self, *, laptop=None, limit=None, before=None, erasures=False) -> list[dict]:
        row = {
            "laptop": laptop or "00000001",
            "attempt": 1,
            "revision": 1,
            "at": iso(2000),
            "verdict": "verified",
            "state": "done",
            "image": "school-2025",
            "why": "",
        }
        failed = why_fields(Phrase.of(Reason.DISK_WRITE_ERROR, {"detail": "sda 7"}))
        last = row | {"attempt": 2, "at": iso(4), "state": "aside", "verdict": "none"} | failed
        found = [] if erasures else [row, last]
        older = [each for each in found if before is None or (each["at"], each["laptop"], each["attempt"]) < before]
        return older[-limit:] if limit else older

    async def sinks(self) -> list[dict]:
        sink = {
            "sink": "snipe-it",
            "state": "failing",
            "waiting": 12,
            "sent": 190,
            "refused": 0,
            "reason": Phrase("it cannot be reached: {error}", error=Phrase("Connection refused")),
            "tries": 9,
            "due": 1_795_000_000.0,
            "oldest_seconds": 40.0,
            "dead": [],
            "past": "newest",
        }
        return [sink] if self.trouble else [sink | {"state": "idle", "waiting": 0, "reason": "", "tries": 0}]
