"""What each event does to the state. Nothing here looks at what follows from it: that is effects.py."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from cloned.core import arrivals, capture, commands, erasing, inventories, triage, trials
from cloned.core import classic_sessions as classics
from cloned.core.confirm import ask_or_wait, give, settle_all, used_up, void
from cloned.core.events import (
    Booted,
    Captured,
    Command,
    Configured,
    Confirmed,
    DiskErased,
    DiskWritten,
    Ejected,
    Event,
    Failed,
    Finished,
    Hello,
    ImageGone,
    ImageKnown,
    InventoryTold,
    Judged,
    Located,
    MediaTold,
    NoNumber,
    Ready,
    Recorded,
    Returned,
    Stalled,
    StreamEnded,
    SwitchChanged,
    TagsUsed,
    Tick,
    TrialTold,
    Vanished,
    Verifying,
)
from cloned.core.happened import Happened, happened
from cloned.core.ids import LaptopId, SessionId
from cloned.core.laptop import MAX_ROUNDS, Difference, Laptop, State, VerdictKind, add_history, transition
from cloned.core.reasons import Reason
from cloned.core.tags import used_elsewhere
from cloned.core.workshop import Workshop
from cloned.saying import Phrase, chained, short


def handle(workshop: Workshop, event: Event, now: float, entropy: str) -> Workshop:  # noqa: C901 - an arm for each
    """The state right after `event`; the same state where the event no longer applies."""
    match event:
        case Configured():
            return _configured(workshop, event, now, entropy)
        case Booted():
            return arrivals.booted(workshop, event, now, entropy)
        case Hello():
            return arrivals.hello(workshop, event, now, entropy)
        case Confirmed():
            return _confirmed(workshop, event, now, entropy)
        case Ready():
            return _ready(workshop, event, now, entropy)
        case Verifying():
            return _verifying(workshop, event, now, entropy)
        case Judged():
            return _judged(workshop, event, now, entropy)
        case Finished():
            return _finished(workshop, event, now, entropy)
        case Failed():
            return _failed(workshop, event, now, entropy)
        case Vanished():
            return _vanished(workshop, event, now, entropy)
        case Returned():
            return _returned(workshop, event, now, entropy)
        case Stalled():
            return _stalled(workshop, event, now, entropy)
        case Located():
            return _located(workshop, event, now, entropy)
        case SwitchChanged():
            return _switch(workshop, event, now, entropy)
        case ImageKnown():
            return _image(workshop, event, now, entropy)
        case ImageGone():
            return _image_gone(workshop, event, now, entropy)
        case Command():
            return _command(workshop, event, now, entropy)
        case Tick():
            return _tick(workshop, event, now, entropy)
        case Recorded():
            return _recorded(workshop, event, now, entropy)
        case Ejected():
            return _ejected(workshop, event, now, entropy)
        case StreamEnded():
            return _stream_ended(workshop, event, now, entropy)
        case Captured():
            return _captured(workshop, event, now, entropy)
        case TagsUsed():
            return used_elsewhere(workshop, event, now, entropy)
        case InventoryTold():
            return inventories.told(workshop, event, now)
        case NoNumber():
            return inventories.no_number(workshop, event, now)
        case MediaTold():
            return _media(workshop, event, now, entropy)
        case DiskErased():
            return _disk_erased(workshop, event, now, entropy)
        case DiskWritten():
            return _disk_written(workshop, event, now, entropy)
        case TrialTold():
            return trials.told(workshop, event, now)
        case _:
            assert_never(event)


def _configured(workshop: Workshop, event: Configured, now: float, entropy: str) -> Workshop:
    workshop = replace(workshop, settings=event.settings)
    rules = event.settings.triage
    judged = {each.id: triage.judged(rules, each, each.contact.last_hello) for each in workshop.laptops.values()}
    workshop = replace(workshop, laptops=judged)
    return settle_all(workshop, now) if rules else workshop


def _confirmed(workshop: Workshop, event: Confirmed, now: float, entropy: str) -> Workshop:
    return give(workshop, Command("confirm", event.by, event.laptop, event.image, disk=event.disk), now)


def _in_session(workshop: Workshop, laptop: LaptopId, session: SessionId) -> Laptop | None:
    """The laptop, if it is at work in just this session."""
    found = workshop.laptops.get(laptop)
    return found if found is not None and found.active and found.session == session else None


def _ready(workshop: Workshop, event: Ready, now: float, entropy: str) -> Workshop:
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state is not State.READY:
        return workshop
    laptop = replace(
        laptop,
        goal=replace(laptop.goal, written=True),
        job=replace(laptop.job, cleared=event.cleared, discarded=event.discarded),
    )
    session = workshop.sessions[event.session]
    workshop = workshop.with_session(replace(session, first_ready=session.first_ready or now))
    return workshop.with_laptop(transition(laptop, State.RECEIVING, now, happened(Happened.LAYOUT)))


def _verifying(workshop: Workshop, event: Verifying, now: float, entropy: str) -> Workshop:
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state is not State.RECEIVING:
        return workshop
    return workshop.with_laptop(transition(laptop, State.VERIFYING, now, happened(Happened.RECEIVED)))


def _judged(workshop: Workshop, event: Judged, now: float, entropy: str) -> Workshop:
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


def _finished(workshop: Workshop, event: Finished, now: float, entropy: str) -> Workshop:
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


def _failed(workshop: Workshop, event: Failed, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state in (State.DONE, State.ASIDE):
        return workshop
    if laptop.capture.image or event.code == Reason.CAPTURE_FAILED:
        return workshop.with_laptop(capture.failed(laptop, event, now))
    reason = Reason(event.code) if event.code in set(Reason) else Reason.INTERNAL
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=reason, detail=short(event.detail)))


def _vanished(workshop: Workshop, event: Vanished, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state in (State.DONE, State.GONE, State.ASIDE):
        return workshop
    return workshop.with_laptop(transition(laptop, State.GONE, now, reason=Reason.NOT_HEARD))


def _returned(workshop: Workshop, event: Returned, now: float, entropy: str) -> Workshop:
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


def _stalled(workshop: Workshop, event: Stalled, now: float, entropy: str) -> Workshop:
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


def _located(workshop: Workshop, event: Located, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None:
        return workshop
    speed = event.speed_mbps or laptop.link.speed_mbps
    half = laptop.link.half_duplex if event.half_duplex is None else event.half_duplex
    return workshop.with_laptop(
        replace(laptop, link=replace(laptop.link, port=event.port, speed_mbps=speed, half_duplex=half))
    )


def _switch(workshop: Workshop, event: SwitchChanged, now: float, entropy: str) -> Workshop:
    return replace(workshop, places=event.places, places_why=event.why, link_mbps=event.link_mbps)


def _image(workshop: Workshop, event: ImageKnown, now: float, entropy: str) -> Workshop:
    workshop = replace(workshop, images={**workshop.images, event.image.name: event.image})
    return settle_all(workshop, now)


def _image_gone(workshop: Workshop, event: ImageGone, now: float, entropy: str) -> Workshop:
    images = {name: image for name, image in workshop.images.items() if name != event.name}
    return settle_all(replace(workshop, images=images), now)


def _tick(workshop: Workshop, event: Tick, now: float, entropy: str) -> Workshop:
    batches = {key: batch for key, batch in workshop.batches.items() if batch.until > now}
    holds = {image: until for image, until in workshop.holds.items() if until > now}
    return settle_all(replace(workshop, batches=batches, holds=holds), now)


def _command(workshop: Workshop, event: Command, now: float, entropy: str) -> Workshop:
    return commands.obey(workshop, event, now, entropy)


def _media(workshop: Workshop, event: MediaTold, now: float, entropy: str) -> Workshop:
    return erasing.told(workshop, event, now, entropy)


def _disk_erased(workshop: Workshop, event: DiskErased, now: float, entropy: str) -> Workshop:
    return erasing.took_in(workshop, event, now)


def _disk_written(workshop: Workshop, event: DiskWritten, now: float, entropy: str) -> Workshop:
    return erasing.wrote(workshop, event, now)


def _ejected(workshop: Workshop, event: Ejected, now: float, entropy: str) -> Workshop:
    return classics.ejected(workshop, event, now)


def _stream_ended(workshop: Workshop, event: StreamEnded, now: float, entropy: str) -> Workshop:
    return classics.stream_ended(workshop, event, now)


def _captured(workshop: Workshop, event: Captured, now: float, entropy: str) -> Workshop:
    return capture.ended(workshop, event, now)


def _recorded(workshop: Workshop, event: Recorded, now: float, entropy: str) -> Workshop:
    key = f"{event.laptop}/{event.job}"
    return replace(workshop, unrecorded={name: row for name, row in workshop.unrecorded.items() if name != key})
