"""Whether two sights are of one machine: what it says of itself, weighed against its network cards and its disks.

Firmware says untrue things: one UUID on a whole batch, one serial number on all of a model. So words are never enough:
machines whose cards and disks are both different are two, whatever they say. Dongles and docks go from hand to hand and
speak for nobody. Where it stays doubtful there are two rows, and people are shown the pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from cloned.core.disks import Disk
from cloned.core.fillers import says_text, usable_mac
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import ACTIVE, Laptop, State, named
from cloned.core.warnings import Warn
from cloned.saying import Phrase

Disks = tuple[Disk, ...]


class Words(Enum):
    """How the UUIDs and serial numbers of two sights go together."""

    AGREE = "agree"
    CONTRADICT = "contradict"
    SILENT = "silent"
    """Nothing usable is told by both."""


class Same(Enum):
    """How the disks of two sights go together."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def words(known: Identity, seen: Identity) -> Words:
    """What UUIDs and serial numbers say. Both must not contradict each other where both sides have them."""
    uuids, serials = (known.uuid_key, seen.uuid_key), (known.serial_key, seen.serial_key)
    if any(all(pair) and pair[0] != pair[1] for pair in (uuids, serials)):
        return Words.CONTRADICT
    if all(uuids):
        return Words.AGREE
    makes = known.make == seen.make or not (known.product and seen.product)
    return Words.AGREE if all(serials) and makes else Words.SILENT


def disks_same(known: Disks, seen: Disks) -> Same:
    """Whether one of the disks is the same; only those count that have a serial number."""
    mine, theirs = ([disk for disk in each if says_text(disk.serial)] for each in (known, seen))
    if not mine or not theirs:
        return Same.UNKNOWN
    return Same.YES if any(one.is_same(other) for one in mine for other in theirs) else Same.NO


@dataclass(frozen=True)
class Evidence:
    """A machine as it shows itself: at its boot script, or (with disks) when its agent says hello."""

    identity: Identity
    disks: Disks = ()
    passing: frozenset[str] = frozenset()
    """Its network cards that are dongles or docks."""
    came_by: str = ""
    """The card that its boot script was fetched through, where that is not among the others."""


def weigh(laptop: Laptop, sight: Evidence, passing: Collection[str]) -> int:
    """How much speaks for `sight` being `laptop`; 0: it is another. `passing`: cards that prove nothing."""
    known = Evidence(laptop.identity, laptop.facts.disks, came_by=laptop.contact.came_by)
    return weigh_sights(known, sight, passing, bare=int(laptop.unheard))


def weigh_sights(known: Evidence, sight: Evidence, passing: Collection[str], bare: int = 0) -> int:
    """How much speaks for two sights being of one machine; `bare`: what words that agree count for without proof."""
    said = words(known.identity, sight.identity)
    if said is Words.CONTRADICT:
        return 0
    mine, theirs = _proving((*known.identity.macs, known.came_by), passing), _proving(sight.identity.macs, passing)
    cards, disk = mine & theirs, disks_same(known.disks, sight.disks)
    proof = 2 * (disk is Same.YES) + bool(cards)
    if said is Words.AGREE:
        return 3 + proof if proof else bare
    both = _tells(known.identity) and _tells(sight.identity)
    if both:  # one tells a UUID, the other a serial number
        return proof if cards and disk is Same.YES else 0
    if disk is Same.NO and _burnt_in(mine - theirs) and _burnt_in(theirs - mine):
        return 0  # what they share may be a dock: each has cards and disks that the other has not
    return proof if cards or (not (mine and theirs) and disk is Same.YES) else 0


def _proving(macs: Iterable[str], passing: Collection[str]) -> set[str]:
    return {mac for mac in macs if mac and mac not in passing and usable_mac(mac)}


def _burnt_in(macs: Iterable[str]) -> bool:
    """Whether one of them is a maker's (IEEE 802, U/L bit): drivers draw others anew at each boot."""
    return any(not int(mac[:2], 16) & 2 for mac in macs)


def _tells(identity: Identity) -> bool:
    return bool(identity.uuid_key or identity.serial_key)


def passing_cards(laptops: Iterable[Laptop], of: Collection[str]) -> frozenset[str]:
    """Which of these cards prove nothing: dongles and docks, and those that were seen on two machines."""
    seen: Counter[str] = Counter()
    dongles: set[str] = set()
    for laptop in laptops:
        dongles.update(laptop.facts.dongles)
        if not laptop.facts.traces.isdisjoint(of):
            seen.update(set(laptop.identity.macs))
    return frozenset(dongles | {mac for mac, count in seen.items() if count > 1})


def recognise(laptops: Mapping[LaptopId, Laptop], sight: Evidence, own: LaptopId | None = None) -> Laptop | None:
    """The laptop that `sight` is of, None for one that nobody has seen.

    `own` is what its boot script took it for. Another one that is here now, heard by its own token, is never taken.
    """
    mine = laptops.get(own) if own is not None else None
    near = _near(laptops.values(), sight)
    cards = {mac for each in near for mac in (*each.identity.macs, each.contact.came_by)} | set(sight.identity.macs)
    passing = passing_cards(laptops.values(), cards) | sight.passing if near else sight.passing
    weights = {
        laptop.id: weight
        for laptop in near
        if laptop.id == own or own is None or not here(laptop)
        if (weight := weigh(laptop, sight, passing))
    }
    if mine is not None and mine.unheard and words(mine.identity, sight.identity) is not Words.CONTRADICT:
        weights.setdefault(mine.id, 1)  # the row that this very boot made
    best = max(weights, key=lambda ident: (weights[ident], ident == own, laptops[ident].since), default=None)
    return laptops[best] if best is not None else None


def _near(laptops: Iterable[Laptop], sight: Evidence) -> list[Laptop]:
    """Those that have anything at all in common with a sight: of thousands, the few that are worth weighing."""
    told = sight.identity.traces(sight.disks)
    return [each for each in laptops if not told.isdisjoint(each.facts.traces) or each.contact.came_by in told]


def here(laptop: Laptop) -> bool:
    """Whether its agent runs now: one that falls silent is gone within seconds."""
    waits = laptop.state is State.ASKING and laptop.contact.running
    return laptop.state in ACTIVE or laptop.state is State.WAITING or waits


def claimed(laptops: Iterable[Laptop], laptop: Laptop) -> bool:
    """Whether another laptop says the same UUID or serial number: one that is here, or in the ledger."""
    mine = frozenset(laptop.identity.claims)
    return bool(laptop.namesake) or any(
        other.id != laptop.id and not other.unheard for other in laptops if not mine.isdisjoint(other.identity.claims)
    )


@dataclass(frozen=True)
class Doubt:
    """Two rows that may be one laptop, or one name that two laptops have; people must look."""

    one: LaptopId
    other: LaptopId
    why: str


def doubts(laptops: Iterable[Laptop]) -> list[Doubt]:
    """Pairs that say the same UUID or serial number, each once; rows that only saw a boot menu are left out."""
    first: dict[tuple[str, str], LaptopId] = {}
    found: dict[tuple[LaptopId, LaptopId], Doubt] = {}
    for laptop in laptops:
        if laptop.unheard:
            continue
        for claim in laptop.identity.claims:
            other = first.setdefault(claim, laptop.id)
            if other != laptop.id:
                found.setdefault(
                    (other, laptop.id),
                    Doubt(other, laptop.id, Phrase("both say the same {claim}", claim=Phrase(claim[0]))),
                )
    return list(found.values())


def doubtful(laptops: Mapping[LaptopId, Laptop]) -> list[Warn]:
    """The pairs in words, and who says the same as one that only the ledger knows."""
    shown = {name for each in laptops.values() for name in (each.tag, each.id)}
    alone = [
        Warn(
            "two-of-one-name",
            Phrase(
                "{named} says the same UUID or serial number as {other} in the ledger, and has other cards and disks",
                named=named(laptop),
                other=laptop.namesake,
            ),
            "compare their stickers, then confirm it by hand",
        )
        for laptop in laptops.values()
        if laptop.namesake not in ("", *shown) and not laptop.unheard
    ]
    return alone + [
        Warn(
            "two-of-one-name",
            Phrase(
                "{named} and {other} may be one: {why}",
                named=named(laptops[doubt.one]),
                other=named(laptops[doubt.other]),
                why=doubt.why,
            ),
            "compare their stickers; forget the row that is not one, or confirm each by hand",
        )
        for doubt in doubts(laptops.values())
    ]
