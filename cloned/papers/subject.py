"""Whom a paper is about: one laptop with what it is and what became of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import quote

from cloned.core.erasure import shown
from cloned.core.hardware import Hardware, hardware
from cloned.core.laptop import Laptop
from cloned.core.ledger import condition, iso
from cloned.json_data import JsonObject, as_list, as_object, as_objects


@dataclass(frozen=True)
class Storage:
    """A disk that stays in the laptop; size in bytes."""

    model: str = ""
    serial: str = ""
    kind: str = ""
    """`nvme`, `sata`, `mmc`, …"""
    size: int = 0
    smart: str = "unknown"
    """`ok`, `failing` or `unknown`."""
    cloned: bool = False
    """Whether this is the one that was written."""
    hours: int | None = None
    worn: int | None = None
    """Percent of its life that is used up, as it says."""
    bad: int | None = None
    """Sectors or blocks that it had to give up."""


@dataclass(frozen=True)
class ErasedSubject:
    """What an erasure of all of a laptop's disks came to."""

    erased: bool
    level: str = ""
    """clear or purge."""
    techniques: tuple[str, ...] = ()
    """In words, each once."""
    at: str = ""


@dataclass(frozen=True)
class Subject:
    """What papers say of one laptop. No person is in it."""

    id: str
    number: int
    tag: str = ""
    vendor: str = ""
    product: str = ""
    serial: str = ""
    firmware: str = ""
    cpu: str = ""
    memory: int = 0
    hardware: Hardware = field(default_factory=Hardware)
    disks: tuple[Storage, ...] = ()
    image: str = ""
    image_hash: str = ""
    verdict: str = "none"
    state: str = ""
    at: str = ""
    """When the result was entered, ISO 8601; empty while there is none."""
    rounds: int = 0
    discarded: bool = False
    steps: tuple[tuple[str, str], ...] = ()
    """Finishing steps: name, and done, skipped or failed."""
    erasure: ErasedSubject | None = None
    """Its newest erasure that came to an end; None where there was none."""
    organisation: str = ""
    """Which one lends it out; empty where none was named."""
    grade: str = ""
    """A to D; empty where nothing was judged."""
    needs: tuple[str, ...] = ()
    """What has to be fetched for it."""
    remarks: tuple[str, ...] = ()
    """What triage found, in words."""
    tests: tuple[tuple[str, str, str], ...] = ()
    """Tests of its parts: name, result, why."""

    @property
    def verified(self) -> bool:
        """Whether all that was written was read back and was right."""
        return self.verdict == "verified"

    @property
    def name(self) -> str:
        """Vendor and product, the vendor once."""
        double = self.product.lower().startswith(self.vendor.lower())
        return self.product if self.vendor and double else f"{self.vendor} {self.product}".strip()


@dataclass(frozen=True)
class PrintingSite:
    """Who prints: the workshop's name, and the address under which its page is found."""

    name: str
    url: str

    def page_of(self, laptop: Subject) -> str:
        """Address of a laptop's page: by tag, as long as it has one."""
        return f"{self.url.rstrip('/')}/laptops/{quote(laptop.tag or laptop.id, safe='')}"


def of_laptop(laptop: Laptop, at: str = "") -> Subject:
    """One laptop as the workshop knows it; `at`: when its result was entered."""
    written = laptop.target()
    return subject(
        {
            "id": laptop.id,
            "number": laptop.number,
            "tag": laptop.tag,
            "organisation": laptop.organisation,
            **{name: getattr(laptop.identity, name) for name in ("vendor", "product", "serial")},
            **{name: getattr(laptop.facts, name) for name in ("firmware", "cpu", "memory")},
            "image": laptop.goal.image,
            "image_hash": laptop.job.image_hash,
            "hardware": laptop.facts.hardware.data(),
            "verdict": str(laptop.job.verdict),
            "state": str(laptop.state),
            "at": at,
            "rounds": laptop.job.rounds,
            "discarded": laptop.job.discarded,
            "disks": [asdict(disk) for disk in laptop.facts.disks],
            "disk": None if written is None else asdict(written),
            "steps": [{"name": name, "result": result} for name, result, _ in laptop.job.steps],
            "erasure": _ended(laptop),
            **condition(laptop),
        }
    )


def _ended(laptop: Laptop) -> dict[str, object] | None:
    """Its erasure as a ledger row has it, once it is through."""
    done = laptop.erasure
    return None if done is None or not done.over else {**shown(done), "ended": iso(done.ended)}


def subject(data: JsonObject) -> Subject:
    """One laptop from its snapshot, its ledger row, or both put together: what is missing was not told."""
    written = as_object(data.get("disk") or {})
    told = as_objects(data.get("disks") or ([written] if written else []))
    disks = [each for each in told if _stays(each)]
    return Subject(
        id=_text(data, "id") or _text(data, "laptop"),
        number=_count(data, "number") or 0,
        **{name: _text(data, name) for name in _TEXTS},
        memory=_count(data, "memory") or 0,
        hardware=hardware(data.get("hardware")),
        disks=tuple(_storage(each, _same_disk(each, written)) for each in disks),
        rounds=_count(data, "rounds") or 0,
        discarded=data.get("discarded") is True,
        steps=tuple((_text(each, "name"), _text(each, "result")) for each in as_objects(data.get("steps") or ())),
        erasure=_erased(data.get("erasure"), _text(data, "at")),
        needs=tuple(str(each) for each in as_list(data.get("needs") or ())),
        tests=tuple(_test(each) for each in as_objects(data.get("tests") or ())),
        remarks=tuple(say for each in as_objects(data.get("remarks") or ()) if (say := _text(each, "say"))),
    )


def _test(told: JsonObject) -> tuple[str, str, str]:
    return _text(told, "name"), _text(told, "result"), _text(told, "why")


def _erased(told: object, at: str) -> ErasedSubject | None:
    if not isinstance(told, Mapping) or told.get("result") not in ("erased", "not-erased"):
        return None
    disks = [each for each in told.get("disks") or () if isinstance(each, Mapping)]
    techniques = tuple(dict.fromkeys(filter(None, (_text(each, "technique") for each in disks))))
    return ErasedSubject(told["result"] == "erased", _text(told, "level"), techniques, _text(told, "ended") or at)


_TEXTS = (
    "tag", "vendor", "product", "serial", "firmware", "cpu", "image", "image_hash", "verdict", "state", "at", "grade",
    "organisation",
)  # fmt: skip


def _stays(disk: JsonObject) -> bool:
    """Whether a disk is part of the laptop: sticks and cards are not."""
    return _text(disk, "transport") not in ("usb", "mmc-card") and bool(_count(disk, "size"))


def _same_disk(disk: JsonObject, written: JsonObject) -> bool:
    keys = [key for key in ("wwn", "serial", "path") if disk.get(key) and written.get(key)]
    return bool(keys) and disk[keys[0]] == written[keys[0]]


def _storage(disk: JsonObject, cloned: bool) -> Storage:
    return Storage(
        model=_text(disk, "model"),
        serial=_text(disk, "serial"),
        kind=_text(disk, "transport"),
        size=_count(disk, "size") or 0,
        smart=_text(disk, "smart") or "unknown",
        cloned=cloned,
        hours=_count(disk, "hours"),
        worn=_count(disk, "worn"),
        bad=_count(disk, "bad"),
    )


def _text(data: JsonObject, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _count(data: JsonObject, key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
