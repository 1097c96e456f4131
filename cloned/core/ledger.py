"""The row a finished job leaves in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cloned.core.laptop import Laptop, said
from cloned.core.trial_result import trial_lines


def iso(at: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def condition(laptop: Laptop) -> dict[str, Any]:
    """What triage, tests and people made of it: course, grade, needs and remarks; nothing where there are no rules."""
    found, tests = laptop.triage, trial_lines(laptop.trials)
    if not (laptop.grade or found.remarks or tests):
        return {}
    remarks = [{"rule": each.rule, "say": each.say} for each in found.remarks]
    if laptop.given_grade:
        remarks.append({"rule": "grade", "say": laptop.given_why})
    told = {"course": str(found.course), "grade": laptop.grade, "needs": list(found.needs), "remarks": remarks}
    return {**told, **({"tests": tests} if tests else {})}


def ledger_row(laptop: Laptop, now: float) -> dict[str, Any]:
    """Laptops, organisations and results only: nothing here says who borrows it. Sizes in bytes, times in seconds."""
    disk = laptop.target() or laptop.goal.onto
    return {
        "laptop": laptop.id,
        "attempt": laptop.job.number,
        "session": laptop.session,
        "at": iso(now),
        "image": laptop.goal.image,
        "image_hash": laptop.job.image_hash or None,
        "verdict": str(laptop.job.verdict),
        "state": str(laptop.state),
        "why": said(laptop.reason, laptop.detail),
        "rounds": laptop.job.rounds,
        "uuid": laptop.identity.uuid,
        "serial": laptop.identity.serial,
        "vendor": laptop.identity.vendor,
        "product": laptop.identity.product,
        "macs": list(laptop.identity.macs),
        "tag": laptop.tag,
        **({"organisation": laptop.organisation} if laptop.organisation else {}),
        "disk": None
        if disk is None
        else {
            "serial": disk.serial,
            "wwn": disk.wwn,
            "model": disk.model,
            "size": disk.size,
            "smart": disk.smart,
            "transport": disk.transport,
            "hours": disk.hours,
            "worn": disk.worn,
            "bad": disk.bad,
        },
        "cpu": laptop.facts.cpu,
        "memory": laptop.facts.memory,
        "firmware": laptop.facts.firmware,
        "hardware": laptop.facts.hardware.data(),
        **condition(laptop),
        "cleared": list(laptop.job.cleared),
        "discarded": laptop.job.discarded,
        "bytes": laptop.job.bytes,
        "seconds": {name: round(value, 3) for name, value in laptop.seconds},
        "steps": [{"name": name, "result": result, "detail": detail} for name, result, detail in laptop.job.steps],
    }
