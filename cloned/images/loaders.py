"""The boot loaders of an image that a firmware may start first, and who signed them: read out of its pieces."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from cloned.clonezilla.nvram import BootEntry
from cloned.core.secure_boot import BootLoader
from cloned.disk.fat import Fat, FatEntry, FatError
from cloned.disk.layout import Layout
from cloned.disk.manifest import Manifest
from cloned.disk.signed import SignedError, signed_by
from cloned.errors import ImageError
from cloned.images.pieces import Pieces
from cloned.images.reader import LayerReader
from cloned.images.saved import ESP

_FIXED = ("efi/microsoft/boot/bootmgfw.efi", "efi/boot/bootx64.efi")
_LINUX = ("shimx64.efi", "grubx64.efi", "systemd-bootx64.efi", "refind_x64.efi")
"""Of each directory, the one that firmware is told to start."""
_MOST = 16


def find_loaders(manifest: Manifest, pieces: Pieces, boot: Sequence[BootEntry] = ()) -> tuple[BootLoader, ...]:
    """What a firmware may start first: what the master's did, then what is found. Damage is no loader."""
    found: list[BootLoader] = []
    for reader in _system_partitions(manifest, pieces):
        with suppress(FatError, ImageError, struct.error):
            fat = Fat(reader.read)
            files = dict(fat.files("EFI"))
            for path in _first([entry.loader for entry in boot], list(files)):
                found += _loader(fat, path, files[path])
    return tuple(found[:_MOST])


def _system_partitions(manifest: Manifest, pieces: Pieces) -> Iterator[LayerReader]:
    types = {part.number: part.type for part in Layout.parse(manifest.plan.layout).partitions}
    at = 0
    for layer in manifest.plan.layers:
        digests = manifest.pieces[at : at + layer.piece_count]
        at += layer.piece_count
        if types.get(layer.number) in (ESP, "ef") and digests:
            yield LayerReader(layer, digests, pieces)


def _first(wanted: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Paths of what may be started first, each once: as the master's firmware has it, by name, best of a directory."""
    known = {path.lower(): path for path in paths}
    folders = dict.fromkeys(str(PurePosixPath(path).parent).lower() for path in paths)
    best = [next((f"{folder}/{name}" for name in _LINUX if f"{folder}/{name}" in known), "") for folder in folders]
    return list(dict.fromkeys(known[path] for path in (*map(str.lower, wanted), *best, *_FIXED) if path in known))


def _loader(fat: Fat, path: str, entry: FatEntry) -> list[BootLoader]:
    with suppress(SignedError, FatError, struct.error):
        return [BootLoader(path, signed_by(fat.content(entry)))]
    return []
