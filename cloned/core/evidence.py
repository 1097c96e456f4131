"""Whether two sights are of one machine: what it says of itself, weighed against its network cards and its disks.

Firmware says untrue things: one UUID on a whole batch, one serial number on all of a model. So words are never enough:
machines whose cards and disks are both different are two, whatever they say. Dongles and docks go from hand to hand and
speak for nobody; but not every dock tells that it is one, so a single card in common is no proof where the disks are
different. Where it stays doubtful there are two rows, and people are shown the pair.
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


def disks_same(known: Disks, seen: Disks, *, bare: bool = True) -> Same:
    """Whether one of the disks is the same: one with a serial number, for others prove nothing by being alike.

    `bare`: as of Settings.judging 2, where disks without one count as different if none could be the same, and what
    goes from laptop to laptop (a stick) counts for nothing.
    """
    if bare:
        known, seen = (tuple(disk for disk in each if not disk.travels) for each in (known, seen))
    mine, theirs = ([disk for disk in each if says_text(disk.serial)] for each in (known, seen))
    if any(one.is_same(other) for one in mine for other in theirs):
        return Same.YES
    if bare and any(_could_be(one, other) for one in known for other in seen):
        return Same.UNKNOWN
    told = (known and seen) if bare else (mine and theirs)
    return Same.NO if told else Same.UNKNOWN


def _could_be(one: Disk, other: Disk) -> bool:
    """Whether both may be one disk: its size changes where a protected area is lifted, and is 0 once it is dead."""
    named = says_text(one.serial) and (one.wwn, one.serial) == (other.wwn, other.serial)
    return one.is_same(other) or named


@dataclass(frozen=True)
class Evidence:
    """A machine as it shows itself: at its boot script, or (with disks) when its agent says hello."""

    identity: Identity
    disks: Disks = ()
    passing: frozenset[str] = frozenset()
    """Its network cards that are dongles or docks."""
    came_by: str = ""
    """The card that its boot script was fetched through, where that is not among the others."""


def evidence_of(laptop: Laptop) -> Evidence:
    """All that was ever seen of a laptop, to hold another sight against."""
    return Evidence(
        laptop.identity, laptop.facts.disks, frozenset(laptop.facts.dongles), came_by=laptop.contact.came_by
    )


def weigh(laptop: Laptop, sight: Evidence, passing: Collection[str], *, docks: bool = True) -> int:
    """How much speaks for `sight` being `laptop`; 0: it is another. `passing`: cards that prove nothing."""
    return weigh_sights(evidence_of(laptop), sight, passing, bare=int(laptop.unheard), docks=docks)


def weigh_sights(
    known: Evidence, sight: Evidence, passing: Collection[str], bare: int = 0, *, docks: bool = True
) -> int:
    """How much speaks for two sights being of one machine; `bare`: what words that agree count for without proof.

    `docks`: whether a single card in common may be a dock's (Settings.judging 2).
    """
    said = words(known.identity, sight.identity)
    if said is Words.CONTRADICT or (docks and one_card_only(known, sight, passing)):
        return 0
    mine, theirs, disk = _held(known, sight, passing, bare=docks)
    cards = mine & theirs
    proof = 2 * (disk is Same.YES) + bool(cards)
    if said is Words.AGREE:
        return 3 + proof if proof else bare
    both = _tells(known.identity) and _tells(sight.identity)
    if both:  # one tells a UUID, the other a serial number
        return proof if cards and disk is Same.YES else 0
    if disk is Same.NO and _burnt_in(mine - theirs) and _burnt_in(theirs - mine):
        return 0  # what they share may be a dock: each has cards and disks that the other has not
    return proof if cards or (not (mine and theirs) and disk is Same.YES) else 0


def one_card_only(known: Evidence, sight: Evidence, passing: Collection[str]) -> bool:
    """Whether all that two sights share is a card that may be a dock's, and something speaks against their being one.

    Their disks are different; or neither tells any, and each has a card of its own that the other lacks. A machine
    hangs on one dock at a time, so two cards in common prove that it is the same with another disk.
    """
    mine, theirs, disk = _held(known, sight, passing)
    if disk is Same.YES or len(mine & theirs) != 1:
        return False
    return disk is Same.NO or _each_has_its_own(known, sight)


def _each_has_its_own(known: Evidence, sight: Evidence) -> bool:
    """Whether each has a card that the other lacks and that is no dongle's, though it was seen on others perhaps."""
    mine, theirs = (_proving(each.identity.macs, known.passing | sight.passing) for each in (known, sight))
    return _burnt_in(mine - theirs) and _burnt_in(theirs - mine)


def may_be(known: Evidence, sight: Evidence, passing: Collection[str]) -> bool:
    """Whether nothing tells if a sight is of the same machine with another disk, or of another on the same dock."""
    return words(known.identity, sight.identity) is not Words.CONTRADICT and one_card_only(known, sight, passing)


def contradicts(known: Evidence, sight: Evidence) -> bool:
    """Whether two sights cannot be of one machine: no card in common, and other disks or other words."""
    if not set(known.identity.macs).isdisjoint(sight.identity.macs):
        return False
    disk = disks_same(known.disks, sight.disks)
    return disk is Same.NO or (disk is Same.UNKNOWN and words(known.identity, sight.identity) is Words.CONTRADICT)


def _held(
    known: Evidence, sight: Evidence, passing: Collection[str], *, bare: bool = True
) -> tuple[set[str], set[str], Same]:
    """The cards of both that may prove something, and how their disks go together."""
    mine, theirs = _proving((*known.identity.macs, known.came_by), passing), _proving(sight.identity.macs, passing)
    return mine, theirs, disks_same(known.disks, sight.disks, bare=bare)


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


def recognise(
    laptops: Mapping[LaptopId, Laptop], sight: Evidence, own: LaptopId | None = None, *, docks: bool = True
) -> Laptop | None:
    """The laptop that `sight` is of, None for one that nobody has seen.

    `own` is what its boot script took it for. Another one that is here now, heard by its own token, is never taken.
    """
    mine = laptops.get(own) if own is not None else None
    near = _near(laptops.values(), sight)
    passing = _passing(laptops, sight, near)
    weights = {
        laptop.id: weight
        for laptop in near
        if laptop.id == own or own is None or not here(laptop)
        if (weight := weigh(laptop, sight, passing, docks=docks))
    }
    if mine is not None and mine.unheard and words(mine.identity, sight.identity) is not Words.CONTRADICT:
        weights.setdefault(mine.id, 1)  # the row that this very boot made: that it fits proves nothing
        heard = {ident: weight for ident, weight in weights.items() if not laptops[ident].unheard}
        weights = heard if docks and heard else weights
    best = max(weights, key=lambda ident: (weights[ident], ident == own, laptops[ident].since), default=None)
    return laptops[best] if best is not None else None


def perhaps(laptops: Mapping[LaptopId, Laptop], sight: Evidence, own: LaptopId) -> Laptop | None:
    """A laptop that is away and that one, known as `own`, may be with another disk; the one that was seen last."""
    near = [each for each in _near(laptops.values(), sight) if each.id != own and not each.unheard and not here(each)]
    passing = _passing({key: each for key, each in laptops.items() if key != own}, sight, near)
    found = [each for each in near if may_be(evidence_of(each), sight, passing)]
    return max(found, key=lambda each: each.since, default=None)


def _passing(laptops: Mapping[LaptopId, Laptop], sight: Evidence, near: Collection[Laptop]) -> frozenset[str]:
    """The cards that prove nothing, among those of a sight and of laptops that have something in common with it."""
    if not near:
        return sight.passing
    cards = {mac for each in near for mac in (*each.identity.macs, each.contact.came_by)} | set(sight.identity.macs)
    return passing_cards(laptops.values(), cards) | sight.passing


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
    return bool(laptop.namesake or laptop.perhaps) or any(
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
