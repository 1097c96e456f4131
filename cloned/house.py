"""What only the house knows and pages show: rules, settings in force, what a check finds, and what is printed."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, SecretStr

from cloned.config import Config
from cloned.config_file import line_of
from cloned.core.answer_data import CheckedData, PrintedPaper, RuleMeant
from cloned.core.catalogue import ImageRule, choose
from cloned.engine import Engine
from cloned.images.scrub import Proof
from cloned.images.underway import UnderWay, under_way
from cloned.json_data import JsonObject
from cloned.rounds import Rounds

HIDDEN = "•••"
"""What a secret is shown as."""
FRESH_SECONDS = 20.0
"""Seconds in which a check is not made again, whoever asks."""


@dataclass
class House:
    """The house, as pages see it. `config`: as it is in force; `file`: where it came from, if it came from one."""

    config: Callable[[], Config]
    file: Path | None
    engine: Engine
    printed: Callable[[], Sequence[PrintedPaper]] = tuple
    rounds: Rounds | None = None
    """The daemon's own check, where it makes one."""
    images: Path | None = None
    """Where the image store is."""
    proofs: Callable[[], Mapping[str, Proof]] = dict
    """What the last whole reading of each image gave."""
    _found: CheckedData | None = None
    _looked: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def rules(self) -> list[RuleMeant]:
        """Which image for which laptop, and whom each rule means now."""
        workshop = self.engine.workshop
        rules = workshop.settings.rules
        chosen: dict[int, list[str]] = {}
        for laptop in workshop.laptops.values():
            machine = workshop.machine(laptop)
            number = next((at for at, rule in enumerate(rules, 1) if rule.matches(machine)), None)
            if number is None and choose((), workshop.settings.default_image, machine) is not None:
                number = 0
            if number is not None:
                chosen.setdefault(number, []).append(laptop.id)
        found: list[RuleMeant] = [
            {"number": at, "image": rule.image, "when": _when(rule), "matches": chosen.get(at, [])}
            for at, rule in enumerate(rules, 1)
        ]
        if workshop.settings.default_image:
            image = workshop.settings.default_image
            found.append({"number": None, "image": image, "when": "", "matches": chosen.get(0, [])})
        return found

    def settings(self) -> dict[str, list[dict[str, str]]]:
        """Every key in force, by section, with the line it comes from; a default has none."""
        config, text = self.config(), self._text()
        found: dict[str, list[dict[str, str]]] = {}
        for name in type(config).model_fields:
            rows = [
                {"key": key, "value": value, "source": self._source(text, place) if given else ""}
                for key, value, place, given in _flat(getattr(config, name), (name,))
            ]
            found[name] = rows
        return {name: rows for name, rows in found.items() if rows}

    def _text(self) -> str:
        try:
            return self.file.read_text(encoding="utf-8") if self.file is not None else ""
        except (OSError, UnicodeDecodeError):
            return ""

    def _source(self, text: str, place: tuple[int | str, ...]) -> str:
        return f"{self.file}:{line_of(text, place)}" if text else str(self.file or "")

    async def look(self, again: bool = False) -> CheckedData:
        """What `cloned check` finds: as it was found last, or anew where nobody has looked or somebody asks."""
        if self.rounds is not None:
            if again or not self.rounds.at:
                await self.rounds.now()
            return self.rounds.to_json()
        async with self._looking:
            stale = time.monotonic() - self._looked > FRESH_SECONDS
            if self._found is None or (again and stale):
                from cloned.check import LOOKS, examine  # they import what the daemon itself need not

                found = await examine(LOOKS, self.config())
                self._looked = time.monotonic()
                at = datetime.now(UTC).isoformat(timespec="seconds")
                self._found = {"at": at, "findings": [each.to_json() for each in found]}
            return self._found

    async def imports(self) -> list[UnderWay]:
        """Imports that run, by whatever process, and that were stopped."""
        return [] if self.images is None else await asyncio.to_thread(under_way, self.images)

    def proven(self) -> dict[str, JsonObject]:
        """By image: `{"at", "damaged", "why"}` of its last whole reading since the start."""
        return {name: proof.to_json() for name, proof in self.proofs().items()}

    async def prints(self) -> Sequence[PrintedPaper]:
        """What is printed by itself, newest first."""
        return self.printed()


def _when(rule: ImageRule) -> str:
    """What a rule looks at, as the configuration says it."""
    words = [
        f"{name} = {value}"
        for name in ("vendor", "product", "firmware", "label")
        if (value := getattr(rule, name)) != "*"
    ]
    sizes = (("min_disk_gb", rule.min_disk), ("max_disk_gb", rule.max_disk), ("min_memory_gb", rule.min_memory))
    words += [f"{name} = {value / 10**9:g}" for name, value in sizes if value]
    return ", ".join(words) or "*"


def _flat(value: object, place: tuple[int | str, ...]) -> Iterator[tuple[str, str, tuple[int | str, ...], bool]]:
    """(key, value in words, its place, whether somebody gave it) of every leaf below a section."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            given = name in value.model_fields_set
            for key, words, where, inner in _flat(getattr(value, name), (*place, name)):
                yield key, words, where, given and inner
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for at, each in enumerate(value):
            yield from _flat(each, (*place, at))
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(each, (*place, name))
    elif value != () or len(place) > 1:
        yield _key(place), _words(value, whole=place[0] != "sink"), place, True


_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<login>[^/?#]*@)?(?P<host>[^/?#@]*)(?P<path>[^?#]*)(?P<query>[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)


def _key(place: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place[1:])
    return text.lstrip(".")


def _words(value: object, *, whole: bool = True) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, tuple | list):
        return ", ".join(_words(each, whole=whole) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else _without_keys(str(value), whole)


def _without_keys(text: str, whole: bool) -> str:
    """An address as anybody may read it: a password or a key in it is hidden; not `whole`: its path too, as a webhook's
    may be one."""
    found = _URL.fullmatch(text)
    if found is None:
        return text
    login, path, query = found["login"] or "", found["path"], found["query"]
    shown = path if whole or path in ("", "/") else f"/{HIDDEN}"
    return f"{found['scheme']}{HIDDEN + '@' if login else ''}{found['host']}{shown}{'?' + HIDDEN if query else ''}"
