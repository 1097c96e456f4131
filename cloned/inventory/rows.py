"""What a ledger row may hold, and the key by which every receiver knows it again. Pure.

Only what is named here is stored or sent, so a field that somebody adds elsewhere (a borrower's
name, say) cannot slip into the ledger: laptops, organisations and results only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cloned.core.hardware import hardware
from cloned.core.row_types import Row, as_row
from cloned.core.tagged import is_tag
from cloned.errors import ClonedError
from cloned.json_data import JsonObject, as_float, as_int, as_list, as_object, as_objects
from cloned.saying import Phrase

TEXTS = {
    "laptop": 64,
    "session": 64,
    "at": 32,
    "image": 255,
    "image_hash": 128,
    "verdict": 16,
    "state": 16,
    "why": 500,
    "uuid": 64,
    "serial": 128,
    "vendor": 128,
    "product": 128,
    "tag": 64,
    "cpu": 128,
    "firmware": 16,
}
"""Text fields and how many characters are kept."""

DISK_FIGURES = ("hours", "worn", "bad")
"""What a disk may tell of itself: numbers, or None."""
CONDITION = ("course", "grade", "needs", "remarks", "tests")
"""What triage and tests found; rows of before 0.3 have none of it, and keep the keys they are known by."""
OTHERS = (
    "attempt",
    "macs",
    "disk",
    "discarded",
    "bytes",
    "rounds",
    "cleared",
    "seconds",
    "steps",
    "memory",
    "hardware",
    *CONDITION,
)
"""The fields that are no text; `clean` says what each is."""
DISK = ("serial", "wwn", "model", "smart", "transport", "size", *DISK_FIGURES)
STEP = ("name", "result", "detail")


@dataclass(frozen=True)
class LedgerRow:
    """One result, cleaned; `data` is what is stored, exported and sent."""

    laptop: str
    attempt: int
    data: Row
    dropped: tuple[str, ...] = ()
    """Names of fields that were given and not kept."""

    @property
    def key(self) -> str:
        """The idempotency key: the same for the same content, for ever."""
        return f"cl_{hashlib.sha256(canonical(self.data)).hexdigest()[:40]}"


def canonical(data: JsonObject) -> bytes:
    """JSON with sorted keys and no spaces: the bytes that are hashed."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def clean(given: JsonObject) -> LedgerRow:
    """The row as it is kept. Raises ClonedError where laptop or attempt is missing."""
    laptop, attempt = str(given.get("laptop") or ""), given.get("attempt")
    if not laptop or not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 0:
        raise ClonedError(
            "a result without laptop or attempt cannot be recorded", Phrase("given: {given}", given=sorted(given))
        )
    seconds = as_object(given.get("seconds") or {})
    data: dict[str, object] = {name: _text(given.get(name), size) for name, size in TEXTS.items()}
    data |= {
        "attempt": attempt,
        "tag": _tag(given.get("tag")),
        "macs": [_text(mac, 17) for mac in as_list(given.get("macs") or [])],
        "disk": _disk(as_object(given.get("disk") or {})),
        "discarded": bool(given.get("discarded")),
        "bytes": as_int(given.get("bytes") or 0),
        "memory": as_int(given.get("memory") or 0),
        "hardware": hardware(given.get("hardware")).data(),
        "rounds": as_int(given.get("rounds") or 0),
        "cleared": [_text(name, 80) for name in as_list(given.get("cleared") or [])],
        "seconds": {_text(name, 32): round(as_float(value), 1) for name, value in seconds.items()},
        "steps": [{name: _text(step.get(name), 300) for name in STEP} for step in as_objects(given.get("steps") or [])],
    }
    if given.get("organisation"):  # rows without one are known by what they hold, as before
        data |= {"organisation": _text(given["organisation"], 80)}
    data |= {name: _plain(given[name]) for name in CONDITION if given.get(name)}
    if given.get("dongles"):  # those of its macs that prove nothing
        data |= {"dongles": [_text(mac, 17) for mac in as_list(given["dongles"])[:16]]}
    if given.get("told"):  # rows of before have none, and keep the keys they are known by
        data |= {"told": _plain(given["told"])}
    if given.get("amended"):  # of a clone that was told again later
        data |= {"amended": _text(given["amended"], 32)}
    if given.get("lending") in ("lent", "back"):
        data |= {"lending": given["lending"]}
    if given.get("kind") == "erasure":  # other rows have no kind: what they are known by must stay as it was
        data |= {"kind": "erasure", "erasure": _plain(given.get("erasure") or {})}
    if given.get("kind") == "lending":
        data |= {"kind": "lending"}
    if given.get("kind") == "evening":
        data |= {"kind": "evening", "evening": _plain(given.get("evening") or {})}
    said = {name for name, value in given.items() if value}  # an empty one is not kept either, and nobody misses it
    return LedgerRow(str(data["laptop"]), attempt, as_row(data), tuple(sorted(said - set(data))))


def _plain(value: object, depth: int = 0) -> object:
    """Numbers, texts, and lists and objects of them; nothing endless."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < 12:
        return {_text(name, 40): _plain(each, depth + 1) for name, each in list(value.items())[:60]}
    if isinstance(value, list | tuple) and depth < 12:
        return [_plain(each, depth + 1) for each in value[:250]]
    return _text(value, 500)


def _text(value: object, size: int) -> str:
    """One line of at most `size` characters that any database and any encoding takes."""
    text = "" if value is None else str(value).encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else " " for char in text[: size * 2]).strip()[:size]


def _tag(value: object) -> str:
    """The number on the sticker. Text without a digit is no number (a name, perhaps) and is not kept."""
    text = _text(value, 64)
    return text if is_tag(text) else ""


def _disk(disk: JsonObject) -> dict[str, object]:
    texts = {name: _text(disk.get(name), 128) for name in DISK}
    figures = {name: value if isinstance(value := disk.get(name), int) else None for name in DISK_FIGURES}
    return {**texts, **figures, "size": as_int(disk.get("size") or 0)}
