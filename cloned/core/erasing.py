"""Erasing laptops: who may be erased, by whose word, and what follows. Nothing is erased by accident.

An erasure has a confirmation of its own, given by a person for named disks; `confirm = "auto"` never gives one. It
takes no place on the switch. A laptop that was erased half way stays in it until every disk is through or a person left
it out.
"""

from __future__ import annotations

from dataclasses import replace

from cloned.core import second
from cloned.core.clocks import over
from cloned.core.erase_events import DiskErased, DiskWritten, MediaTold
from cloned.core.erasure import Erasure, TakenOut, built_in, name_of
from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import derive_id
from cloned.core.laptop import Laptop, State, VerdictKind, add_history, transition, unconfirmed
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.second import Said
from cloned.core.verbs import Holds, Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop
from cloned.disk import erase_machine as machine
from cloned.disk.erase import LEVELS, EraseLevel, choose
from cloned.disk.erase_record import DiskErasure
from cloned.disk.media import Medium
from cloned.order_types import ErasureOffer, OfferedErasure, Order
from cloned.saying import Phrase, message, short

_PRESENT = frozenset({State.ASKING, State.WAITING, State.ASIDE, State.ERASED})
TAKEN_OUT = ("destroyed", "kept")
"""What may become of a disk that could not be erased."""
WANT = "erase"
"""The word of the kernel's command line, `cloned.want=erase`."""
_NEVER = "pci:"
"""How the path of a disk begins that a controller hides: it cannot be named, and makes the laptop not erased."""


def under_way(laptop: Laptop) -> bool:
    """Whether an erasure of it was begun and is not through."""
    return laptop.erasure is not None and not laptop.erasure.over


def needed(workshop: Workshop, laptop: Laptop) -> bool:
    """Whether it must be erased before it may be cloned."""
    when, done = workshop.settings.erase_before, laptop.erasure
    if under_way(laptop):
        return True
    if (when == "never" and not laptop.erase_first) or laptop.job.open:
        return False
    fresh = done is not None and done.erased and not done.spent
    return not fresh and (when == "always" or bool(laptop.erase_first) or laptop.job.number == 0)


def wants_media(laptop: Laptop) -> bool:
    """Whether its agent is to say what its disks can do: before a person can decide."""
    return laptop.contact.hellos > 0 and not laptop.media and laptop.state in _PRESENT


# -- the command ------------------------------------------------------------------------------------


def level_of(workshop: Workshop, text: str) -> EraseLevel | None:
    """The level that was asked for, else the workshop's; None where there is none of that name."""
    try:
        return EraseLevel(text or workshop.settings.erase_level)
    except ValueError:
        return None


def _against(workshop: Workshop, command: Command) -> Refusal | None:
    """Why this laptop is not erased."""
    laptop = laptop_of(workshop, command)
    level = level_of(workshop, command.level)
    if level is None:
        return Refusal(Refused.NO_SUCH_LEVEL, {"name": command.level})
    wrong = _not_now(laptop) or _disks_against(laptop, command) or _level_against(laptop, level)
    return wrong or second.against(workshop, laptop, command)


def _not_now(laptop: Laptop) -> Refusal | None:
    name = {"name": laptop.tag or laptop.number}
    if laptop.keep:
        return Refusal(Refused.KEPT, name)
    if laptop.lent:
        return Refusal(Refused.LENT, name)
    if laptop.state is State.DONE:
        return Refusal(Refused.IS_DONE, name)
    if laptop.active or laptop.unfinished or laptop.capture.image or laptop.state is State.ERASING:
        return Refusal(Refused.AT_WORK, name)
    if laptop.state not in _PRESENT or not laptop.contact.running:
        return Refusal(Refused.NOT_RUNNING_ERASE)
    return None if laptop.media else Refusal(Refused.NOT_LOOKED_AT)


def _disks_against(laptop: Laptop, command: Command) -> Refusal | None:
    """Every built-in disk must be named, once, and nothing else."""
    there = [medium for medium in built_in(laptop.media) if not medium.path.startswith(_NEVER)]
    if not there:
        return Refusal(Refused.NO_DISK)
    known = {"known": ", ".join(medium.serial or medium.key for medium in there)}
    named = [disk_named(there, name) for name in command.disks]
    if None in named:
        wrong = command.disks[named.index(None)]
        return Refusal(Refused.NO_SUCH_DISK, {**known, "name": wrong})
    missing = [name_of(medium) for medium in there if medium not in named]
    if missing or len({medium.key for medium in there}) != len(there):
        return Refusal(
            Refused.NAME_EVERY_DISK, {**known, "missing": ", ".join(missing) or Phrase("two that are called alike")}
        )
    return None


def disk_named(media: list[Medium], name: str) -> Medium | None:
    """The one disk with this serial, WWN, key or path."""
    found = [medium for medium in media if name and name in (medium.serial, medium.wwn, medium.key, medium.path)]
    return found[0] if len(found) == 1 else None


def _level_against(laptop: Laptop, level: EraseLevel) -> Refusal | None:
    """A disk that could be erased, but not as thoroughly as was asked: a weaker level is never taken silently."""
    for medium in built_in(laptop.media):
        choice = choose(medium, level)
        if choice.technique is None and choose(medium, EraseLevel.CLEAR).technique is not None:
            known = {"why": message(choice.why), "instead": message(choice.next_step)}
            return Refusal(Refused.LEVEL_TOO_HIGH, {"disk": name_of(medium), **known})
    return None


def _erase(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Where it is to be erased before it is cloned, that follows; else, and with `only`, nothing does."""
    level, laptop = level_of(workshop, command.level) or EraseLevel.PURGE, laptop_of(workshop, command)
    keys = tuple(sorted(medium.key for medium in built_in(laptop.media)))
    first = laptop.first_word.by if laptop.first_word is not None else ""
    laptop, enough = second.count_word(workshop, laptop, Said("erase", keys, level, command.text), command.by, now)
    if not enough:
        return workshop.with_laptop(laptop)
    if command.text == "only" or not needed(workshop, laptop):
        laptop = unconfirmed(laptop)
    by = f"{first}, {command.by}" if first and workshop.settings.erase_second else command.by
    return workshop.with_laptop(started(workshop, laptop, level, by, now, entropy))


def _answer(workshop: Workshop, command: Command) -> dict[str, object]:
    """Whether it began, or another user has to say the same."""
    return {"second": True} if laptop_of(workshop, command).first_word is not None else {}


def started(
    workshop: Workshop, laptop: Laptop, level: EraseLevel, by: str, now: float, entropy: str
) -> Laptop:  # fmt: skip
    """`laptop` with its disks being erased; whatever was proved of them before counts no more."""

    def planned(medium: Medium) -> DiskErasure:
        seed = derive_id(entropy, f"erase/{medium.key}", 32)
        return machine.plan(medium, level, seed, workshop.settings.erase_verify)

    disks = tuple(planned(medium) for medium in built_in(laptop.media))
    number = laptop.erasures + 1
    erasure = Erasure(derive_id(entropy, "erasure", 10), number, level, by, now, disks, came_by=laptop.contact.came_by)
    laptop = replace(
        laptop,
        erasure=erasure,
        erasures=number,
        left_out=False,
        session=None,
        wants="",
        goal=replace(laptop.goal, written=False),
        job=replace(laptop.job, verdict=VerdictKind.NONE, image_hash=""),
    )
    named = ", ".join(name_of(disk.medium) for disk in disks)
    return transition(
        laptop, State.ERASING, now, happened(Happened.ERASURE, level=str(level), disks=named, by=actor(by))
    )


def _failed_disk(laptop: Laptop, name: str) -> DiskErasure | None:
    """The one disk of its last erasure with this serial, WWN, key or path that is not erased."""
    disks = laptop.erasure.disks if laptop.erasure is not None and laptop.erasure.over else ()
    left = [disk for disk in disks if not disk.erased]
    found = disk_named([disk.medium for disk in left], name)
    return next((disk for disk in left if disk.medium is found), None)


def _not_set_aside(workshop: Workshop, command: Command) -> Refusal | None:
    laptop = laptop_of(workshop, command)
    if command.text not in TAKEN_OUT:
        return Refusal(Refused.NO_SUCH_FATE, {"name": command.text, "known": ", ".join(TAKEN_OUT)})
    if _failed_disk(laptop, command.disk) is None:
        disks = laptop.erasure.disks if laptop.erasure is not None else ()
        known = ", ".join(disk.medium.serial or disk.medium.key for disk in disks if disk.over and not disk.erased)
        return Refusal(Refused.NOTHING_SET_ASIDE, {"name": command.disk, "known": known or "-"})
    return second.against(workshop, laptop, command)


def _taken_out(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Its row is recorded again, with who said so."""
    laptop = laptop_of(workshop, command)
    disk, erasure = _failed_disk(laptop, command.disk), laptop.erasure
    assert disk is not None
    assert erasure is not None
    first = laptop.first_word.by if laptop.first_word is not None else ""
    said = Said("taken-out", (disk.medium.key,), text=command.text)
    laptop, enough = second.count_word(workshop, laptop, said, command.by, now)
    if not enough:
        return workshop.with_laptop(laptop)
    by = tuple(filter(None, (first, command.by))) if workshop.settings.erase_second else (command.by,)
    others = tuple(each for each in erasure.taken_out if each.key != disk.medium.key)
    gone = TakenOut(disk.medium.key, command.text, now, by)
    erasure = replace(erasure, taken_out=(*others, gone), recorded=False)
    known = {"disk": name_of(disk.medium), "what": command.text, "by": " + ".join(str(actor(each)) for each in by)}
    return workshop.with_laptop(
        add_history(replace(laptop, erasure=erasure), now, happened(Happened.TAKEN_OUT, **known))
    )


def _keep(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    return workshop.with_laptop(replace(laptop_of(workshop, command), keep=command.text != "no"))


VERBS = (
    Verb(
        "erase",
        "Erase every built-in disk of a LAPTOP, each named by its serial number.",
        _erase,
        Target.LAPTOP,
        (
            Word("disks", "serial number of every built-in disk", Holds.DISKS, needed=True, name="disk", option=True),
            Word("level", "clear or purge; else the workshop's", name="level"),
            Word("text", "clone nothing afterwards: the laptop goes off, erased", flag="only", name="only"),
        ),
        refuse=_against,
        answer=_answer,
        command_line="erase start",
    ),
    Verb(
        "taken-out",
        "Note that a disk of a LAPTOP which could not be erased was taken out.",
        _taken_out,
        Target.LAPTOP,
        (
            Word("disk", "serial number of the disk", needed=True),
            Word("text", "destroyed, or kept for a person to deal with", needed=True, name="what"),
        ),
        refuse=_not_set_aside,
        answer=_answer,
        command_line="erase taken-out",
    ),
    Verb(
        "keep",
        "Note that a LAPTOP's disks must never be erased.",
        _keep,
        Target.LAPTOP,
        (Word("text", "`no`: they may be", flag="no", name="off"),),
        role=Role.VOLUNTEER,
        command_line="erase keep",
    ),
)
"""Their lines in the table of commands."""


# -- what happens --------------------------------------------------------------------------------------


def told(workshop: Workshop, event: MediaTold, now: float, entropy: str) -> Workshop:
    """The agent said what the disks can do; what a batch foresaw begins."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is not None and laptop.state is State.ERASING and laptop.erasure is not None:
        erasure = laptop.erasure.with_late(event.media, now)
        seen = laptop.media if erasure is laptop.erasure else ()  # all of them are to be looked at again
        return workshop.with_laptop(replace(laptop, media=seen, erasure=erasure))
    if laptop is None or laptop.state not in _PRESENT:
        return workshop
    laptop = replace(laptop, media=event.media)
    if not _by_batch(workshop, laptop):
        return workshop.with_laptop(laptop)
    assert laptop.goal.confirmation is not None
    level = EraseLevel(laptop.erase_first)
    return workshop.with_laptop(started(workshop, laptop, level, laptop.goal.confirmation.by, now, entropy))


def _by_batch(workshop: Workshop, laptop: Laptop) -> bool:
    """Whether a batch's word covers this erasure: exactly one built-in disk, the very one that is to be cloned."""
    media, given = built_in(laptop.media), laptop.goal.confirmation
    if not laptop.erase_first or laptop.state is not State.WAITING or given is None or len(media) != 1:
        return False
    if workshop.settings.erase_second:  # a batch is one person's word
        return False
    level = EraseLevel(laptop.erase_first)
    return media[0].key == given.disk and not _not_now(laptop) and not _level_against(laptop, level)


def took_in(workshop: Workshop, event: DiskErased, now: float) -> Workshop:
    """A disk came further, or to its end."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.erasure is None or laptop.erasure.id != event.erasure:
        return workshop
    return _after(workshop, laptop, laptop.erasure.taken_in(event.disk, now), now)


def wrote(workshop: Workshop, event: DiskWritten, now: float) -> Workshop:
    """An overwrite came as far as this."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or laptop.erasure is None or laptop.erasure.id != event.erasure:
        return workshop
    old = laptop.erasure.find(event.disk)
    if old is None or event.offset >= old.medium.size:
        return workshop
    return _after(workshop, laptop, laptop.erasure.taken_in(machine.wrote(old, event.offset, event.bad), now), now)


def _after(workshop: Workshop, laptop: Laptop, erasure: Erasure, now: float) -> Workshop:
    if erasure is laptop.erasure:
        return workshop
    laptop = replace(laptop, erasure=erasure)
    if not erasure.over:
        return workshop.with_laptop(laptop)
    return workshop.with_laptop(_through(workshop, laptop, erasure, now))


def _through(workshop: Workshop, laptop: Laptop, erasure: Erasure, now: float) -> Laptop:
    """Every disk is through: it is cloned where somebody confirmed that, or goes off; or is set aside, in red."""
    laptop = replace(laptop, erase_first="")
    if not erasure.erased:
        return transition(laptop, State.ASIDE, now, reason=Reason.NOT_ERASED, detail=short(erasure.failures()))
    given = laptop.goal.confirmation
    if given is not None and not over(given, now) and given.disk in {disk.key for disk in laptop.eligible()}:
        return transition(laptop, State.WAITING, now, happened(Happened.ALL_ERASED, level=str(erasure.level)))
    return transition(laptop, State.ERASED, now, happened(Happened.ALL_ERASED, level=str(erasure.level)))


def taken_up(laptop: Laptop, now: float) -> Laptop | None:
    """A laptop that is heard again in the middle of its erasure goes on with it. None: there is none."""
    if not under_way(laptop) or laptop.left_out:
        return None
    return transition(replace(laptop, session=None), State.ERASING, now, happened(Happened.ERASURE_GOES_ON))


def spent(laptop: Laptop) -> Laptop:
    """It was cloned: its disks are no longer empty."""
    return laptop if laptop.erasure is None else replace(laptop, erasure=replace(laptop.erasure, spent=True))


# -- what is said of it --------------------------------------------------------------------------------


def order(laptop: Laptop) -> Order | None:
    """What its agent is to do, if anything of this."""
    if laptop.state is State.ERASING and laptop.erasure is not None:
        return {"do": "erase", "erasure": laptop.erasure.id, "disks": [disk.to_json() for disk in laptop.erasure.disks]}
    if laptop.state is State.ERASED:
        erased = Phrase("Erased: every built-in disk, read back.")
        screen: list[str] = [erased, Phrase("Nothing is on this laptop any more.")]
        return {"do": "power", "action": "poweroff", "screen": screen}
    return None


def offer(workshop: Workshop, laptop: Laptop) -> ErasureOffer | None:
    """What a key on the laptop would begin: where it must be erased, or volunteers may and chose that in its menu.

    `only`: nothing is cloned afterwards. Every disk must be one that can be erased.
    """
    chosen = laptop.wants == WANT and workshop.settings.erase_by == "volunteer"
    asked = chosen or (not laptop.wants and needed(workshop, laptop))
    if not asked or laptop.state not in (State.ASKING, State.WAITING) or workshop.settings.erase_second:
        return None
    level, media = level_of(workshop, ""), built_in(laptop.media)
    if level is None or not media or _not_now(laptop) or _level_against(laptop, level):
        return None
    return {"level": str(level), "only": chosen, "disks": [_offered(medium, level) for medium in media]}


def _offered(medium: Medium, level: EraseLevel) -> OfferedErasure:
    choice = choose(medium, level)
    words = (
        LEVELS[choice.technique].words
        if choice.technique
        else Phrase("cannot be erased: {why}", why=message(choice.why))
    )
    return {
        "model": medium.model,
        "serial": medium.serial,
        "size": medium.size,
        "key": medium.key,
        "words": words,
        "seconds": choice.seconds,
    }


def unrecorded(laptop: Laptop) -> bool:
    """Whether its erasure is through and no row of it is on its way."""
    return laptop.erasure is not None and laptop.erasure.over and not laptop.erasure.recorded


def recorded(laptop: Laptop) -> Laptop:
    """Its row is on its way to the ledger."""
    assert laptop.erasure is not None
    return replace(laptop, erasure=replace(laptop.erasure, recorded=True))
