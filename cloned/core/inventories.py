"""What inventories say of a laptop that comes: its number, whether it is lent out, and what does not agree.

They are asked at its first hello. Until they answered, or were away for 2 s, nothing is cloned onto it; what they said
before counts where one is away. Whoever asks them (inventory/asking.py) always brings an `InventoryTold`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cloned.core import tags
from cloned.core.confirm import ask_or_wait
from cloned.core.happened import Happened, happened
from cloned.core.known import KnownElsewhere
from cloned.core.laptop import Laptop, State, add_history, named, transition, unconfirmed
from cloned.core.ledger_events import InventoryTold, NoNumber
from cloned.core.reasons import Reason
from cloned.core.warnings import Warn
from cloned.core.words import Phrase
from cloned.core.workshop import Workshop


def told(workshop: Workshop, event: InventoryTold, now: float) -> Workshop:
    """They answered, or were away: the laptop gets its number, is lent out or back, and goes on."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None:
        return workshop
    answered = {each.sink for each in event.known}
    known = (*event.known, *(each for each in laptop.known if each.sink not in answered))
    before, lent = (any(each.lent for each in found) for found in (laptop.known, known))
    laptop = replace(laptop, known=known, asked_at=now, away=event.away)
    if event.away:
        laptop = add_history(laptop, now, happened(Happened.INVENTORY_AWAY, sinks=", ".join(event.away)))
    workshop = _numbered(workshop.with_laptop(_marked(laptop)), laptop, now)
    laptop = workshop.laptops[event.laptop]
    if lent != before:
        laptop = _lent(laptop, known, lent, now)
    if laptop.state is State.ASKING and laptop.reason is Reason.INVENTORY_ASKED:
        laptop = ask_or_wait(workshop, laptop, now)
    return workshop.with_laptop(laptop)


def _marked(laptop: Laptop) -> Laptop:
    label = next((each.label for each in laptop.known if each.label), "")
    return replace(laptop, mark=laptop.mark or label)


def _numbered(workshop: Workshop, laptop: Laptop, now: float) -> Workshop:
    """The one number that inventories have for it, where it has none and no other laptop has that one."""
    found = {each.tag: each.sink for each in laptop.known if each.tag and each.found == 1}
    if laptop.tag or len(found) != 1:
        return workshop
    tag, sink = next(iter(found.items()))
    tag = tags.written(workshop, tag)
    laptop = workshop.laptops[laptop.id]
    refused = tags.against(workshop, laptop, tag)
    if refused is None:
        return tags.give(workshop, laptop, tag, now, sink)
    why = happened(Happened.NUMBER_NOT_TAKEN, tag=tag, by=sink, why=refused.sentence())
    return workshop.with_laptop(add_history(laptop, now, why))


def _lent(laptop: Laptop, known: Iterable[KnownElsewhere], lent: bool, now: float) -> Laptop:
    """Lent out, or back, as an inventory says since now; whoever had confirmed it did not know."""
    sinks = ", ".join(each.sink for each in known if each.lent)
    laptop = replace(laptop, lent=lent)
    if not lent:
        return add_history(laptop, now, happened(Happened.BACK_ELSEWHERE))
    laptop = add_history(laptop, now, happened(Happened.LENT_ELSEWHERE, sinks=sinks))
    if laptop.state not in (State.ASKING, State.WAITING):
        return laptop
    asked = laptop.reason is Reason.INVENTORY_ASKED
    laptop = unconfirmed(laptop)
    return laptop if asked else transition(laptop, State.ASKING, now, reason=Reason.LENT_OUT)


def no_number(workshop: Workshop, event: NoNumber, now: float) -> Workshop:
    """The inventory gave it no number in time: it is set aside, its verdict stays."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.state is not State.FINISHING or not tags.needs(workshop, laptop):
        return workshop
    return workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=Reason.NO_NUMBER, detail=event.why[:300]))


def disagreements(laptops: Iterable[Laptop]) -> Iterable[Warn]:
    """What an inventory says and a sticker does not, and where it has a serial twice."""
    for laptop in laptops:
        for each in laptop.known:
            if each.tag and laptop.tag and each.tag.casefold() != laptop.tag.casefold():
                text = Phrase(
                    "{sink} calls the serial {serial} {theirs}, the sticker says {ours}",
                    sink=each.sink, serial=laptop.identity.serial, theirs=each.tag, ours=laptop.tag,
                )  # fmt: skip
                yield Warn("inventory-disagrees", text, Phrase("correct one of them"))
            for said in each.said:
                text = Phrase("{laptop}: {sink} says: {said}", laptop=named(laptop), sink=each.sink, said=said)
                yield Warn("inventory-says", text, Phrase("put it right there"))
