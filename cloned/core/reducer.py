"""`step`: one event in, the next state and what must be done out. The only place state changes.

What an event itself does stands in `_reduce` and the files it names; what follows from whatever changed, in effects.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from cloned.core import (
    arrivals,
    capture,
    clocks,
    commands,
    deliveries,
    erasing,
    inventories,
    laptop_events,
    overtaken,
    slow_cards,
    tags,
    triage,
    trials,
    weighing,
)
from cloned.core import classic_sessions as classics
from cloned.core.confirm import give, settle_all
from cloned.core.effect_types import Effect
from cloned.core.effects import admit, effects, end_sessions, resume
from cloned.core.erase_events import DiskErased, DiskWritten, MediaTold
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
    LaptopEvent,
    Located,
    PartsTold,
    Ready,
    Returned,
    SlowCard,
    Stalled,
    StreamEnded,
    SwitchChanged,
    Tick,
    TrialTold,
    Vanished,
    Verifying,
)
from cloned.core.laptop import GIVEN_UP_SECONDS
from cloned.core.ledger import with_row
from cloned.core.ledger_events import (
    Disowned,
    InventoryTold,
    LedgerAhead,
    LedgerEvent,
    NoNumber,
    Recorded,
    TagsUsed,
    Weighed,
)
from cloned.core.workshop import Workshop

__all__ = ["resume", "step"]


def step(workshop: Workshop, event: Event, now: float, entropy: str) -> tuple[Workshop, tuple[Effect, ...]]:
    """The state after `event` at `now` (seconds since 1970), and the effects it calls for.

    `entropy` is random hex, drawn and journalled with the event: every new id derives from it.

    Events that no longer apply (a session that is over, a laptop nobody knows) change nothing.
    """
    before = overtaken.without_news(workshop, event) if isinstance(event, LedgerAhead) else workshop
    workshop = _reduce(clocks.at(workshop, now), event, now, entropy)
    workshop = tags.after(before, workshop, now)
    workshop = deliveries.after(before, workshop, now)
    workshop = admit(workshop, entropy, now)
    workshop = classics.advance(workshop, now)
    workshop = end_sessions(workshop, now)
    return effects(before, workshop, now)


def _reduce(workshop: Workshop, event: Event, now: float, entropy: str) -> Workshop:  # noqa: C901 - an arm for each
    """The state right after `event`; the same state where the event no longer applies."""
    if isinstance(event, LaptopEvent):
        return _of_a_laptop(workshop, event, now)
    if isinstance(event, LedgerEvent):
        return _of_the_ledger(workshop, event, now, entropy)
    match event:
        case Configured():
            return _configured(workshop, event, now)
        case Booted():
            return arrivals.booted(workshop, event, now, entropy)
        case Hello():
            return arrivals.hello(workshop, event, now, entropy)
        case Confirmed():
            return _confirmed(workshop, event, now)
        case SwitchChanged():
            return replace(workshop, places=event.places, places_why=event.why, link_mbps=event.link_mbps)
        case ImageKnown():
            return _image(workshop, event, now)
        case ImageGone():
            return _image_gone(workshop, event, now)
        case Command():
            return commands.obey(workshop, event, now, entropy)
        case Tick():
            return _tick(workshop, now)
        case Ejected():
            return classics.ejected(workshop, event, now)
        case StreamEnded():
            return classics.stream_ended(workshop, event, now)
        case MediaTold():
            return erasing.told(workshop, event, now, entropy)
        case DiskErased():
            return erasing.took_in(workshop, event, now)
        case DiskWritten():
            return erasing.wrote(workshop, event, now)
        case _:
            assert_never(event)


def _of_a_laptop(workshop: Workshop, event: LaptopEvent, now: float) -> Workshop:  # noqa: C901 - an arm for each
    """After what a laptop that is known told or met with."""
    match event:
        case Ready():
            return laptop_events.ready(workshop, event, now)
        case Verifying():
            return laptop_events.verifying(workshop, event, now)
        case Judged():
            return laptop_events.judged(workshop, event, now)
        case Finished():
            return laptop_events.finished(workshop, event, now)
        case Failed():
            return laptop_events.failed(workshop, event, now)
        case Vanished():
            return laptop_events.vanished(workshop, event, now)
        case Returned():
            return laptop_events.returned(workshop, event, now)
        case Stalled():
            return laptop_events.stalled(workshop, event, now)
        case Located():
            return laptop_events.located(workshop, event, now)
        case PartsTold():
            return laptop_events.parts_told(workshop, event)
        case SlowCard():
            return slow_cards.noticed(workshop, event, now)
        case TrialTold():
            return trials.told(workshop, event, now)
        case Captured():
            return capture.ended(workshop, event, now)
        case _:
            assert_never(event)


def _of_the_ledger(workshop: Workshop, event: LedgerEvent, now: float, entropy: str) -> Workshop:
    """After what the ledger or an inventory told."""
    match event:
        case TagsUsed():
            return tags.used_elsewhere(workshop, event, now, entropy)
        case LedgerAhead():
            return overtaken.told(workshop, event, now)
        case InventoryTold():
            return inventories.told(workshop, event, now)
        case NoNumber():
            return inventories.no_number(workshop, event, now)
        case Recorded():
            return _recorded(workshop, event)
        case Weighed():
            return weighing.settled(workshop, event.laptop, event.known, entropy, now)[0]
        case Disowned():
            return weighing.disowned(workshop, event, entropy)
        case _:
            assert_never(event)


def _configured(workshop: Workshop, event: Configured, now: float) -> Workshop:
    workshop = replace(workshop, settings=event.settings)
    rules = event.settings.triage
    judged = {each.id: triage.judged(rules, each, each.contact.last_hello) for each in workshop.laptops.values()}
    workshop = replace(workshop, laptops=judged)
    return settle_all(workshop, now) if rules else workshop


def _confirmed(workshop: Workshop, event: Confirmed, now: float) -> Workshop:
    return give(workshop, Command("confirm", event.by, event.laptop, event.image, disk=event.disk), now)


def _image(workshop: Workshop, event: ImageKnown, now: float) -> Workshop:
    workshop = replace(workshop, images={**workshop.images, event.image.name: event.image})
    return settle_all(workshop, now)


def _image_gone(workshop: Workshop, event: ImageGone, now: float) -> Workshop:
    images = {name: image for name, image in workshop.images.items() if name != event.name}
    return settle_all(replace(workshop, images=images), now)


def _tick(workshop: Workshop, now: float) -> Workshop:
    batches = {key: batch for key, batch in workshop.batches.items() if batch.until > now}
    holds = {image: until for image, until in workshop.holds.items() if until > now}
    return settle_all(_given_up(replace(workshop, batches=batches, holds=holds), now), now)


def _given_up(workshop: Workshop, now: float) -> Workshop:
    """The attempts of laptops that are gone for long have ended: each leaves its row."""
    for laptop in workshop.laptops.values():
        if laptop.unrecorded and now - laptop.since >= GIVEN_UP_SECONDS:
            workshop = with_row(workshop, laptop, now)
            workshop = workshop.with_laptop(replace(laptop, job=replace(laptop.job, given_up=True)))
    return workshop


def _recorded(workshop: Workshop, event: Recorded) -> Workshop:
    key = f"{event.laptop}/{event.job}"
    return replace(workshop, unrecorded={name: row for name, row in workshop.unrecorded.items() if name != key})
