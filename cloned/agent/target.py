"""The disk after its verdict: its partitions, their file systems, and the system that was restored to it."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cloned.agent import layout as layouts
from cloned.agent.blockio import BlockDevice
from cloned.agent.disks import DiskFacts
from cloned.agent.subvolumes import TOP, root_subvolume
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, LayoutError, Partition, ebr_writes, read_ebr_code, read_layout, table_writes
from cloned.disk.ntfs import Ntfs, NtfsError
from cloned.disk.signatures import HEAD_BYTES, is_sleeping_swap, is_sleeping_windows, sleeps_in_file
from cloned.saying import Phrase

ALIGNED = 4096
"""Offsets and lengths of reads: no disk's sectors are larger."""
LINUX = ("ext2", "ext3", "ext4", "btrfs", "xfs", "f2fs")
CLOSED = {
    "LVM2_member": Phrase("LVM, which is not opened after the verdict"),
    "crypto_LUKS": Phrase("a closed LUKS container"),
    "BitLocker": Phrase("a closed BitLocker volume"),
}
"""What may hold a system that the finishing steps leave alone: so it is said, not passed over."""
_RELEASE = ("etc/os-release", "usr/lib/os-release")


class Skipped(Exception):  # noqa: N818 - a result, not an error
    """A step does not apply here; the message says why."""


class VerifiedDisk:
    """A verified disk."""

    def __init__(self, disk: DiskFacts, live: bool) -> None:
        self.disk, self.path = disk, str(disk["path"])
        self._nodes = layouts.nodes(self.path) if live else False
        """Whether partitions have device nodes; a lab's laptop in a namespace has none."""
        self._asleep: str | None = None

    def read(self) -> Layout:
        """The layout as it is now; ToolError if it is damaged.

        Two copies of a GPT of which one is not what it should be are made one again: power was cut as it was written.
        """
        try:
            return self._read()
        except LayoutError as error:
            try:
                found = self._read(either=True)
            except LayoutError:
                raise ToolError(str(error)) from error
            self.write(found)
            return found

    def _read(self, *, either: bool = False) -> Layout:
        device = BlockDevice(self.path)
        try:
            return read_layout(layouts.reader(device), device.size, self.disk["sector_size"], either=either)
        finally:
            device.close()

    def write(self, layout: Layout) -> None:
        """Put another partition table on the disk, and have the kernel know it; of a GPT the second copy comes first.

        So there is a valid one at any time.
        """
        device = BlockDevice(self.path, writable=True)
        try:
            code = read_ebr_code(layouts.reader(device), layout)  # it stays, though its sector is written anew
            writes = [*table_writes(layout, device.size), *ebr_writes(layout, code)]
            for each in [[one] for one in reversed(writes)] if layout.label == "gpt" else [writes]:
                layouts.put(device, each)
        finally:
            device.close()
        if self._nodes and not layouts.nodes(self.path):
            raise ToolError(Phrase("the kernel does not take the new partition table of {path}", path=self.path))

    def file_system(self, part: Partition) -> str:
        """What blkid(8) calls it: ext4, ntfs, vfat, swap …; empty if it knows nothing of the kind."""
        sector = self.disk["sector_size"]
        where = ["-O", str(part.start * sector), "-S", str(part.size * sector)]
        said = run(["blkid", "-p", *where, "-o", "value", "-s", "TYPE", self.path], accept=(0, 2, 8), timeout=60)
        return said.strip()

    def file_system_uuid(self, part: Partition) -> str:
        """What blkid(8) gives as its UUID; empty if it has none."""
        sector = self.disk["sector_size"]
        where = ["-O", str(part.start * sector), "-S", str(part.size * sector)]
        return run(
            ["blkid", "-p", *where, "-o", "value", "-s", "UUID", self.path], accept=(0, 2, 8), timeout=60
        ).strip()

    def asleep(self) -> str:
        """Which system on the disk is hibernated, in words; empty if none is. Its disk must stay as it fell asleep."""
        if self._asleep is None:
            self._asleep = next(filter(None, map(self._sleeper, self.read().partitions)), "")
        return self._asleep

    def _sleeper(self, part: Partition) -> str:
        if part.extended:
            return ""
        with self.reading(part) as read:
            if is_sleeping_swap(read(0, min(HEAD_BYTES, part.size * self.disk["sector_size"]))):
                return Phrase("partition {number} holds a hibernated Linux", number=part.number)
            if is_sleeping_windows(read):
                return Phrase(
                    "partition {number} holds a hibernated Windows (or one shut down with fast startup)",
                    number=part.number,
                )
            return (
                Phrase("partition {number} holds the swap file of a hibernated Linux", number=part.number)
                if sleeps_in_file(read)
                else ""
            )

    def stay_away(self) -> None:
        """Skipped where a system on the disk is hibernated: it would overwrite what is changed now, and break."""
        if self.asleep():
            raise Skipped(
                Phrase("{asleep}; the master should be shut down properly and captured again", asleep=self.asleep())
            )

    @contextlib.contextmanager
    def reading(self, part: Partition) -> Iterator[Callable[[int, int], bytes]]:
        """Reads bytes of a partition past the page cache; nothing has to be mounted."""
        device, base = BlockDevice(self.path), part.start * self.disk["sector_size"]
        whole, size = layouts.reader(device), part.size * self.disk["sector_size"]

        def read(offset: int, length: int) -> bytes:
            first = (base + offset) // ALIGNED * ALIGNED
            last = -(-(base + min(offset + length, size)) // ALIGNED) * ALIGNED
            return whole(first, max(0, last - first))[base + offset - first :][:length]

        try:
            yield read
        finally:
            device.close()

    def node(self, part: Partition) -> str:
        """The partition's device node; Skipped where partitions have none."""
        if not self._nodes:
            raise Skipped("partitions have no device nodes here")
        joint = "p" if self.path[-1].isdigit() else ""
        return f"{self.path}{joint}{part.number}"

    def extended_name(self, part: Partition) -> str:
        """What the tools of ext2/3/4 take for the partition, with or without a node (unix_io's `?offset=`)."""
        try:
            return self.node(part)
        except Skipped:
            return f"{self.path}?offset={part.start * self.disk['sector_size']}"

    @contextlib.contextmanager
    def mounted(self, part: Partition, kind: str, *options: str) -> Iterator[Path]:
        """The partition mounted on a folder; it is unmounted, and so flushed, at the end."""
        node = self.node(part)
        with tempfile.TemporaryDirectory(prefix="cloned-") as folder:
            run(["mount", "-t", kind, "-o", ",".join(("rw", *options)), node, folder], timeout=120)
            try:
                yield Path(folder)
            finally:
                run(["umount", folder], timeout=300)

    @contextlib.contextmanager
    def root(self) -> Iterator[Path]:
        """The restored Linux system's root folder, writable; Skipped if there is none that can be reached."""
        self.stay_away()
        closed = ""
        for part in self.read().partitions:
            kind = self.file_system(part)
            closed = closed or (CLOSED.get(kind, "") and f"partition {part.number} holds {CLOSED[kind]}")
            if kind not in LINUX:
                continue
            options = self._where_root_is(part, kind)
            if options is not None and self._has_system(part, kind, *options):
                with self.mounted(part, kind, *options) as folder:
                    yield folder
                return
        raise Skipped(
            Phrase("no Linux system can be reached: {closed}", closed=closed)
            if closed
            else "there is no Linux system on the disk"
        )

    def _where_root_is(self, part: Partition, kind: str) -> tuple[str, ...] | None:
        """Options of mount(8) that lead to the system: of a btrfs, whichever subvolume it is in."""
        if kind != "btrfs":
            return ()
        try:
            with self.mounted(part, kind, f"subvolid={TOP}") as top:
                found = root_subvolume(top)
        except ToolError:
            return None
        return None if found is None else (f"subvolid={found}",)

    def _has_system(self, part: Partition, kind: str, *options: str) -> bool:
        try:
            with self.mounted(part, kind, *options) as folder:
                return any(os.path.lexists(folder / name) for name in _RELEASE)
        except ToolError:
            return False

    def windows(self) -> Partition | None:
        """The partition that Windows is installed on, or None."""
        for part in self.read().partitions:
            if not part.extended and self.file_system(part) == "ntfs":
                with self.reading(part) as read, contextlib.suppress(NtfsError, struct.error, IndexError):
                    if any(name.lower() == "windows" for name in Ntfs(read).root_names()):
                        return part
        return None


def put_file(root: Path, name: str, text: str) -> None:
    """Write a file below `root`; a link there is replaced, never followed out of the restored system."""
    target = root / name
    for parent in reversed(target.relative_to(root).parents):
        if (root / parent).is_symlink():
            raise ToolError(Phrase("/{parent} is a link; /{name} is not written", parent=parent, name=name))
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.cloned")
    fresh.unlink(missing_ok=True)
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(target)


def put_in_windows(target: VerifiedDisk, part: Partition, name: str, data: bytes) -> None:
    """Write a file by libntfs itself (Debian's kernel mounts no NTFS); one that is there keeps its rights.

    ToolError where Windows left work in its log. Where that is empty, a mark that the volume is to be checked is what
    ntfsresize put there, and no reason.
    """
    with target.reading(part) as read:
        forced = ["--force"] if Ntfs(read).log_is_empty() else []
    with tempfile.NamedTemporaryFile(prefix="cloned-") as file:
        file.write(data)
        file.flush()
        run(["ntfscp", "--quiet", *forced, target.node(part), file.name, name], timeout=120)


def release_ids(root: Path) -> tuple[str, ...]:
    """ID and ID_LIKE of os-release(5), in lower case: `ubuntu`, `debian`; `linux` where it gives none."""
    for name in _RELEASE:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found = dict(re.findall(r'^(ID|ID_LIKE)="?([^"\n]*)"?$', (root / name).read_text(), re.MULTILINE))
            return (*found.get("ID", "linux").lower().split(), *found.get("ID_LIKE", "").lower().split())
    return ("linux",)


def release_name(root: Path) -> str:
    """The system's name from os-release(5), e.g. `Debian GNU/Linux 12 (bookworm)`; empty if it has none."""
    for name in _RELEASE:
        with contextlib.suppress(OSError):
            found = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', (root / name).read_text(), re.MULTILINE)
            if found:
                return found[1]
    return ""
