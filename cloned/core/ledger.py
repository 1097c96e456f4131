"""The row a finished job leaves in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from cloned.core.disks import Disk
from cloned.core.hardware import Hardware
from cloned.core.ids import Identity
from cloned.core.laptop import Facts, Laptop, worded
from cloned.core.trial_result import trial_lines
from cloned.core.words import iso as iso  # rows are made of it: it is asked for here too
from cloned.core.workshop import Workshop
from cloned.saying import Phrase, parts

NOT_RECORDED: Mapping[type, Mapping[str, str]] = {
    Facts: {
        "identity": "its parts are",
        "boot_mac": "one of its macs",
        "speed_mbps": "its place at the switch, not itself",
        "half_duplex": "its place at the switch, not itself",
        "disks": "the one that was written is",
        "wants": "a wish of this boot",
        "dongles": "of its macs, where there are any: rows without keep the keys they are known by",
        "keys": "what its firmware trusts today",
        "clock": "how its clock stood this time",
    },
    Disk: {
        "path": "a name of this boot",
        "sector_size": "its model says",
        "eligible": "what we made of it",
        "why_not": "what we made of it",
        "asks": "what we made of it",
        "name": "made of serial and WWN",
    },
}
"""Facts that rows do not hold as they are, and why. Every other is in them by name, and inventory/rows.py keeps it."""


def _recorded(part: Identity | Facts | Disk) -> dict[str, object]:
    """Each of its fields, but those of `NOT_RECORDED`."""
    left_out = NOT_RECORDED.get(type(part), {})
    return {each.name: _plain(getattr(part, each.name)) for each in fields(part) if each.name not in left_out}


def _plain(value: object) -> object:
    if isinstance(value, Hardware):
        return value.data()
    return list(value) if isinstance(value, tuple) else value


def identified(laptop: Laptop) -> dict[str, object]:
    """What every row says of the laptop itself, whatever it tells of."""
    return {
        "laptop": laptop.id,
        **_recorded(laptop.identity),
        "tag": laptop.tag,
        **({"organisation": laptop.organisation} if laptop.organisation else {}),
        **({"dongles": list(laptop.facts.dongles)} if laptop.facts.dongles else {}),
    }


def condition(laptop: Laptop) -> dict[str, object]:
    """What triage, tests and people made of it: course, grade, needs and remarks; nothing where there are no rules."""
    found, tests = laptop.triage, trial_lines(laptop.trials)
    if not (laptop.grade or found.remarks or tests or laptop.notes):
        return {}
    remarks = [{"rule": each.rule, "say": each.say} for each in found.remarks]
    if laptop.given_grade:
        remarks.append({"rule": "grade", "say": laptop.given_why})
    remarks += [{"rule": "note", "say": each} for each in laptop.notes]
    told = {"course": str(found.course), "grade": laptop.grade, "needs": list(found.needs), "remarks": remarks}
    return {**told, **({"tests": tests} if tests else {})}


def why_fields(why: str) -> dict[str, object]:
    """Why something ended as it did, in English, and as code and values: a row is read in any language, years later."""
    return {"why": str(why), **({"told": parts(why)} if isinstance(why, Phrase) else {})}


def why_of(row: Mapping[str, object]) -> str:
    """The sentence of a row; of rows that have only the English words, those."""
    try:
        return Phrase.read(row.get("told") or str(row.get("why") or ""))
    except ValueError:
        return str(row.get("why") or "")


def with_row(workshop: Workshop, laptop: Laptop, now: float) -> Workshop:
    """The row of a laptop's job put by, to be recorded."""
    row = ledger_row(laptop, now)
    return replace(workshop, unrecorded={**workshop.unrecorded, f"{laptop.id}/{laptop.job.number}": row})


def ledger_row(laptop: Laptop, now: float) -> dict[str, object]:
    """Laptops, organisations and results only: nothing here says who borrows it. Sizes in bytes, times in seconds."""
    disk = laptop.target() or laptop.goal.onto
    return {
        **identified(laptop),
        "attempt": laptop.job.number,
        "session": laptop.session,
        "at": iso(now),
        "image": laptop.goal.image,
        "image_hash": laptop.job.image_hash or None,
        "verdict": str(laptop.job.verdict),
        "state": str(laptop.state),
        **why_fields(worded(laptop.reason, laptop.detail)),
        "rounds": laptop.job.rounds,
        **_recorded(laptop.facts),
        "disk": None if disk is None else _recorded(disk),
        **condition(laptop),
        "cleared": list(laptop.job.cleared),
        "discarded": laptop.job.discarded,
        "bytes": laptop.job.bytes,
        "seconds": {name: round(value, 3) for name, value in laptop.seconds},
        "steps": [{"name": name, "result": result, "detail": detail} for name, result, detail in laptop.job.steps],
    }
