"""What the stored content of an image says against cloning it as it is: a system that sleeps, or is locked."""

from __future__ import annotations

from collections.abc import Sequence

from cloned.core.warnings import Warn
from cloned.disk import signatures
from cloned.images.doubts import several_devices
from cloned.images.manifest import Packed
from cloned.images.pieces import Pieces
from cloned.images.reader import LayerReader
from cloned.saying import Phrase

_WINDOWS_HINT = Phrase("turn fast startup off (powercfg /h off), shut Windows down and save the disk again")
_LINUX_HINT = Phrase("start the master, shut it down properly and save the disk again")
_CHECK_HINT = Phrase("start the master so that it checks its disk, shut it down properly and save the disk again")
_BITLOCKER_HINT = Phrase("run `manage-bde -off C:` on the master, wait until it is done and save the disk again")


def content_doubts(packed: Sequence[Packed], pieces: Pieces) -> list[Warn]:
    """What to warn of; ImageError for a btrfs that is only a part of one."""
    found = [_doubt(part, LayerReader(part.layer, part.digests, pieces)) for part in packed if part.digests]
    return [warning for warning in found if warning is not None]


def _doubt(part: Packed, reader: LayerReader) -> Warn | None:
    """By what is there, whatever it was saved as: a file system that partclone refuses is saved by dd."""
    name, read = part.layer.name, reader.read
    if signatures.btrfs_devices(read) > 1:
        raise several_devices(Phrase("{name} is one device of a btrfs", name=name))
    if signatures.is_sleeping_windows(read):
        text = Phrase("{name} holds a Windows that is hibernated, or was shut down with fast startup", name=name)
        return _sleeping(text, _WINDOWS_HINT)
    if signatures.sleeps_in_file(read):
        return _sleeping(Phrase("{name} holds the swap file of a hibernated Linux", name=name), _LINUX_HINT)
    if unclean := signatures.unclean_ext(read):
        return Warn(
            "unclean",
            Phrase("{name} {unclean}: every clone checks its disk when it starts", name=name, unclean=unclean),
            _CHECK_HINT,
        )
    return _raw(name, read(0, min(signatures.HEAD_BYTES, part.layer.size))) if part.layer.fs == "dd" else None


def _raw(name: str, head: bytes) -> Warn | None:
    if signatures.is_sleeping_swap(head):
        return _sleeping(Phrase("{name} holds a hibernated Linux", name=name), _LINUX_HINT)
    if signatures.is_bitlocker(head):
        return Warn(
            "bitlocker",
            Phrase(
                "{name} is a BitLocker volume: clones share its keys, and another laptop's TPM does not open it",
                name=name,
            ),
            _BITLOCKER_HINT,
        )
    return None


def _sleeping(text: str, hint: str) -> Warn:
    return Warn("hibernated", Phrase("{text}: clones would wake up with another laptop's memory", text=text), hint)
