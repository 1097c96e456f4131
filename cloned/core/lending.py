"""Laptops that are lent out, come back, and are swapped for one another. To whom is never kept, only whether.

Each time leaves a row in the ledger, so that inventories learn of it; numbered apart from clones and erasures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cloned.core.attempts import LENDINGS
from cloned.core.confirm import ask_or_wait
from cloned.core.events import Command
from cloned.core.happened import Happened, actor, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State, add_history, called
from cloned.core.ledger import identified, iso
from cloned.core.reasons import Reason
from cloned.core.refusals import Refusal, Refused
from cloned.core.verbs import Holds, Role, Target, Verb, Word, laptop_of
from cloned.core.workshop import Workshop

PROPOSED = 5
"""So many are named where nobody said which laptop goes out."""


def row(laptop: Laptop, now: float) -> dict[str, object]:
    """What lending a laptop out, or its coming back, leaves in the ledger."""
    return {
        "kind": "lending",
        "attempt": LENDINGS + laptop.lendings,
        "at": iso(now),
        "state": "lent" if laptop.lent else "back",
        "verdict": "none",
        "image": "",
        "why": "",
        **identified(laptop),
    }


def standing(laptop: Laptop) -> dict[str, str]:
    """What a row of a clone says that is told anew while its laptop is out, or back and not cloned since: its status
    elsewhere is that, and no longer what the clone made it."""
    return {"lending": "lent" if laptop.lent else "back"} if laptop.lent or laptop.came_back else {}


def likeness(model: tuple[str, str], other: tuple[str, str]) -> int:
    """How alike two laptops are by vendor and product: 0 one model, 1 one vendor, 2 neither."""
    one, two = (tuple(word.casefold() for word in each) for each in (model, other))
    return 0 if one == two else 1 if one[0] == two[0] else 2


def ready_to_go(workshop: Workshop, instead: Laptop) -> list[Laptop]:
    """Laptops that can go out instead of one that is back: those of its model first."""
    there = [each for each in workshop.laptops.values() if each is not instead and _may_go(each)]
    return sorted(there, key=lambda each: (likeness(_model(instead), _model(each)), called(each)))


def _model(laptop: Laptop) -> tuple[str, str]:
    return laptop.identity.vendor, laptop.identity.product


def _may_go(laptop: Laptop) -> bool:
    return laptop.state is State.DONE and not laptop.lent and not laptop.came_back


def _marked(workshop: Workshop, laptop: Laptop, lent: bool, command: Command, now: float) -> Workshop:
    """`laptop` lent out, or back. A command of before 0.4 (not checked) left no row, and leaves none when replayed."""
    if not command.checked:
        return workshop.with_laptop(replace(laptop, lent=lent))
    if laptop.lent is lent:
        return workshop.with_laptop(laptop)
    laptop = replace(laptop, lent=lent, came_back=not lent, lendings=laptop.lendings + 1, recalled=False)
    what = Happened.LENT_OUT if lent else Happened.CAME_BACK
    laptop = add_history(laptop, now, happened(what, by=actor(command.by)))
    if laptop.state is State.ASKING and laptop.reason is Reason.LENT_OUT:
        laptop = ask_or_wait(workshop, laptop, now)
    return workshop.with_laptop(laptop)


def _lent(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """Mark a laptop as lent out, or (text `no`) as back: only that, never to whom."""
    return _marked(workshop, laptop_of(workshop, command), command.text != "no", command, now)


def _swap(workshop: Workshop, command: Command, now: float, entropy: str) -> Workshop:
    """One is back, the other goes out, for the same organisation."""
    back, out = laptop_of(workshop, command), workshop.laptops[LaptopId(command.other)]
    out = replace(out, organisation=out.organisation or back.organisation)
    back = replace(back, organisation="")
    back = add_history(back, now, happened(Happened.SWAPPED_FOR, other=called(out), by=actor(command.by)))
    out = add_history(out, now, happened(Happened.GOES_INSTEAD, other=called(back), by=actor(command.by)))
    workshop = _marked(workshop, back, False, command, now)
    return _marked(workshop, out, True, command, now)


def _no_swap(workshop: Workshop, command: Command) -> Refusal | None:
    """Why these two cannot be swapped; where only one is named, what could go out."""
    back, out = laptop_of(workshop, command), workshop.laptops.get(LaptopId(command.other))
    if out is None:
        return Refusal(Refused.SWAP_FOR_WHICH, {"name": called(back), "others": _listed(ready_to_go(workshop, back))})
    if out.id == back.id:
        return Refusal(Refused.SWAP_WITH_ITSELF)
    if not _may_go(out):
        return Refusal(Refused.NOT_READY_TO_GO, {"name": called(out)})
    return None


def _listed(laptops: Iterable[Laptop]) -> str:
    """A few laptops with their models; a dash where there is none."""
    told = [f"{called(each)} ({each.identity.vendor} {each.identity.product})" for each in laptops]
    return ", ".join(told[:PROPOSED]) or "-"


def _checked(_workshop: Workshop, command: Command) -> Command:
    return replace(command, checked=True)


VERBS = (
    Verb(
        "lent",
        "Note that a LAPTOP is lent out, so that nothing clones it by itself. To whom is never kept.",
        _lent,
        Target.LAPTOP,
        (Word("text", "`no`: it is back", flag="no", name="back"),),
        role=Role.VOLUNTEER,
        complete=_checked,
    ),
    Verb(
        "swap",
        "Note that a LAPTOP came back and that another goes out in its place; both their sheets are printed.",
        _swap,
        Target.LAPTOP,
        (Word("other", "the laptop that goes out; without it, those that could are named", Holds.LAPTOP, name="out"),),
        role=Role.VOLUNTEER,
        complete=_checked,
        refuse=_no_swap,
    ),
)
"""Their lines in the table of commands."""
