"""What each event does to the state. Nothing here looks at what follows from it: that is consequences.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cloned.core import capture, commands
from cloned.core import classic_sessions as classics
from cloned.core.boot import answer_kind
from cloned.core.confirm import ask_or_wait, give, settle, used_up, void
from cloned.core.events import (
    Booted,
    Captured,
    Command,
    Configured,
    Confirmed,
    Ejected,
    Event,
    Failed,
    Finished,
    Hello,
    ImageGone,
    ImageKnown,
    Judged,
    Located,
    Ready,
    Recorded,
    Returned,
    Stalled,
    StreamEnded,
    SwitchChanged,
    Tick,
    Vanished,
    Verifying,
)
from cloned.core.ids import Identity, LaptopId, SessionId, derive_id
from cloned.core.laptop import ACTIVE, MAX_ROUNDS, Laptop, State, VerdictKind, add_history, transition
from cloned.core.reasons import Reason
from cloned.core.workshop import MAX_BOOTS, MAX_SILENT, BootGiven, Workshop


def handle(workshop: Workshop, event: Event, now: float, entropy: str) -> Workshop:
    """The state right after `event`; the same state where the event no longer applies."""
    return _HANDLERS[type(event)](workshop, event, now, entropy)


def _configured(workshop: Workshop, event: Configured, now: float, entropy: str) -> Workshop:
    return replace(workshop, settings=event.settings)


def _booted(workshop: Workshop, event: Booted, now: float, entropy: str) -> Workshop:
    known = workshop.find(event.identity)
    if known is None:
        workshop = _room_for_one(workshop)
    laptop = known or _newcomer(workshop, event.identity, entropy, now)
    laptop = replace(
        laptop,
        identity=laptop.identity.merged(event.identity),
        boot_mac=event.boot_mac,
        address=event.address,
        booted_at=now,
    )
    laptop = capture.cut_short(laptop, "it started again", now)
    if laptop.state in ACTIVE or laptop.state is State.WAITING:
        laptop = transition(replace(laptop, session=None), State.GONE, now, reason=Reason.RESTARTED)
    elif answer_kind(workshop, laptop, now)[0] == "clone":
        laptop = add_history(laptop, now, "it starts from the network")
    elif laptop.state is State.GONE:
        laptop = transition(laptop, State.ASKING, now, reason=Reason.AT_MENU)
    else:
        laptop = add_history(laptop, now, "its boot menu came up")
    boot = BootGiven(event.token, event.boot_mac, event.address, now, laptop.id)
    kept = {key: old for key, old in workshop.boots.items() if old.mac != event.boot_mac and old.laptop != laptop.id}
    for oldest in sorted(kept, key=lambda key: kept[key].at)[: max(0, len(kept) - MAX_BOOTS)]:
        del kept[oldest]
    return replace(workshop.with_laptop(laptop), boots={**kept, event.token: boot})


def _room_for_one(workshop: Workshop) -> Workshop:
    """Without the silent laptops that were seen longest ago, where there are too many of them."""
    silent = [laptop for laptop in workshop.laptops.values() if laptop.silent]
    if len(silent) < MAX_SILENT:
        return workshop
    silent.sort(key=lambda laptop: laptop.booted_at or laptop.first_seen)
    gone = {laptop.id for laptop in silent[: len(silent) - MAX_SILENT + 1]}
    return replace(workshop, laptops={key: each for key, each in workshop.laptops.items() if key not in gone})


def _newcomer(workshop: Workshop, identity: Identity, entropy: str, now: float) -> Laptop:
    """A laptop nobody has seen before."""
    number = 1 + max((laptop.number for laptop in workshop.laptops.values()), default=0)
    ident = LaptopId(derive_id(entropy, "laptop", 10))
    laptop = Laptop(ident, number, identity, State.ASKING, since=now, first_seen=now)
    return transition(laptop, State.ASKING, now, reason=Reason.AT_MENU)


def _hello(workshop: Workshop, event: Hello, now: float, entropy: str) -> Workshop:
    boot = workshop.boots.get(event.token)
    if boot is None:
        return workshop
    facts = event.facts
    known = workshop.find(facts.identity)
    if known is None:
        workshop = _room_for_one(workshop)
    laptop = known or _newcomer(workshop, facts.identity, entropy, now)
    first = boot.laptop != laptop.id or laptop.last_hello < boot.at
    seconds = {**dict(laptop.seconds), "boot": now - boot.at} if first else dict(laptop.seconds)
    if first and laptop.state is State.ASKING:
        laptop = replace(laptop, since=now)  # it was booting, not waiting
    laptop = replace(
        laptop,
        identity=laptop.identity.merged(facts.identity),
        boot_mac=facts.boot_mac or boot.mac,
        address=event.address,
        firmware=facts.firmware,
        cpu=facts.cpu,
        memory=facts.memory,
        disks=facts.disks,
        speed_mbps=facts.speed_mbps,
        card_mbps=facts.speed_mbps,
        half_duplex=facts.half_duplex,
        hellos=laptop.hellos + 1,
        last_hello=now,
        booted_at=boot.at,
        seconds=tuple(seconds.items()),
        session=None,
        wants=facts.wants,
    )
    laptop = capture.cut_short(laptop, "its agent started again", now)
    workshop = replace(workshop, boots={**workshop.boots, event.token: replace(boot, laptop=laptop.id)})
    if laptop.left_out:
        return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=Reason.LEFT_OUT))
    if laptop.unfinished:
        return workshop.with_laptop(transition(laptop, State.FINISHING, now, "verified before; finishing"))
    if laptop.state in (State.DONE, State.ASIDE) and not laptop.wants:
        return workshop.with_laptop(_back_again(laptop, now))
    return workshop.with_laptop(ask_or_wait(workshop, laptop, now))


def _back_again(laptop: Laptop, now: float) -> Laptop:
    """A finished or failed laptop whose live system was started on purpose: it asks, nothing starts by itself."""
    if laptop.state is State.DONE:
        return transition(replace(laptop, confirmation=None), State.ASKING, now, reason=Reason.KNOWN_BEFORE)
    return add_history(laptop, now, "it is here again")


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
    laptop = replace(laptop, written=True, cleared=event.cleared, discarded=event.discarded)
    session = workshop.sessions[event.session]
    workshop = workshop.with_session(replace(session, first_ready=session.first_ready or now))
    return workshop.with_laptop(transition(laptop, State.RECEIVING, now, "layout written"))


def _verifying(workshop: Workshop, event: Verifying, now: float, entropy: str) -> Workshop:
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state is not State.RECEIVING:
        return workshop
    return workshop.with_laptop(transition(laptop, State.VERIFYING, now, "all received; reading back"))


def _judged(workshop: Workshop, event: Judged, now: float, entropy: str) -> Workshop:
    laptop = _in_session(workshop, event.laptop, event.session)
    if laptop is None or laptop.state not in (State.RECEIVING, State.VERIFYING) or event.round <= laptop.attempts:
        return workshop
    laptop = _read_back(laptop, event, now)
    laptop = replace(
        laptop,
        attempts=event.round,
        verdict=event.verdict,
        differs=event.differs,
        bytes=event.bytes,
        reallocated=event.reallocated,
        first_differs=laptop.first_differs or event.differs,
        image_hash=event.image_hash,
    )
    session = workshop.sessions[event.session]
    workshop = workshop.with_session(replace(session, last_verdict=now))
    return workshop.with_laptop(_after_verdict(laptop, event, now))


def _read_back(laptop: Laptop, event: Judged, now: float) -> Laptop:
    """`laptop` in "verifying", since when it says so itself: its reports may all have fallen into "receiving"."""
    if laptop.state is State.VERIFYING:
        return laptop
    took = max(0.0, event.verifying - dict(laptop.seconds).get("verify", 0.0))
    return transition(laptop, State.VERIFYING, max(laptop.since, now - took), "all received; reading back")


def _after_verdict(laptop: Laptop, event: Judged, now: float) -> Laptop:
    if event.verdict is VerdictKind.VERIFIED:
        return used_up(transition(laptop, State.FINISHING, now, "read back: every block is right"), now)
    where = "; ".join(f"{each.partition} bytes {each.first} to {each.last}" for each in event.differs[:3])
    if event.round >= MAX_ROUNDS or (event.verdict is VerdictKind.UNREADABLE and event.round > 1):
        reason = Reason.DISK_READ_ERROR if event.verdict is VerdictKind.UNREADABLE else Reason.STILL_DIFFERS
        return transition(laptop, State.ASIDE, now, reason=reason, detail=where)
    why = f"{event.verdict}: {event.wrong} pieces, {where}; fetching them again"
    return transition(laptop, State.RECEIVING, now, why)


def _finished(workshop: Workshop, event: Finished, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state is not State.FINISHING:
        return workshop
    laptop = replace(laptop, steps=event.steps)
    failed = [f"{name}: {detail}" for name, result, detail in event.steps if result == "failed"]
    if failed:
        return workshop.with_laptop(
            transition(laptop, State.ASIDE, now, reason=Reason.FINISH_FAILED, detail="; ".join(failed))
        )
    return workshop.with_laptop(transition(laptop, State.DONE, now, "done"))


def _failed(workshop: Workshop, event: Failed, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state in (State.DONE, State.ASIDE):
        return workshop
    if laptop.capture or event.code == Reason.CAPTURE_FAILED:
        return workshop.with_laptop(capture.failed(laptop, event, now))
    reason = Reason(event.code) if event.code in set(Reason) else Reason.INTERNAL
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=reason, detail=event.detail[:300]))


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
        return workshop.with_laptop(transition(laptop, State.FINISHING, now, "heard again"))
    if _goes_on(workshop, laptop, now):
        return workshop.with_laptop(
            transition(laptop, State.RECEIVING, now, "heard again: it goes on from where it was")
        )
    laptop = add_history(replace(laptop, session=None), now, "heard again")
    return workshop.with_laptop(ask_or_wait(workshop, laptop, now))


def _goes_on(workshop: Workshop, laptop: Laptop, now: float) -> bool:
    """Whether the session it was in still is one for it, so that what its agent holds in memory is of use."""
    session = workshop.sessions.get(laptop.session) if laptop.session is not None else None
    same = session is not None and session.open and session.kind == "pieces" and session.image == laptop.image
    meant = laptop.confirmation is not None and void(workshop, laptop, now) is None
    begun = laptop.written and laptop.attempts == 0
    held = workshop.paused or laptop.paused or laptop.left_out
    return same and meant and begun and not held and len(workshop.active()) < workshop.places


def _stalled(workshop: Workshop, event: Stalled, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or not laptop.active:
        return workshop
    return workshop.with_laptop(
        transition(laptop, State.ASIDE, now, reason=Reason.NO_HEADWAY, detail=f"{event.seconds:.0f} s")
    )


def _located(workshop: Workshop, event: Located, now: float, entropy: str) -> Workshop:
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None:
        return workshop
    speed = event.speed_mbps or laptop.speed_mbps
    half = laptop.half_duplex if event.half_duplex is None else event.half_duplex
    return workshop.with_laptop(replace(laptop, port=event.port, speed_mbps=speed, half_duplex=half))


def _switch(workshop: Workshop, event: SwitchChanged, now: float, entropy: str) -> Workshop:
    return replace(workshop, places=event.places, places_why=event.why, link_mbps=event.link_mbps)


def _image(workshop: Workshop, event: ImageKnown, now: float, entropy: str) -> Workshop:
    workshop = replace(workshop, images={**workshop.images, event.image.name: event.image})
    return _settle_all(workshop, now)


def _image_gone(workshop: Workshop, event: ImageGone, now: float, entropy: str) -> Workshop:
    images = {name: image for name, image in workshop.images.items() if name != event.name}
    return _settle_all(replace(workshop, images=images), now)


def _tick(workshop: Workshop, event: Tick, now: float, entropy: str) -> Workshop:
    batches = {key: batch for key, batch in workshop.batches.items() if batch.until > now}
    holds = {image: until for image, until in workshop.holds.items() if until > now}
    return _settle_all(replace(workshop, batches=batches, holds=holds), now)


def _settle_all(workshop: Workshop, now: float) -> Workshop:
    """Waiting laptops whose confirmation no longer holds ask again."""
    waiting = [laptop for laptop in workshop.laptops.values() if laptop.state is State.WAITING]
    changed = {laptop.id: settle(workshop, laptop, now) for laptop in waiting}
    return replace(workshop, laptops={**workshop.laptops, **changed}) if waiting else workshop


def _command(workshop: Workshop, event: Command, now: float, entropy: str) -> Workshop:
    return commands.obey(workshop, event, now, entropy)


def _ejected(workshop: Workshop, event: Ejected, now: float, entropy: str) -> Workshop:
    return classics.ejected(workshop, event, now)


def _stream_ended(workshop: Workshop, event: StreamEnded, now: float, entropy: str) -> Workshop:
    return classics.stream_ended(workshop, event, now)


def _captured(workshop: Workshop, event: Captured, now: float, entropy: str) -> Workshop:
    return capture.ended(workshop, event, now)


def _recorded(workshop: Workshop, event: Recorded, now: float, entropy: str) -> Workshop:
    key = f"{event.laptop}/{event.job}"
    return replace(workshop, unrecorded={name: row for name, row in workshop.unrecorded.items() if name != key})


_HANDLERS: dict[type, Callable[[Workshop, Any, float, str], Workshop]] = {
    Configured: _configured,
    Booted: _booted,
    Hello: _hello,
    Confirmed: _confirmed,
    Ready: _ready,
    Verifying: _verifying,
    Judged: _judged,
    Finished: _finished,
    Failed: _failed,
    Vanished: _vanished,
    Returned: _returned,
    Stalled: _stalled,
    Located: _located,
    SwitchChanged: _switch,
    ImageKnown: _image,
    ImageGone: _image_gone,
    Command: _command,
    Tick: _tick,
    Recorded: _recorded,
    Ejected: _ejected,
    StreamEnded: _stream_ended,
    Captured: _captured,
}
