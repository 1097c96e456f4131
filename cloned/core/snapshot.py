"""The workshop as it is shown: a function of its state. Pure. The shapes are in shown.py.

A fact of a laptop whose name stands in `ShownLaptop` as well is shown as it is; only what is told otherwise is named
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from cloned.core import erasure, trials
from cloned.core.disks import Disk
from cloned.core.estimate import Estimate, estimate
from cloned.core.hardware import Screen
from cloned.core.ids import LaptopId
from cloned.core.known import KnownElsewhere
from cloned.core.laptop import STAGE, Laptop, worded
from cloned.core.ledger import iso
from cloned.core.reasons import Reason
from cloned.core.report_figures import ReportFigures
from cloned.core.schedule import Schedule, Wait, plan
from cloned.core.session import Session
from cloned.core.shown import (
    Capacity,
    Hold,
    Progress,
    SessionState,
    ShownBatch,
    ShownConfirmation,
    ShownDisk,
    ShownHistory,
    ShownKnown,
    ShownLaptop,
    ShownScreen,
    ShownSession,
    ShownStep,
    Snapshot,
)
from cloned.core.words import Clock, utc
from cloned.core.workshop import Workshop
from cloned.disk.media import Medium
from cloned.saying import Phrase

STAGES = ("boot", "wait", "receive", "verify", "finish")


Drawn = dict[LaptopId, tuple[Laptop, ShownLaptop]]
"""Laptops as they were shown last: of those that rest nothing changes, and there may be thousands."""


def snapshot(
    workshop: Workshop,
    progress: Mapping[LaptopId, ReportFigures],
    now: float,
    clock: Clock = utc,
    drawn: Drawn | None = None,
) -> Snapshot:
    """Everything the core knows; laptops in order of arrival, times in sentences by `clock`.

    `drawn` is kept by whoever asks again and again, and filled here.
    """
    drawn = {} if drawn is None else drawn
    schedule = plan(workshop, now)
    expected = estimate(workshop, progress, schedule, now)
    laptops = sorted(workshop.laptops.values(), key=lambda laptop: laptop.number)
    return Snapshot(
        now=iso(now),
        capacity=_capacity(workshop, schedule),
        left_seconds=_rounded(expected.all),
        laptops=tuple(
            _shown(
                laptop=each,
                wait=schedule.waits.get(each.id),
                progress=progress.get(each.id, {}),
                expected=expected,
                now=now,
                clock=clock,
                drawn=drawn,
            )
            for each in laptops
        ),
        sessions=tuple(shown_session(each, workshop, expected, now) for each in workshop.sessions.values()),
        images=tuple(workshop.images.values()),
        organisations=workshop.settings.organisations,
        confirmations=tuple(
            ShownConfirmation(laptop.id, given.image, given.disk, given.by, iso(given.until))
            for laptop in laptops
            if (given := laptop.goal.confirmation) is not None
        ),
        batches=tuple(
            ShownBatch(
                each.id,
                each.vendor,
                each.product,
                each.image,
                each.by,
                given=iso(each.given),
                until=iso(each.until),
                organisation=each.organisation,
            )
            for each in workshop.batches.values()
        ),
        holds=tuple(Hold(image, iso(until)) for image, until in workshop.holds.items()),
    )


def _capacity(workshop: Workshop, schedule: Schedule) -> Capacity:
    reasons = {wait.reason for wait in schedule.waits.values()}
    limit = next((reason for reason in (Reason.SWITCH_FULL, Reason.LINK_FULL) if reason in reasons), None)
    return Capacity(
        workshop.places,
        len(workshop.active()),
        workshop.places_why,
        limit=None if limit is None else str(limit),
        paused=workshop.paused,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _shown(
    laptop: Laptop,
    wait: Wait | None,
    progress: ReportFigures,
    expected: Estimate,
    now: float,
    clock: Clock,
    drawn: Drawn,
) -> ShownLaptop:
    """A laptop as it was drawn last, where it rests and is the same; else drawn anew."""
    rests = wait is None and not progress and laptop.id not in expected.laptops and laptop.state not in STAGE
    known = drawn.get(laptop.id)
    if rests and known is not None and known[0] is laptop:
        return known[1]
    made = _laptop(laptop, wait, progress, expected, now, clock)
    if rests:
        drawn[laptop.id] = laptop, made
    else:
        drawn.pop(laptop.id, None)
    return made


def _laptop(
    laptop: Laptop, wait: Wait | None, progress: ReportFigures, expected: Estimate, now: float, clock: Clock
) -> ShownLaptop:
    left = _rounded(expected.laptops.get(laptop.id))
    reason, why = laptop.reason, worded(laptop.reason, laptop.detail)
    if wait is not None:
        reason, why = wait.reason, worded(wait.reason, wait.detail, wait.values, clock)
    shown = {
        **_as_it_is(laptop),
        **_in_other_words(laptop),
        "reason": reason,
        "why": why,
        "told": why.parts() if isinstance(why, Phrase) else None,
        "chosen_told": chosen.parts() if isinstance(chosen := laptop.goal.chosen, Phrase) else None,
        "next_step": "" if reason is None else reason.next_step,
        "seconds": _seconds(laptop, now),
        "left_seconds": left,
        "progress": _progress(progress, left),
    }
    return ShownLaptop(**shown)


_SHOWN = frozenset(each.name for each in fields(ShownLaptop))


def _as_it_is(laptop: Laptop) -> dict[str, Any]:
    """What is shown under the name and in the shape that it has in the laptop or a part of it."""
    parts = (laptop.identity, laptop.facts, laptop.contact, laptop.link, laptop.goal, laptop.job, laptop)
    return {name: getattr(part, name) for part in parts for name in _names(type(part))}  # type: ignore[arg-type]  # classes


@cache
def _names(of: type[Any]) -> tuple[str, ...]:
    """Which fields of a part are shown as they are."""
    return tuple(each.name for each in fields(of) if each.name in _SHOWN)


def _in_other_words(laptop: Laptop) -> dict[str, Any]:
    """What is shown in another shape, or under another name."""
    disk = laptop.target()
    return {
        "label": laptop.mark,
        "port": laptop.link.port or None,
        "since": iso(laptop.since),
        "first_seen": iso(laptop.first_seen),
        "erasure": None if laptop.erasure is None else erasure.shown(laptop.erasure),
        "first_word": None
        if laptop.first_word is None
        else vars(laptop.first_word) | {"at": iso(laptop.first_word.at)},
        "media": tuple(_medium(each) for each in laptop.media),
        "locks": list(laptop.facts.hardware.locks),
        "screen": _screen(laptop.facts.hardware.panel),
        "windows_key": laptop.facts.hardware.product_key_edition,
        "wants": laptop.wants or None,
        "capture": laptop.capture.image or None,
        "grade": laptop.grade,
        "grade_why": laptop.given_why,
        "tests": laptop.trials,
        "tests_wanted": laptop.trials_wanted,
        "undecided": trials.undecided(laptop),
        "known": tuple(_known(each) for each in laptop.known),
        "image": laptop.goal.image or None,
        "disk": None if disk is None else shown_disk(disk),
        "disks": tuple(shown_disk(each) for each in laptop.facts.disks),
        "job": laptop.job.number,
        "attempts": laptop.job.rounds,
        "image_hash": laptop.job.image_hash or None,
        "steps": tuple(ShownStep(*step) for step in laptop.job.steps),
        "history": tuple(ShownHistory(iso(entry.at), entry.state, entry.why) for entry in laptop.history),
    }


_FIGURES = frozenset(each.name for each in fields(Progress))


def _progress(told: ReportFigures, left: float | None) -> Progress | None:
    """What a laptop told of itself, its time left as we expect it."""
    known: dict[str, Any] = {name: value for name, value in told.items() if name in _FIGURES}
    if left is not None:
        known["left_seconds"] = left
    return Progress(**known) if known else None


def _screen(panel: Screen | None) -> ShownScreen | None:
    return None if panel is None else ShownScreen(panel.width, panel.height, panel.inches)


def _known(each: KnownElsewhere) -> ShownKnown:
    return ShownKnown(
        each.sink, iso(each.at), each.found, each.tag, each.model, each.status, lent=each.lent, said=each.said
    )


def _medium(medium: Medium) -> dict[str, object]:
    names = ("path", "serial", "wwn", "model", "size", "bus", "built_in", "barred")
    told = {"key": medium.key, **{name: getattr(medium, name) for name in names}}
    return told | {"would": erasure.foreseen(medium) if medium.built_in else {}}


def shown_disk(disk: Disk) -> ShownDisk:
    """A disk with its key."""
    return ShownDisk(**{each.name: getattr(disk, each.name) for each in fields(disk)}, key=disk.key)


def _seconds(laptop: Laptop, now: float) -> dict[str, float]:
    """Seconds spent so far in each stage, the running one included."""
    spent = dict(laptop.seconds)
    stage = STAGE.get(laptop.state)
    if stage is not None:
        spent[stage] = spent.get(stage, 0.0) + max(0.0, now - laptop.since)
    return {name: round(spent.get(name, 0.0), 3) for name in STAGES}


def _session_state(session: Session, *, active: bool) -> SessionState:
    if session.ended:
        return "ended"
    if session.kind == "classic" and session.started is None:
        return "gathering"
    return "sending" if active or session.kind == "guests" else "idle"


def shown_session(session: Session, workshop: Workshop, expected: Estimate, now: float) -> ShownSession:
    """One session, as page and API show it."""
    active = tuple(laptop.id for laptop in workshop.active() if laptop.session == session.id)
    begin = session.first_ready
    end = now if active else session.last_verdict
    seconds = max(0.0, end - begin) if begin is not None and end is not None else 0.0
    return ShownSession(
        id=session.id,
        number=session.number,
        image=session.image,
        image_hash=session.image_hash,
        kind=session.kind,
        state=_session_state(session, active=bool(active)),
        guests=session.guests,
        port=session.port or None,
        ejected=session.ejected,
        laptops=session.members,
        active=active,
        bytes=session.bytes,
        seconds=round(seconds, 3),
        left_seconds=_rounded(max((expected.laptops.get(ident, 0.0) for ident in active), default=None)),
        mbit_s=round(session.bytes * 8 / seconds / 1e6, 1) if seconds else 0.0,
        started=iso(session.opened),
        ended=iso(session.ended) if session.ended else None,
    )
