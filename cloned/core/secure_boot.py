"""Whether a laptop's firmware would start what an image begins with: its own keys held against the loaders' signers.

Only what is known counts: a firmware that tells no keys, or an image without an EFI system partition, refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloned.disk.signed import HASH, SignedBy
from cloned.saying import Phrase


@dataclass(frozen=True, slots=True)
class FirmwareKeys:
    """What a firmware trusts and what it does not, whether Secure Boot is on or off."""

    trusted: tuple[str, ...] = ()
    """Of db: `signed.name_key` of each certificate's subject, and the first digits of each hash."""
    revoked: tuple[str, ...] = ()
    """The same of dbx."""
    sbat: tuple[tuple[str, int], ...] = ()
    """Components of loaders, and the oldest generation of each that shim still starts."""


@dataclass(frozen=True, slots=True)
class BootLoader:
    """A file that a firmware may start first."""

    path: str
    """Below the EFI system partition."""
    signed: SignedBy


def against(keys: FirmwareKeys, loaders: Sequence[BootLoader]) -> str:
    """Why the firmware would start none of the loaders, said of the first; empty if it would, or who knows."""
    if not keys.trusted:
        return ""
    found = [_against(keys, loader) for loader in loaders]
    return found[0] if all(found) and found else ""


def _against(keys: FirmwareKeys, loader: BootLoader) -> str:
    signed, path = loader.signed, loader.path
    digest = signed.digest[:HASH]
    if digest in keys.revoked or not set(keys.revoked).isdisjoint(signed.names) or _too_old(signed, keys.sbat):
        return Phrase("{path} is revoked on it", path=path)
    if digest in keys.trusted or not set(keys.trusted).isdisjoint(signed.names):
        return ""
    if not signed.names:
        return Phrase("{path} is not signed", path=path)
    authority = signed.authority or "somebody"
    return Phrase("{path} is signed by {authority}, whom it does not know", path=path, authority=authority)


def _too_old(signed: SignedBy, levels: Iterable[tuple[str, int]]) -> bool:
    """Whether SBAT revokes it: a component of it is older than the firmware's shim still takes."""
    least = dict(levels)
    return any(generation < least.get(name, 0) for name, generation in signed.sbat)
