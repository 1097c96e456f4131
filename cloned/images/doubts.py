"""What a person should know of an image that is taken in: it can be cloned, but perhaps not as was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloned.core.warnings import Warn
from cloned.disk.layout import Layout
from cloned.errors import ImageError
from cloned.images.folder import Folder
from cloned.images.parts import node_name
from cloned.images.volumes import list_lines
from cloned.saying import Phrase

RESERVED = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE"
"""Type of Microsoft's reserved partition, which never holds anything."""


def empty_partitions(folder: Folder, disk: str, layout: Layout, saved: Iterable[int], members: set[str]) -> list[Warn]:
    """Partitions of the table without data: a clone has only room there, and what was there before."""
    kinds = {words[0]: words[1] for words in map(str.split, list_lines(folder, "dev-fs.list")) if len(words) > 1}
    known, names = set(saved), []
    for part in layout.partitions:
        name = node_name(disk, part.number)
        if part.number in known or part.swap or part.extended or part.type == RESERVED or name in members:
            continue
        kind = kinds.get(f"/dev/{name}", "")
        names.append(f"{name} ({kind})" if kind else name)
    if not names:
        return []
    text = Phrase("{names}: in the partition table, but without data in the image", names=", ".join(names))
    return [Warn("not-saved", text, "a clone has empty room there; save the whole disk if it should be more")]


def other_sums(names: Sequence[str]) -> list[Warn]:
    """Checksum files that nothing here can compute."""
    if not names:
        return []
    text = Phrase("{names} not compared, of a kind that is not known here; everything else is", names=", ".join(names))
    return [Warn("sums-not-compared", text)]


def refuse_one_of_several(folder: Folder) -> None:
    """ImageError where blkid(8) saw one btrfs on several partitions: none of them is a file system by itself."""
    seen: dict[str, str] = {}
    for line in list_lines(folder, "blkid.list"):
        device, _, rest = line.partition(":")
        ident = next((word for word in rest.split() if word.startswith("UUID=")), "")
        if 'TYPE="btrfs"' not in rest or not ident:
            continue
        if ident in seen:
            raise several_devices(
                Phrase("{path}: {one} and {other} are one btrfs", path=folder.path, one=seen[ident], other=device)
            )
        seen[ident] = device


def several_devices(what: str) -> ImageError:
    """A btrfs that lies over several devices."""
    hint = Phrase("save a laptop whose btrfs lies on one partition: `btrfs device remove` takes the others out of it")
    return ImageError(Phrase("{what} over several devices, which cannot be restored one by one", what=what), hint)


def classic_doubts(trouble: str) -> list[Warn]:
    """What keeps a classic session from sending the image, found now and not in the session."""
    if not trouble:
        return []
    return [
        Warn(
            "not-for-classic",
            Phrase("a classic session cannot send it: {trouble}", trouble=trouble),
            "the piece stream can",
        )
    ]
