"""The workshop as plain data: what page, API, command line and metrics show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cloned.core import erasure
from cloned.core.estimate import Estimate, estimate
from cloned.core.ids import LaptopId
from cloned.core.laptop import STAGE, Difference, Laptop, said
from cloned.core.ledger import iso
from cloned.core.schedule import Wait, plan
from cloned.core.session import Session
from cloned.core.words import Clock, utc
from cloned.core.workshop import Workshop
from cloned.disk.media import Medium

STAGES = ("boot", "wait", "receive", "verify", "finish")


def snapshot(
    workshop: Workshop, progress: Mapping[LaptopId, Mapping[str, Any]], now: float, clock: Clock = utc
) -> dict[str, Any]:
    """Everything there is to see; laptops in order of arrival, times in ISO 8601 UTC, in sentences by `clock`."""
    schedule = plan(workshop, now)
    waits, expected = schedule.waits, estimate(workshop, progress, schedule, now)
    laptops = sorted(workshop.laptops.values(), key=lambda laptop: laptop.number)
    return {
        "now": iso(now),
        "capacity": {
            "places": workshop.places,
            "taken": len(workshop.active()),
            "why": workshop.places_why,
            "limit": _limit(waits),
            "paused": workshop.paused,
        },
        "left_seconds": _rounded(expected.all),
        "laptops": [
            _laptop(each, waits.get(each.id), progress.get(each.id, {}), expected.laptops.get(each.id), now, clock)
            for each in laptops
        ],
        "sessions": [_session(each, workshop, expected, now) for each in workshop.sessions.values()],
        "images": [asdict(image) for image in workshop.images.values()],
        "confirmations": [
            {"laptop": laptop.id, "image": given.image, "disk": given.disk, "by": given.by, "until": iso(given.until)}
            for laptop in laptops
            if (given := laptop.confirmation) is not None
        ],
        "batches": [
            {
                "id": each.id,
                "vendor": each.vendor,
                "product": each.product,
                "image": each.image,
                "by": each.by,
                "until": iso(each.until),
            }
            for each in workshop.batches.values()
        ],
        "holds": [{"image": image, "until": iso(until)} for image, until in workshop.holds.items()],
    }


def _limit(waits: Mapping[LaptopId, Wait]) -> str | None:
    """Which limit keeps somebody waiting: switch-full, link-full, or none."""
    reasons = {str(wait.reason) for wait in waits.values()}
    return next((name for name in ("switch-full", "link-full") if name in reasons), None)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _laptop(
    laptop: Laptop, wait: Wait | None, progress: Mapping[str, Any], left: float | None, now: float, clock: Clock
) -> dict[str, Any]:
    disk = laptop.target()
    reason, why = (laptop.reason, said(laptop.reason, laptop.detail))
    if wait is not None:
        reason, why = wait.reason, said(wait.reason, wait.detail, wait.values, clock)
    return {
        "id": laptop.id,
        "number": laptop.number,
        "tag": laptop.tag,
        "mark": laptop.mark,
        "label": laptop.mark,
        "macs": list(laptop.identity.macs),
        "boot_mac": laptop.boot_mac,
        "uuid": laptop.identity.uuid,
        "serial": laptop.identity.serial,
        "vendor": laptop.identity.vendor,
        "product": laptop.identity.product,
        "address": laptop.address,
        "port": laptop.port or None,
        "speed_mbps": laptop.speed_mbps,
        "firmware": laptop.firmware,
        "cpu": laptop.cpu,
        "memory": laptop.memory,
        "state": str(laptop.state),
        "since": iso(laptop.since),
        "paused": laptop.paused,
        "lent": laptop.lent,
        "keep": laptop.keep,
        "donation": laptop.donation,
        "erasure": None if laptop.erasure is None else erasure.shown(laptop.erasure),
        "media": [_medium(each) for each in laptop.media],
        "wants": laptop.wants or None,
        "capture": laptop.capture or None,
        "reason": None if reason is None else str(reason),
        "why": why,
        "next_step": "" if reason is None else reason.next_step,
        "image": laptop.image or None,
        "chosen": laptop.chosen,
        "disk": None if disk is None else dict(vars(disk)),
        "disks": [{**vars(each), "key": each.key} for each in laptop.disks],
        "reallocated": laptop.reallocated,
        "session": laptop.session,
        "job": laptop.job,
        "attempts": laptop.attempts,
        "verdict": str(laptop.verdict),
        "image_hash": laptop.image_hash or None,
        "differs": [_difference(each) for each in laptop.differs],
        "first_differs": [_difference(each) for each in laptop.first_differs],
        "steps": [{"name": name, "result": result, "detail": text} for name, result, text in laptop.steps],
        "history": [{"at": iso(entry.at), "state": str(entry.state), "why": entry.why} for entry in laptop.history],
        "seconds": _seconds(laptop, now),
        "left_seconds": _rounded(left),
        "progress": {**progress, **({} if left is None else {"left_seconds": _rounded(left)})} or None,
    }


def _medium(medium: Medium) -> dict[str, Any]:
    names = ("path", "serial", "wwn", "model", "size", "bus", "built_in", "barred")
    return {"key": medium.key, **{name: getattr(medium, name) for name in names}}


def _difference(difference: Difference) -> dict[str, Any]:
    return dict(vars(difference))


def _seconds(laptop: Laptop, now: float) -> dict[str, float]:
    """Seconds spent so far in each stage, the running one included."""
    spent = dict(laptop.seconds)
    stage = STAGE.get(laptop.state)
    if stage is not None:
        spent[stage] = spent.get(stage, 0.0) + max(0.0, now - laptop.since)
    return {name: round(spent.get(name, 0.0), 3) for name in STAGES}


def _session_state(session: Session, *, active: bool) -> str:
    if session.ended:
        return "ended"
    if session.kind == "classic" and session.started is None:
        return "gathering"
    return "sending" if active or session.kind == "guests" else "idle"


def _session(session: Session, workshop: Workshop, expected: Estimate, now: float) -> dict[str, Any]:
    """`bytes`: the image's used bytes, which each laptop gets; `mbit_s`: those over the session's seconds.

    `left_seconds`: until those who are in it now are through.
    """
    active = [laptop.id for laptop in workshop.active() if laptop.session == session.id]
    begin = session.first_ready
    end = now if active else session.last_verdict
    seconds = max(0.0, end - begin) if begin is not None and end is not None else 0.0
    return {
        "id": session.id,
        "number": session.number,
        "image": session.image,
        "kind": session.kind,
        "state": _session_state(session, active=bool(active)),
        "guests": session.guests,
        "port": session.port or None,
        "ejected": list(session.ejected),
        "laptops": list(session.members),
        "active": active,
        "bytes": session.bytes,
        "seconds": round(seconds, 3),
        "left_seconds": _rounded(max((expected.laptops.get(ident, 0.0) for ident in active), default=None)),
        "mbit_s": round(session.bytes * 8 / seconds / 1e6, 1) if seconds else 0.0,
        "started": iso(session.opened),
        "ended": iso(session.ended) if session.ended else None,
    }
