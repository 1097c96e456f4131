"""Classic sessions as the core sees them: who is in, when the stream starts, what becomes of whom. Pure.

Laptops gather in an open classic session and prepare. Once all of them are ready, and nobody has joined for
a while or somebody said "start", the members are settled; later ones wait for the next session.
"""

from __future__ import annotations

from dataclasses import replace

from cloned.core.effect_types import SetReceivers
from cloned.core.events import Ejected, StreamEnded
from cloned.core.happened import Happened, happened
from cloned.core.ids import LaptopId, SessionId, derive_id
from cloned.core.laptop import Laptop, State, transition
from cloned.core.portbases import Given, free_base
from cloned.core.reasons import Reason
from cloned.core.session import Kind, Session
from cloned.core.workshop import Workshop

RESUMING_SECONDS = 30.0
"""Seconds after a session broke off within which the next one is its continuation."""


def free_port(workshop: Workshop, image: str, now: float) -> int | None:
    """A port base for a session of this image; None if all were given out within a day."""
    given = [Given(each.port, each.streams, each.opened) for each in workshop.sessions.values() if each.classic]
    return free_base(given, workshop.images[image].streams, now)


def new_session(workshop: Workshop, image: str, kind: Kind, entropy: str, now: float) -> Session | None:
    """A session that is not yet there; None where no port base is left for it."""
    known = workshop.images[image]
    port = free_port(workshop, image, now) if kind != "pieces" else 0
    if port is None:
        return None
    number = 1 + max((each.number for each in workshop.sessions.values()), default=0)
    return Session(
        SessionId(derive_id(entropy, "session", 8)),
        number,
        image,
        known.image_hash,
        derive_id(entropy, "stream", 32),
        now,
        bytes=known.used,
        kind=kind,
        port=port,
        streams=known.streams if kind != "pieces" else 0,
        joined=now,
        go=kind == "classic" and _resumes(workshop, image, now),
    )


def _resumes(workshop: Workshop, image: str, now: float) -> bool:
    """Whether a session of this image has just broken off: its laptops need not wait for others once more."""
    return any(
        each.broke_off and each.image == image and each.sent is not None and now - each.sent < RESUMING_SECONDS
        for each in workshop.sessions.values()
    )


def advance(workshop: Workshop, now: float) -> Workshop:
    """Start the streams of sessions whose laptops are all ready; drop receivers that are no longer to get one."""
    for session in workshop.sessions.values():
        if not session.open or session.kind != "classic":
            continue
        if session.started is None:
            if _complete(workshop, session, now):
                receivers = tuple(laptop.id for laptop in _inside(workshop, session))
                workshop = workshop.with_session(replace(session, started=now, receivers=receivers))
        elif (left := _left(workshop, session)) != session.receivers:
            workshop = workshop.with_session(replace(session, receivers=left))
    return workshop


def under_way(workshop: Workshop, image: str) -> bool:
    """Whether a classic session of this image is being sent; a stream that runs cannot be joined."""
    return any(
        each.open and each.kind == "classic" and each.image == image and each.started is not None and each.sent is None
        for each in workshop.sessions.values()
    )


def gathered(workshop: Workshop, now: float) -> bool:
    """Whether a session has waited long enough for others."""
    return any(
        each.kind == "classic" and each.joinable and each.members and _complete(workshop, each, now)
        for each in workshop.sessions.values()
    )


def _inside(workshop: Workshop, session: Session) -> list[Laptop]:
    return [
        laptop
        for laptop in map(workshop.laptops.get, session.members)
        if laptop is not None and laptop.session == session.id and laptop.state in (State.READY, State.RECEIVING)
    ]


def _complete(workshop: Workshop, session: Session, now: float) -> bool:
    """Whether all who are in are ready, and nobody else is to be waited for."""
    inside = _inside(workshop, session)
    ready = bool(inside) and all(laptop.state is State.RECEIVING for laptop in inside)
    full = len(workshop.active()) >= workshop.places
    return ready and (session.go or full or now - session.joined >= workshop.settings.gather_seconds)


def _left(workshop: Workshop, session: Session) -> tuple[LaptopId, ...]:
    """The receivers that are still in the session; one that left does not come back."""
    inside = {laptop.id for laptop in _inside(workshop, session)}
    return tuple(ident for ident in session.receivers if ident in inside)


def set_receivers(workshop: Workshop, session: Session) -> SetReceivers:
    """Whom a started session's streams are for."""
    found = (workshop.laptops[ident].contact.address for ident in session.receivers if ident in workshop.laptops)
    return SetReceivers(session.id, tuple(sorted(found)))


def ejected(workshop: Workshop, event: Ejected, now: float) -> Workshop:
    """A receiver was taken out of the stream: a laptop is set aside, a guest is only noted."""
    session = workshop.sessions.get(event.session)
    if session is None or not session.open or event.address in session.ejected:
        return workshop
    workshop = workshop.with_session(replace(session, ejected=(*session.ejected, event.address)))
    for laptop in _inside(workshop, session):
        if laptop.contact.address == event.address:
            aside = transition(laptop, State.ASIDE, now, reason=Reason.CLASSIC_FAILED, detail=event.why)
            workshop = workshop.with_laptop(aside)
    return workshop


def stream_ended(workshop: Workshop, event: StreamEnded, now: float) -> Workshop:
    """All streams of a session are over. After an error its receivers wait for another, or are set aside."""
    session = workshop.sessions.get(event.session)
    if session is None or not session.open or not session.classic or session.sent is not None:
        return workshop
    over = now if session.kind == "guests" else None
    broke_off = bool(event.error) and event.again
    ended = replace(session, sent=now, started=session.started or now, ended=over, broke_off=broke_off)
    workshop = workshop.with_session(ended)
    for laptop in _inside(workshop, session) if event.error else ():
        if event.again:
            laptop = replace(laptop, session=None)
            workshop = workshop.with_laptop(
                transition(laptop, State.WAITING, now, happened(Happened.BROKE_OFF, error=event.error))
            )
        else:
            aside = transition(laptop, State.ASIDE, now, reason=Reason.IMAGE_UNUSABLE, detail=event.error)
            workshop = workshop.with_laptop(aside)
    return workshop
