"""Ids that were given while the ledger could not be asked, or that it has of another machine: settled once it answers.

The evening goes on meanwhile, but nothing is recorded under such an id: its rows are held. When the ledger has weighed
cards and disks, one event moves whatever refers to the laptop to the id that is its own, and lets the rows go. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.confirm import ask_or_wait, by_itself
from cloned.core.derived import built_in, first_id
from cloned.core.effect_types import Effect, Record
from cloned.core.evidence import Evidence, contradicts, evidence_of
from cloned.core.happened import Happened, happened
from cloned.core.ids import Identity, LaptopId, derive_id
from cloned.core.known import KnownToLedger
from cloned.core.laptop import Laptop, State, Unweighed, add_history, unconfirmed
from cloned.core.ledger_events import Disowned
from cloned.core.recorded import sight_in
from cloned.core.row_types import as_row
from cloned.core.tagged import TagGiven
from cloned.core.workshop import Workshop

Rows = Mapping[str, dict[str, object]]


def at_work(laptop: Laptop) -> bool:
    """Whether it is cloned, erased or captured just now: its id then stays, as its agent and a session go by it."""
    return laptop.active or laptop.state is State.ERASING or bool(laptop.capture.image)


def questions(workshop: Workshop) -> dict[LaptopId, Evidence]:
    """What the ledger is to weigh, by the id it has now: laptops, and rows of those that were forgotten since."""
    rows = {
        LaptopId(row["laptop"]): sight_in(row)
        for row in map(as_row, workshop.held.values())
        if row["laptop"] not in workshop.laptops
    }
    heard = (each for each in workshop.laptops.values() if each.unweighed and each.contact.hellos and not at_work(each))
    return rows | {each.id: sight_now(each) for each in heard}


def sight_now(laptop: Laptop) -> Evidence:
    """A laptop as its last hello showed it: all docks it ever hung on would prove too much."""
    identity = replace(laptop.identity, macs=laptop.contact.cards or laptop.identity.macs)
    return Evidence(identity, laptop.facts.disks, frozenset(laptop.facts.dongles))


def settled(
    workshop: Workshop, ident: LaptopId, known: KnownToLedger, entropy: str, now: float
) -> tuple[Workshop, LaptopId]:
    """The workshop with all that goes by `ident` under the id that is its own, and that id.

    Nothing changes while the laptop is at work, or the id that it is to have is another's who is.
    """
    laptop = workshop.laptops.get(ident)
    open_question = laptop.unweighed if laptop is not None else _held_of(workshop, ident)
    if not known.weighed or not open_question or (laptop is not None and at_work(laptop)):
        return workshop, ident
    known = _believed(workshop, laptop, ident, known)
    free = _made_free(workshop, LaptopId(known.laptop), entropy) if known.laptop not in ("", ident) else workshop
    if free is None:
        return workshop, ident
    workshop = free
    own = LaptopId(known.laptop) if known.laptop else _own(workshop, laptop, ident, known.taken, entropy)
    workshop = _released(moved(workshop, ident, own, laptop), ident, own, known)
    if laptop is not None:
        workshop = workshop.with_laptop(_known_as(workshop, workshop.laptops[own], ident, known, now))
    return workshop, own


def become(workshop: Workshop, laptop: Laptop, known: KnownToLedger, entropy: str, now: float) -> Workshop | None:
    """The workshop where a laptop is one of the ledger's, as somebody said; None where that id is not free now."""
    free = _made_free(workshop, LaptopId(known.laptop), entropy)
    if free is None:
        return None
    own = LaptopId(known.laptop)
    workshop = _released(moved(free, laptop.id, own, laptop), laptop.id, own, known)
    named = replace(workshop.laptops[own], perhaps=None)
    return workshop.with_laptop(_known_as(workshop, named, laptop.id, known, now))


def _believed(workshop: Workshop, laptop: Laptop | None, ident: LaptopId, known: KnownToLedger) -> KnownToLedger:
    """The ledger's answer, without an id that another laptop here certainly has or that the ledger refused."""
    holder = workshop.laptops.get(LaptopId(known.laptop))
    theirs = known.laptop != ident and holder is not None and not holder.unheard and not holder.unweighed
    refused = known.laptop == ident and laptop is not None and laptop.unweighed is Unweighed.REFUSED
    if not (theirs or refused):
        return known
    return KnownToLedger(weighed=True, taken=(*known.taken, known.laptop), namesake=known.namesake)


def _made_free(workshop: Workshop, wanted: LaptopId, entropy: str) -> Workshop | None:
    """The workshop in which no laptop has this id any more; None while one that has it is at work or is owed rows."""
    if any(row["laptop"] == wanted for row in workshop.unrecorded.values()):
        return None
    holder = workshop.laptops.get(wanted)
    if holder is None:
        return workshop if not _held_of(workshop, wanted) else None
    if holder.unheard:  # boot scripts that were given to that row stay with the id
        return replace(workshop, laptops={key: each for key, each in workshop.laptops.items() if key != wanted})
    if at_work(holder):
        return None
    other = _own(workshop, holder, wanted, (wanted,), entropy + "/other")
    workshop = moved(workshop, wanted, other, holder)
    held = {f"{row['laptop']}/{row['attempt']}": row for row in _renamed(workshop.held, wanted, other)}
    return replace(workshop, held=held)


def _own(workshop: Workshop, laptop: Laptop | None, ident: LaptopId, taken: Collection[str], entropy: str) -> LaptopId:
    """The id that it has, unless it is another's; then one of its own, as a second claimant gets it."""
    if ident not in taken:
        return ident
    if laptop is None:
        return LaptopId(derive_id(entropy, "laptop", 10))
    return own_id(workshop, built_in(laptop.identity, laptop.facts.dongles), entropy, taken)


def own_id(workshop: Workshop, identity: Identity, entropy: str, taken: Collection[str] = ()) -> LaptopId:
    """An id that nobody has, here or (`taken`) in the ledger; by chance where nothing speaks for one."""
    rows = (workshop.held, workshop.unrecorded) if workshop.settings.judging > 1 else ()
    owed = {str(row["laptop"]) for each in rows for row in each.values()}
    found = first_id(identity, {*workshop.laptops, *owed, *taken})
    return found or LaptopId(derive_id(entropy, "laptop", 10))


def _known_as(workshop: Workshop, laptop: Laptop, was: LaptopId, known: KnownToLedger, now: float) -> Laptop:
    """`laptop` with what the ledger says of it: numbers go on above those there."""
    job = replace(laptop.job, number=laptop.job.number + known.jobs)
    erasure = laptop.erasure and replace(laptop.erasure, number=laptop.erasure.number + known.erasures)
    untold, uncloned = laptop.lendings == 0, laptop.job.number == 0
    holder = workshop.tags.get(known.tag.casefold())
    free = holder is None or holder.laptop in ("", was, laptop.id)
    laptop = replace(
        laptop,
        unweighed=Unweighed.NO,
        namesake=known.namesake,
        perhaps=known.perhaps or laptop.perhaps,
        job=job,
        erasure=erasure,
        erasures=laptop.erasures + known.erasures,
        lendings=laptop.lendings + known.lendings,
        lent=known.lent if untold else laptop.lent,
        came_back=known.came_back if untold and uncloned else laptop.came_back,
        tag=laptop.tag or (known.tag if free else ""),
    )
    if known.laptop:
        laptop = add_history(laptop, now, happened(Happened.IN_THE_LEDGER, jobs=known.jobs, erasures=known.erasures))
    elif laptop.id != was:
        laptop = add_history(laptop, now, happened(Happened.ID_OF_ANOTHER))
    if laptop.state is State.WAITING and by_itself(laptop) and (known.laptop or known.namesake or known.perhaps):
        return ask_or_wait(workshop, unconfirmed(laptop), now)  # nobody would have been asked by machines only
    return laptop


def moved(workshop: Workshop, was: LaptopId, own: LaptopId, laptop: Laptop | None) -> Workshop:
    """Whatever refers to a laptop refers to it by its other id."""
    if laptop is None or was == own:
        return workshop

    def named(idents: Iterable[LaptopId]) -> tuple[LaptopId, ...]:
        return tuple(own if each == was else each for each in idents)

    return replace(
        workshop,
        laptops={
            (own if key == was else key): (replace(each, id=own) if key == was else each)
            for key, each in workshop.laptops.items()
        },
        boots={key: replace(each, laptop=own) if each.laptop == was else each for key, each in workshop.boots.items()},
        sessions={
            key: replace(each, members=named(each.members), receivers=named(each.receivers))
            for key, each in workshop.sessions.items()
        },
        deliveries={
            key: each.with_laptop(own, each.laptops[was]).without(was) if was in each.laptops else each
            for key, each in workshop.deliveries.items()
        },
        tags=workshop.tags.having(_tags_of(workshop, was, own, laptop)),
    )


def _tags_of(workshop: Workshop, was: LaptopId, own: LaptopId, laptop: Laptop) -> dict[str, TagGiven]:
    """The numbers that it was given under its other id; those that the ledger told of its namesake stay with that."""
    told, cards = (laptop.identity.uuid, laptop.identity.serial), set(laptop.identity.macs)
    return {
        key: replace(each, laptop=own)
        for key, each in workshop.tags.items()
        if each.laptop == was and (each.uuid, each.serial) == told and each.macs and cards.issuperset(each.macs)
    }


def _held_of(workshop: Workshop, ident: str) -> bool:
    return any(row["laptop"] == ident for row in workshop.held.values())


def _released(workshop: Workshop, was: LaptopId, own: LaptopId, known: KnownToLedger) -> Workshop:
    """Its rows, counted on above those of the ledger, to be recorded now."""
    held = {key: row for key, row in workshop.held.items() if row["laptop"] != was}
    mine = [row for row in workshop.held.values() if row["laptop"] == was]
    rows = [{**row, "laptop": str(own), "attempt": _counted(as_row(row)["attempt"], known)} for row in mine]
    told = {f"{own}/{row['attempt']}": row for row in rows}
    return replace(workshop, held=held, unrecorded={**workshop.unrecorded, **told})


def _counted(attempt: int, known: KnownToLedger) -> int:
    """The number of a clone, erasure or lending after those that the ledger has; 0 was no clone and stays."""
    if attempt == 0:
        return 0
    more = known.jobs if attempt < ATTEMPTS else known.erasures if attempt < LENDINGS else known.lendings
    return attempt + more


def _renamed(rows: Rows, was: str, own: str) -> list[dict[str, object]]:
    return [{**row, "laptop": str(own)} if row["laptop"] == was else row for row in rows.values()]


def withheld(before: Workshop, after: Workshop, effects: tuple[Effect, ...]) -> tuple[Workshop, tuple[Effect, ...]]:
    """Without recording anything under an id that may be another's: such rows are held."""

    def unproven(effect: Effect) -> bool:
        if not isinstance(effect, Record):
            return False
        ident = LaptopId(as_row(effect.row)["laptop"])
        laptop = after.laptops.get(ident) or before.laptops.get(ident)
        return laptop is not None and bool(laptop.unweighed)

    rows = [effect.row for effect in effects if isinstance(effect, Record) and unproven(effect)]
    if not rows:
        return after, effects
    held = {f"{row['laptop']}/{row['attempt']}": row for row in rows}
    owed = {key: row for key, row in after.unrecorded.items() if key not in held}
    after = replace(after, held={**after.held, **held}, unrecorded=owed)
    return after, tuple(effect for effect in effects if not unproven(effect))


def disowned(workshop: Workshop, event: Disowned, entropy: str) -> Workshop:
    """The rows of this id are held, and whose they are is to be asked."""
    key = f"{event.laptop}/{event.job}"
    if key not in workshop.unrecorded:
        return workshop
    sight, laptop = sight_in(as_row(workshop.unrecorded[key])), workshop.laptops.get(event.laptop)
    mine = {name: row for name, row in workshop.unrecorded.items() if row["laptop"] == event.laptop}
    owed = {name: row for name, row in workshop.unrecorded.items() if name not in mine}
    workshop = replace(workshop, unrecorded=owed)
    if laptop is not None and not contradicts(evidence_of(laptop), sight):
        workshop = workshop.with_laptop(replace(laptop, unweighed=Unweighed.REFUSED))
        return replace(workshop, held={**workshop.held, **mine})
    other = derive_id(entropy, "laptop", 10)  # they were of one that was forgotten
    rows = _renamed(mine, event.laptop, other)
    return replace(workshop, held={**workshop.held, **{f"{other}/{row['attempt']}": row for row in rows}})
