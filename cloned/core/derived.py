"""The id of a laptop that nobody has seen: derived once from what it shows of itself, so that a lost journal or another
site comes to the same. From then on it is kept, never derived again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cloned.core.fillers import says_text, usable_mac
from cloned.core.ids import Identity, LaptopId, derive_id, word_key


def strongest_evidence(identity: Identity) -> str:
    """Vendor and serial number, else UUID, else the lowest MAC address; empty where there is nothing."""
    if identity.serial and says_text(identity.serial):
        return f"serial/{word_key(identity.vendor)}/{word_key(identity.serial)}"
    return f"uuid/{identity.uuid}" if identity.uuid else f"mac/{min(identity.macs)}" if identity.macs else ""


def first_ids(identity: Identity) -> tuple[LaptopId, ...]:
    """What a newcomer gets by what it says, the likelier first: one, then another if somebody else has that."""
    strongest = strongest_evidence(identity)
    found = (strongest, f"{strongest}/{min(identity.macs, default='')}") if strongest else ()
    return tuple(LaptopId(derive_id(each, "laptop", 10)) for each in found)


def possible_ids(identity: Identity) -> frozenset[LaptopId]:
    """Every id that could follow from what it says: for each of its cards as its own, and for none of them."""
    return frozenset(each for mac in (*identity.macs, "") for each in first_ids(_with(identity, [mac])))


def first_id(identity: Identity, taken: Collection[str]) -> LaptopId | None:
    """From the strongest evidence there is; a second machine that says the same gets one with its MAC address.

    None where both are taken, or there is no evidence: then chance gives one.
    """
    return next((each for each in first_ids(identity) if each not in taken), None)


def built_in(identity: Identity, dongles: Collection[str]) -> Identity:
    """`identity` with those cards alone that nobody plugs into the next laptop, and that are no maker's filler."""
    return _with(identity, [mac for mac in identity.macs if mac not in dongles and usable_mac(mac)])


def _with(identity: Identity, macs: Collection[str]) -> Identity:
    return replace(identity, macs=tuple(mac for mac in macs if mac))
