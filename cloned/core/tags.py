"""Tags: the numbers on stickers. One is given to one laptop, once, and to no other ever after.

What was given stands in the state beside the laptops, so that forgetting one takes nothing away. A pattern such as
`DM-{year}-{seq:04}` says what numbers look like; `{year}`, `{yy}` and `{site}` may stand in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.laptop import Laptop, State, VerdictKind, add_history, finish_again, transition
from cloned.core.ledger_events import TagsUsed
from cloned.core.naming import had
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.scanning import scanned
from cloned.core.tagged import LONGEST, TagGiven, TagPattern, is_tag
from cloned.core.verbs import Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop

NEXT = "--next"
"""Phrase in a number's place: the next one of the pattern."""


def pattern_of(workshop: Workshop) -> TagPattern | None:
    """The workshop's pattern, if it has one."""
    settings = workshop.settings
    return TagPattern(settings.tag_pattern, settings.tag_site) if settings.tag_pattern else None


def written(workshop: Workshop, text: str) -> str:
    """A tag as it is kept: printable, and spelt as the pattern spells it."""
    text = unicodedata.normalize("NFC", text)
    text = " ".join("".join(char for char in text if char.isprintable()).split())
    pattern = pattern_of(workshop)
    known = pattern.read(text) if pattern is not None else None
    return known[0] if known is not None else text


def meant(workshop: Workshop, text: str) -> str:
    """A tag that somebody typed or scanned, as it is kept.

    What is no number as it stands may be what a scanner typed on another country's keyboard, or a sticker's address.
    """
    pattern = pattern_of(workshop)
    fits = is_tag if pattern is None else pattern.read
    read = (written(workshop, each) for each in (text, *scanned(text)))
    return next(filter(fits, read), written(workshop, text))


def against(workshop: Workshop, laptop: Laptop, tag: str) -> Refusal | None:
    """Why this laptop cannot get this tag; None if it can."""
    if not tag or tag == laptop.tag:
        return None
    if not is_tag(tag):
        return Refusal(Refused.TAG_SIGNS, {"tag": tag[:LONGEST], "most": LONGEST})
    pattern = pattern_of(workshop)
    if pattern is not None and pattern.read(tag) is None:
        return Refusal(Refused.TAG_PATTERN, {"tag": tag, "pattern": pattern.text})
    holder = _holder(workshop, laptop, tag)
    if holder is not None:
        return Refusal(Refused.TAG_TAKEN, {"tag": tag, "name": holder})
    return _tail_against(workshop, laptop, tag)


def _holder(workshop: Workshop, laptop: Laptop, tag: str) -> str | None:
    """What the laptop is called that has this tag, or had it once."""
    wanted = tag.casefold()
    for other in workshop.laptops.values():
        if other.id != laptop.id and other.tag.casefold() == wanted:
            return _called(other)
    given = workshop.tags.get(wanted)
    if given is None or given.laptop == laptop.id or had(given, laptop):
        return None
    known = workshop.laptops.get(given.laptop)
    return _called(known) if known is not None else given.serial or given.laptop


def _called(laptop: Laptop) -> str:
    machine = f"{laptop.identity.vendor} {laptop.identity.product}".strip()
    return f"{laptop.number} ({', '.join(each for each in (laptop.tag, machine, laptop.identity.serial) if each)})"


def _tail_against(workshop: Workshop, laptop: Laptop, tag: str) -> Refusal | None:
    """Whether another's last digits are the same: a payment reference is made of them."""
    length = workshop.settings.tag_tail
    tail = tail_of(tag, length)
    if not tail:
        return None
    for key, given in workshop.tags.items():
        if given.laptop != laptop.id and key != tag.casefold() and tail_of(given.tag, length) == tail:
            return Refusal(Refused.TAG_TAIL, {"count": length, "tag": tag, "name": given.tag})
    return None


def tail_of(tag: str, length: int) -> str:
    """The last so many digits of a tag; empty where it has fewer."""
    digits = re.sub(r"\D", "", tag, flags=re.ASCII)
    return digits[-length:] if length and len(digits) >= length else ""


def next_tag(workshop: Workshop, laptop: Laptop, now: float) -> str | Refusal:
    """The first number of the pattern above all that were ever used, that this laptop may have."""
    pattern = pattern_of(workshop)
    if pattern is None:
        return Refusal(Refused.NO_TAG_PATTERN)
    number = workshop.counts.get(pattern.prefix(now), 0)
    while True:
        number += 1
        tag = pattern.made(number, now)
        if tag is None:
            return Refusal(Refused.TAGS_OUT, {"pattern": pattern.text})
        refused = against(workshop, laptop, tag)
        if refused is None:
            return tag
        if refused.code is Refused.TAG_SIGNS:  # so is every other of this pattern
            return refused


def give(workshop: Workshop, laptop: Laptop, tag: str, now: float, by: str) -> Workshop:
    """The workshop with this tag on this laptop, and the number used for good. The old one stays findable."""
    what = Happened.NUMBER if tag else Happened.NUMBER_AWAY
    why = happened(what, tag=tag, by=actor(by))
    changed = add_history(replace(laptop, tag=tag, recalled=False), now, why)
    return use(workshop.with_laptop(changed), [_given(laptop, each) for each in (laptop.tag, tag) if each])


def _given(laptop: Laptop, tag: str) -> TagGiven:
    own = tuple(mac for mac in laptop.identity.macs if mac not in laptop.facts.dongles)
    return TagGiven(tag, laptop.id, laptop.identity.uuid, laptop.identity.serial, own)


def use(workshop: Workshop, given: Iterable[TagGiven]) -> Workshop:
    """The workshop with these numbers used: who has one first keeps it, and counts go on above them."""
    tags, counts = workshop.tags, dict(workshop.counts)
    changed: dict[str, TagGiven] = {}
    pattern = pattern_of(workshop)
    for each in given:
        key = each.tag.casefold()
        known = changed.get(key) or tags.get(key)
        if known is None or known.laptop not in workshop.laptops:
            changed[key] = each
        read = pattern.read(each.tag) if pattern is not None else None
        if read is not None:
            counts[read[1]] = max(counts.get(read[1], 0), read[2])
    return replace(workshop, tags=tags.having(changed), counts=counts)


def used_elsewhere(workshop: Workshop, event: TagsUsed, now: float, entropy: str) -> Workshop:
    """Take in numbers that a ledger or inventory knows; after a restore leave out what may have been given since."""
    workshop = use(workshop, event.tags)
    pattern = pattern_of(workshop)
    if not event.skip or pattern is None:
        return workshop
    counts: Mapping[str, int] = {pattern.prefix(now): 0, **workshop.counts}
    return replace(workshop, counts={prefix: count + event.skip for prefix, count in counts.items()})


def after(before: Workshop, workshop: Workshop, now: float) -> Workshop:
    """Give the next number to who needs one now; a laptop whose name is made of its number finishes only with one."""
    settled = before.settings is workshop.settings
    for laptop in workshop.changed_since(before) if settled else tuple(workshop.laptops.values()):
        if _wants_one(workshop, laptop):
            tag = next_tag(workshop, laptop, now)
            if isinstance(tag, str):
                workshop = give(workshop, laptop, tag, now, "the pattern")
        laptop = workshop.laptops[laptop.id]
        if needs(workshop, laptop) and laptop.state is State.FINISHING:
            if not workshop.settings.number_seconds:
                workshop = workshop.with_laptop(transition(laptop, State.ASIDE, now, reason=Reason.NO_TAG))
        elif laptop.tag and laptop.state is State.ASIDE and laptop.reason in (Reason.NO_TAG, Reason.NO_NUMBER):
            workshop = workshop.with_laptop(_goes_on(laptop, now))
    return workshop


def _wants_one(workshop: Workshop, laptop: Laptop) -> bool:
    """Whether it is to get the next number by itself: it is confirmed or at work, and nobody gave it one."""
    begun = laptop.active or (laptop.state is State.WAITING and laptop.goal.confirmation is not None)
    return workshop.settings.tag_given == "auto" and not laptop.tag and begun and not laptop.wants


def needs(workshop: Workshop, laptop: Laptop) -> bool:
    """Whether its computer's name is to be made of its tag, and it has none."""
    return workshop.settings.tag_needed and not laptop.tag


def _goes_on(laptop: Laptop, now: float) -> Laptop:
    again = finish_again(laptop) if laptop.job.verdict is VerdictKind.VERIFIED else laptop
    return transition(again, State.FINISHING, now, happened(Happened.NUMBER_NOW, tag=laptop.tag))


def _refuse(workshop: Workshop, command: Command) -> Refusal | None:
    """Check a number against pattern and all others: when it is asked for, and again when the command is obeyed."""
    laptop = laptop_of(workshop, command)
    if not command.checked:
        return None  # in a journal of 0.1.0, which took any text
    if command.text == NEXT:
        return Refusal(Refused.NO_TAG_PATTERN) if pattern_of(workshop) is None else None
    return against(workshop, laptop, command.text)


def _complete(workshop: Workshop, command: Command) -> Command:
    text = command.text if command.text == NEXT else meant(workshop, command.text)
    return replace(command, text=text, checked=True)


def _obey(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    laptop = laptop_of(workshop, command)
    if not command.checked:
        tag = command.text[:40]
        return use(workshop.with_laptop(replace(laptop, tag=tag)), [_given(laptop, tag)] if tag else [])
    found = next_tag(workshop, laptop, now) if command.text == NEXT else command.text
    return workshop if isinstance(found, Refusal) else give(workshop, laptop, found, now, command.by)


def _answer(workshop: Workshop, command: Command) -> Mapping[str, str] | Refusal:
    """The number it has now. Somebody else may have been quicker with it, or the last one was used up."""
    laptop, pattern = laptop_of(workshop, command), pattern_of(workshop)
    if command.text == NEXT and pattern is not None:
        read = pattern.read(laptop.tag)
        newest = read is not None and workshop.counts.get(read[1]) == read[2]
        return {"tag": laptop.tag} if newest else Refusal(Refused.TAGS_OUT, {"pattern": pattern.text})
    if laptop.tag == command.text:
        return {"tag": laptop.tag}
    return against(workshop, laptop, command.text) or Refusal(Refused.OVERTAKEN)


VERBS = (
    Verb(
        "tag",
        "Note the NUMBER on a LAPTOP's sticker, or give it the next one; an empty one takes it away.",
        _obey,
        Target.LAPTOP,
        (Word("text", "the number on its sticker, or --next", needed=True, name="number"),),
        role=Role.VOLUNTEER,
        refuse=_refuse,
        complete=_complete,
        answer=_answer,
        command_line="tag",
    ),
)
"""Its line in the table of commands."""
