"""What laptops report while they are at work, and what is noticed of them: each event with the state after it."""

from __future__ import annotations

from dataclasses import replace

from cloned.core import capture, erasing, triage
from cloned.core.confirm import ask_or_wait, used_up, void
from cloned.core.disk_names import tells_itself
from cloned.core.events import (
    Failed,
    Finished,
    Judged,
    Located,
    PartsTold,
    Ready,
    Returned,
    Stalled,
    Vanished,
    Verifying,
)
from cloned.core.evidence import here
from cloned.core.happened import Happened, happened
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import MAX_ROUNDS, Difference, Laptop, State, VerdictKind, add_history, transition
from cloned.core.reasons import Reason
from cloned.core.workshop import Workshop
from cloned.saying import Phrase, chained, short


def _in_session(workshop: Workshop, laptop: LaptopId, session: SessionId) -> Laptop | None:
    """The laptop, if it is at work in just this session."""
    found = workshop.laptops.get(laptop)
    return found if found is not None and found.active and found.session == session else None


def ready(workshop: Workshop, event: Ready, now: float) -> Workshop:
    """Its layout stands on its disk."""
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state is not State.READY:
        return workshop
    laptop = replace(
        laptop,
        goal=replace(laptop.goal, written=True),
        job=replace(laptop.job, cleared=event.cleared, discarded=event.discarded),
    )
    workshop = _unproven_elsewhere(workshop, laptop)
    session = workshop.sessions[event.session]
    workshop = workshop.with_session(replace(session, first_ready=session.first_ready or now))
    return workshop.with_laptop(transition(laptop, State.RECEIVING, now, happened(Happened.LAYOUT)))


def _unproven_elsewhere(workshop: Workshop, laptop: Laptop) -> Workshop:
    """Whoever is away and had this very disk read back before: what was read is being overwritten here."""
    onto = laptop.goal.onto
    if workshop.settings.judging < 2 or onto is None or not tells_itself(onto):
        return workshop
    for other in workshop.laptops.values():
        mine = other.goal.onto is not None and other.goal.onto.is_same(onto)
        if mine and other.id != laptop.id and not here(other) and other.job.open:
            workshop = workshop.with_laptop(replace(other, job=replace(other.job, verdict=VerdictKind.NONE)))
    return workshop


def verifying(workshop: Workshop, event: Verifying, now: float) -> Workshop:
    """It has all it wanted, and reads the rest back."""
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state is not State.RECEIVING:
        return workshop
    return workshop.with_laptop(transition(laptop, State.VERIFYING, now, happened(Happened.RECEIVED)))


def judged(workshop: Workshop, event: Judged, now: float) -> Workshop:
    """A round of reading back has its verdict."""
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state not in (State.RECEIVING, State.VERIFYING) or event.round <= laptop.job.rounds:
        return workshop
    laptop = _read_back(laptop, event, now)
    laptop = replace(
        laptop,
        job=replace(
            laptop.job,
            rounds=event.round,
            verdict=event.verdict,
            differs=event.differs,
            bytes=event.bytes,
            reallocated=event.reallocated,
            first_differs=laptop.job.first_differs or event.differs,
            image_hash=event.image_hash,
        ),
    )
    session = workshop.sessions[event.session]
    workshop = workshop.with_session(replace(session, last_verdict=now))
    return workshop.with_laptop(_after_verdict(laptop, event, now))


def _read_back(laptop: Laptop, event: Judged, now: float) -> Laptop:
    """`laptop` in "verifying", since when it says so itself: its reports may all have fallen into "receiving"."""
    if laptop.state is State.VERIFYING:
        return laptop
    took = max(0.0, event.verifying - dict(laptop.seconds).get("verify", 0.0))
    return transition(laptop, State.VERIFYING, max(laptop.since, now - took), happened(Happened.RECEIVED))


def _after_verdict(laptop: Laptop, event: Judged, now: float) -> Laptop:
    if event.verdict is VerdictKind.VERIFIED:
        return used_up(transition(laptop, State.FINISHING, now, happened(Happened.READ_BACK)), now)
    where = chained([_place(each) for each in event.differs[:3]])
    if event.round >= MAX_ROUNDS or (event.verdict is VerdictKind.UNREADABLE and event.round > 1):
        reason = Reason.DISK_READ_ERROR if event.verdict is VerdictKind.UNREADABLE else Reason.STILL_DIFFERS
        return transition(laptop, State.ASIDE, now, reason=reason, detail=where)
    unreadable = event.verdict is VerdictKind.UNREADABLE
    what = Happened.UNREADABLE_FETCHING if unreadable else Happened.DIFFERS_FETCHING
    return transition(laptop, State.RECEIVING, now, happened(what, wrong=event.wrong, where=where))


def _place(differs: Difference) -> str:
    return Phrase(
        "{partition} bytes {first} to {last}", partition=differs.partition, first=differs.first, last=differs.last
    )


def finished(workshop: Workshop, event: Finished, now: float) -> Workshop:
    """It went through its finishing steps."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state is not State.FINISHING:
        return workshop
    laptop = replace(laptop, job=replace(laptop.job, steps=event.steps))
    failed = [f"{name}: {detail}" for name, result, detail in event.steps if result == "failed"]
    if failed:
        return workshop.with_laptop(
            transition(laptop, State.ASIDE, now, reason=Reason.FINISH_FAILED, detail="; ".join(failed))
        )
    return workshop.with_laptop(transition(erasing.spent(laptop), State.DONE, now, happened(Happened.DONE)))


def failed(workshop: Workshop, event: Failed, now: float) -> Workshop:
    """Its agent cannot go on."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state in (State.DONE, State.ASIDE):
        return workshop
    if laptop.capture.image or event.code == Reason.CAPTURE_FAILED:
        return workshop.with_laptop(capture.failed(laptop, event, now))
    reason = Reason(event.code) if event.code in set(Reason) else Reason.INTERNAL
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=reason, detail=short(event.detail)))


def vanished(workshop: Workshop, event: Vanished, now: float) -> Workshop:
    """It was not heard for too long."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state in (State.DONE, State.GONE, State.ASIDE):
        return workshop
    return workshop.with_laptop(transition(laptop, State.GONE, now, reason=Reason.NOT_HEARD))


def returned(workshop: Workshop, event: Returned, now: float) -> Workshop:
    """Its agent still runs. Where it can it goes on as if nothing had been; else it takes its turn again."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state is not State.GONE:
        return workshop
    if laptop.unfinished:
        return workshop.with_laptop(transition(laptop, State.FINISHING, now, happened(Happened.HEARD)))
    if (erasing_again := erasing.taken_up(laptop, now)) is not None:
        return workshop.with_laptop(erasing_again)
    if _goes_on(workshop, laptop, now):
        return workshop.with_laptop(transition(laptop, State.RECEIVING, now, happened(Happened.HEARD_GOES_ON)))
    laptop = add_history(replace(laptop, session=None), now, happened(Happened.HEARD))
    return workshop.with_laptop(ask_or_wait(workshop, laptop, now))


def _goes_on(workshop: Workshop, laptop: Laptop, now: float) -> bool:
    """Whether the session it was in still is one for it, so that what its agent holds in memory is of use."""
    session = workshop.sessions.get(laptop.session) if laptop.session is not None else None
    same = session is not None and session.open and session.kind == "pieces" and session.image == laptop.goal.image
    meant = laptop.goal.confirmation is not None and void(workshop, laptop, now) is None
    begun = laptop.goal.written and laptop.job.rounds == 0
    held = workshop.paused or laptop.paused or laptop.left_out
    return same and meant and begun and not held and len(workshop.active()) < workshop.places


def parts_told(workshop: Workshop, event: PartsTold) -> Workshop:
    """Its agent knows more of it than at its hello, and the rules are held against that."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or not laptop.contact.hellos:
        return workshop
    hardware = laptop.facts.hardware.with_later(event.hardware)
    laptop = replace(laptop, facts=replace(laptop.facts, hardware=hardware))
    return workshop.with_laptop(triage.judged(workshop.settings.triage, laptop, laptop.contact.last_hello))


def stalled(workshop: Workshop, event: Stalled, now: float) -> Workshop:
    """It reports, but makes no headway."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or not laptop.active:
        return workshop
    return workshop.with_laptop(
        transition(
            laptop,
            State.ASIDE,
            now,
            reason=Reason.NO_HEADWAY,
            detail=Phrase("{seconds} s", seconds=f"{event.seconds:.0f}"),
        )
    )


def located(workshop: Workshop, event: Located, now: float) -> Workshop:
    """The switch says where it is."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None:
        return workshop
    speed = event.speed_mbps or laptop.link.speed_mbps
    half = laptop.link.half_duplex if event.half_duplex is None else event.half_duplex
    return workshop.with_laptop(
        replace(laptop, link=replace(laptop.link, port=event.port, speed_mbps=speed, half_duplex=half))
    )
