"""What classic sessions need of an image: the files that Clonezilla saved, in the order in which it asks for them."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

from cloned.clonezilla.names import rename_disk
from cloned.disk.manifest import GAP_LAYER
from cloned.errors import ImageError
from cloned.images.boot_sectors import GAP_INLINE_BYTES
from cloned.images.folder import SUM_FILES, Folder
from cloned.images.saved import SavedImage, read_image
from cloned.saying import Phrase

_PRIVATE = re.compile(r"Info-.*|clonezilla-img|.*\.log|.*[._-](?:md5|sha1|sha256|b2)sum.*|.*\.files-.*")
"""Files about the source laptop that restoring does not need, and the lists of all files' sums (-gmf)."""
_LONGEST_NAME_BYTES = 90
"""Bytes of a name: ustar has room for 100, and the disk in it may get a longer one."""
_MOST_SMALL_BYTES = 128 * 1024 * 1024
"""Bytes of small files: a laptop keeps them in memory while Clonezilla restores."""


def saved_parts(directory: Path) -> list[tuple[str, list[Path]]]:
    """Partitions and logical volumes with their files, in the order of ocs-functions, task_restoreparts."""
    image = read_image(directory)
    order = _order(Folder(directory))
    sent = (part for part in image.parts if part.name != GAP_LAYER)  # that comes with the small files, or in pieces
    parts = sorted(sent, key=lambda part: order.index(part.name))
    return [(part.name, list(part.files)) for part in parts]


def _order(folder: Folder) -> list[str]:
    """Names from `parts`, then from lvm_logv.list."""
    lines = (folder.text("lvm_logv.list") or "").splitlines()
    return [*folder.words("parts"), *(line.split()[0].removeprefix("/dev/") for line in lines if line.split())]


def small_files(directory: Path) -> tuple[SavedImage, dict[str, bytes]]:
    """An image's small files, and its large ones without what they hold: Clonezilla goes by their names."""
    image, folder = read_image(directory), Folder(directory)
    large = {path.name for part in image.parts for path in part.files if part.name != GAP_LAYER}
    gap = {path.name for part in image.parts for path in part.files if part.name == GAP_LAYER}
    left_out = gap | {name for name in folder.names if name in SUM_FILES or _needless(name)}
    wanted = (name for name in sorted(folder.names - left_out) if folder.is_file(name))
    found = {name: b"" if name in large else folder.data(name, GAP_INLINE_BYTES) for name in wanted}
    return image, {name: data for name, data in found.items() if data is not None}


def _needless(name: str) -> bool:
    """Whether restoring goes without a file: told of the source laptop, or of a name that Clonezilla never gives."""
    return _PRIVATE.fullmatch(name) is not None or len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME_BYTES


def unsendable(image: SavedImage) -> str:
    """Why a classic session could not send an image, found before anybody waits for one; empty if it can."""
    closed = next((path for part in image.parts for path in part.files if not os.access(path, os.R_OK)), None)
    if closed is not None:  # ocs-sr makes them for root alone
        return Phrase("the service may not read {path}: chmod a+r, or import the image with --keep copy", path=closed)
    folder = Folder(image.path)
    large = {path.name for part in image.parts for path in part.files}
    small = [name for name in folder.names - large if folder.is_file(name) and not _needless(name)]
    sizes = {name: folder.size(name) for name in small}
    if sum(sizes.values()) > _MOST_SMALL_BYTES or max(sizes.values(), default=0) > GAP_INLINE_BYTES:
        worst = max(sizes, key=lambda name: sizes[name])
        return Phrase(
            "its small files come to {size} MiB, most of it {worst}", size=sum(sizes.values()) >> 20, worst=worst
        )
    return ""


def pseudo_image(directory: Path, name: str, disk: str) -> bytes:
    """A tar of directory `name` that ocs-sr restores by multicast onto `disk` (sda, nvme0n1, …).

    ValueError for what is no name of a disk; ImageError where the directory is damaged.
    """
    image, files = small_files(directory)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in rename_disk(files, image.disk, disk).items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def original(found: Path | None, name: str) -> Path:
    """The Clonezilla directory; ImageError if it is not there any more."""
    if found is None:
        hint = Phrase("put it back, or import it again with a copy of its files kept (--keep copy)")
        raise ImageError(
            Phrase("the Clonezilla directory of {name} is gone, and a classic session sends its files", name=name), hint
        )
    return found
