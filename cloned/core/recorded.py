"""Laptops as the ledger has them, held against one that is here: is it one of them, and who else says the same? Pure.

The journal may be lost, or another site's; words are no more believed then than while it is there (evidence.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from cloned.core.attempts import ATTEMPTS, LENDINGS
from cloned.core.disks import Disk
from cloned.core.evidence import Disks, Evidence, Words, may_be, weigh_sights, words
from cloned.core.fillers import says_text, usable_mac
from cloned.core.ids import Identity, clean
from cloned.core.known import KnownToLedger
from cloned.core.row_types import Row


@dataclass(frozen=True)
class LedgerLaptop:
    """One laptop of the ledger, out of all its rows."""

    id: str
    sight: Evidence
    jobs: int = 0
    erasures: int = 0
    lendings: int = 0
    tag: str = ""
    lent: bool = False
    came_back: bool = False
    at: str = ""
    """When its newest row was entered, ISO 8601."""

    @property
    def known(self) -> KnownToLedger:
        """All of it that the workshop needs."""
        return KnownToLedger(
            self.id, self.jobs, self.erasures, self.tag, self.lendings,
            weighed=True, lent=self.lent, came_back=self.came_back,
        )  # fmt: skip


def recorded(ident: str, rows: Sequence[Row]) -> LedgerLaptop:
    """A laptop out of its rows, in whatever order."""
    rows = sorted(rows, key=lambda row: str(row.get("at") or ""))
    attempts = [int(row["attempt"]) for row in rows]
    dongles = frozenset(mac for row in rows for mac in row.get("dongles") or ())
    newest = [row for row in rows if _kind(row) != "erasure"][-1:]
    return LedgerLaptop(
        ident,
        Evidence(reduce(Identity.merged, map(_identity, rows), Identity()), _disks(rows), dongles),
        jobs=max((each for each in attempts if each < ATTEMPTS), default=0),
        erasures=max((each - ATTEMPTS for each in attempts if ATTEMPTS <= each < LENDINGS), default=0),
        lendings=max((each - LENDINGS for each in attempts if each >= LENDINGS), default=0),
        tag=next((tag for row in reversed(rows) if (tag := row.get("tag"))), ""),
        lent=_lent(rows),
        came_back=any(row.get("state") == "back" for row in newest),
        at=str(rows[-1].get("at") or "") if rows else "",
    )


def recall(
    found: Sequence[LedgerLaptop], sight: Evidence, firsts: Collection[str], shared: Collection[str]
) -> KnownToLedger:
    """Which of these `sight` is, if any, and who else says the same.

    `firsts`: ids that it would get by what it says and that somebody there has. `shared`: cards that prove nothing.
    """
    passing = {*sight.passing, *shared, *(mac for each in found for mac in each.sight.passing)}
    weighed = [(weigh_sights(each.sight, sight, passing), each.at, each.id) for each in found]
    best = max((each for each in weighed if each[0]), default=(0, "", ""))[2]
    maybe = max((each for each in found if may_be(each.sight, sight, passing)), key=lambda each: each.at, default=None)
    unknown = KnownToLedger(weighed=True, perhaps=None if maybe is None else maybe.known)
    known = next((each.known for each in found if each.id == best), unknown)
    same = {ident for weight, _, ident in weighed if weight}  # several, where a journal was lost before 0.2
    others = [each for each in found if each.id not in same]
    alike = [each for each in others if words(each.sight.identity, sight.identity) is Words.AGREE]
    namesake = max(alike, key=lambda each: each.at, default=None)
    called = "" if namesake is None else namesake.tag or namesake.id
    return replace(known, taken=tuple(each for each in firsts if each != known.laptop), namesake=called)


def sight_in(row: Row) -> Evidence:
    """The machine that a row is of, as far as that says."""
    return Evidence(_identity(row), _disks([row]), frozenset(row.get("dongles") or ()))


def traces(sight: Evidence) -> frozenset[str]:
    """What a machine can be known by, each with what it is; fillers among it are none. At most 160 characters each."""
    identity = sight.identity
    told = [f"mac/{mac}" for mac in identity.macs if mac and usable_mac(mac)]
    told += [f"disk/{disk.serial}" for disk in sight.disks if says_text(disk.serial)]
    told += [f"{kind}/{word}" for kind, word in (("uuid", identity.uuid_key), ("serial", identity.serial_key)) if word]
    return frozenset(each[:160] for each in told)


def traces_of(row: Row) -> frozenset[str]:
    """The same of one row of the ledger."""
    return traces(sight_in(row))


def _kind(row: Row) -> str:
    return "clone" if row["attempt"] < ATTEMPTS else "erasure" if row["attempt"] < LENDINGS else "lending"


def _lent(rows: Sequence[Row]) -> bool:
    """Whether it was out when the newest word on that was entered."""
    return next((row.get("state") == "lent" for row in reversed(rows) if _kind(row) == "lending"), False)


def _identity(row: Row) -> Identity:
    texts = {name: str(row.get(name) or "") for name in ("uuid", "serial", "vendor", "product")}
    return clean(**texts, macs=row.get("macs") or ())


def _disks(rows: Sequence[Row]) -> Disks:
    """Those that its newest clone and its newest erasure name."""
    newest = {_kind(row): _of_row(row) for row in rows if _of_row(row)}
    return tuple(dict.fromkeys(disk for each in newest.values() for disk in each))


def _of_row(row: Row) -> list[Disk]:
    told = [row.get("disk"), *((row.get("erasure") or {}).get("disks") or ())]
    return [
        Disk("", int(each.get("size") or 0), serial=str(each.get("serial") or ""), wwn=str(each.get("wwn") or ""))
        for each in told
        if isinstance(each, Mapping) and (each.get("serial") or each.get("size"))
    ]
