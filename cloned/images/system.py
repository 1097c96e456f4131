"""Which operating system an image holds, read out of its pieces."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from contextlib import suppress

from cloned.disk.extfs import Ext, ExtError
from cloned.disk.ntfs import Ntfs, NtfsError
from cloned.errors import ImageError
from cloned.images.manifest import Packed
from cloned.images.pieces import Pieces
from cloned.images.reader import LayerReader
from cloned.images.saved import printable


def find_system(packed: Sequence[Packed], pieces: Pieces) -> str:
    """The name of the operating system, e.g. `Debian GNU/Linux 12 (bookworm)`; empty if none is recognised."""
    for part in packed:
        if part.layer.fs in ("ext2", "ext3", "ext4") and part.digests:
            found = _linux(LayerReader(part.layer, part.digests, pieces))
            if found:
                return found
    ntfs = [part for part in packed if part.layer.fs == "ntfs" and part.digests]
    return "Windows" if any(_windows(LayerReader(part.layer, part.digests, pieces)) for part in ntfs) else ""


def _windows(reader: LayerReader) -> bool:
    """Whether an NTFS has a folder `Windows` at its root."""
    with suppress(NtfsError, ImageError, struct.error, IndexError):
        return any(name.lower() == "windows" for name in Ntfs(reader.read).root_names())
    return False


def _linux(reader: LayerReader) -> str:
    """PRETTY_NAME of os-release(5)."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        with suppress(ExtError, ImageError, struct.error, ZeroDivisionError, ValueError):
            text = Ext(reader.read).read_file(path).decode("utf-8", "replace")
            match = re.search(r'^PRETTY_NAME=(["\']?)(.*)\1\s*$', text, re.MULTILINE)
            return printable(match[2]) if match else "Linux"
    return ""
