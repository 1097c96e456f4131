"""What a Clonezilla image directory holds, understood and checked for completeness before a byte is unpacked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cloned.disk.layout import (
    Layout,
    LayoutError,
    Swap,
    VolumeGroup,
    check_layout,
    min_disk_size,
    parse_dump,
    read_primary,
)
from cloned.disk.lvm import parse_group
from cloned.disk.manifest import BOOT_CODE
from cloned.errors import ImageError
from cloned.images.folder import Folder

_DATA = re.compile(
    r"^(?P<part>.+)\.(?P<fs>[A-Za-z0-9_+-]+)-ptcl-img"
    r"(?:\.(?P<comp>gz|bz2|lzo|lzma|xz|lzip|lrz|lz4|zst|uncomp))?(?:\.(?P<split>[a-z]{2,4}))?$"
)
_DD = re.compile(r"^(?P<part>.+)\.dd-img(?:\.(?P<split>[a-z]{2,4}))?$")
_OLD = re.compile(r"^.+\.(?:ntfs-img|ntfsclone)(?:\..*)?$|^[hsv]d[a-z]+\d+\.\d{3}$")
_DEVICE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_+.!-]*(?:/[A-Za-z0-9][A-Za-z0-9_+.!-]*)?$")
_MAGICS: Mapping[bytes, str] = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x89LZO": "lzo",
    b"LZIP": "lzip",
    b"LRZI": "lrz",
}
GAP_LIMIT = 64 * 1024 * 1024
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


@dataclass(frozen=True)
class Saved:
    """One partition or logical volume and the files that hold it."""

    name: str
    """As the source called it, `sda1`; for a logical volume `VG/LV`."""
    number: int
    """Partition number; 0 for a logical volume."""
    start: int | None
    """Byte offset on the disk; None for a logical volume."""
    size: int
    """Bytes of the partition or volume."""
    fs: str
    raw: bool
    """True for what dd saved: no partclone header."""
    compressor: str
    """Clonezilla's suffix: gz, zst, uncomp …"""
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self.files)


@dataclass(frozen=True)
class SavedImage:
    """A Clonezilla image directory."""

    path: Path
    disk: str
    layout: Layout
    disk_size: int
    boot_code: bytes | None
    gap: bytes | None
    parts: tuple[Saved, ...]
    sums: Mapping[str, Sequence[tuple[str, str]]] = field(repr=False)
    firmware: tuple[str, ...] = ()
    os: str = ""
    source: Mapping[str, str] = field(default_factory=dict)
    other_sums: Sequence[str] = ()
    """Checksum files that were not read: partclone's own checksums and the compressor's still count."""

    @property
    def classic(self) -> bool:
        """True where the agent cannot lay it out itself."""
        return any(part.start is None for part in self.parts)


def read_image(path: Path) -> SavedImage:
    """Understand the directory at `path`; ImageError names the file that is missing, damaged or not supported."""
    folder = Folder(path)
    _refuse_unsupported(folder)
    disk = _disk(folder)
    layout = _layout(folder, disk)
    _check(folder, disk, layout)
    parts = _partitions(folder, disk, layout)
    layout = replace(layout, groups=tuple(read_groups(folder)))
    volumes = _volumes(folder, layout.groups)
    boot = folder.data(f"{_file(disk)}-mbr", 4096)
    if boot is not None and len(boot) < BOOT_CODE:
        raise ImageError(f"{folder.path}/{_file(disk)}-mbr is too short", "copy the image again")
    boot_code = None if boot is None else boot[:BOOT_CODE]
    return SavedImage(
        path,
        disk,
        layout,
        _disk_size(folder, disk, layout),
        boot_code,
        _gap(folder, disk, layout),
        (*parts, *volumes),
        folder.checksums(),
        _firmware(layout, boot_code),
        _os(folder),
        _source(folder),
        folder.other_sums,
    )


def _refuse_unsupported(folder: Folder) -> None:
    names = sorted(folder.names)
    for name in names:
        if name.startswith("luks-"):
            raise ImageError(
                f"{folder.path} holds an opened LUKS partition ({name})",
                "save it closed: answer no when Clonezilla asks to open it, then it is saved by dd",
            )
        if name == "ecryptfs.info":
            raise ImageError(f"{folder.path} is encrypted ({name})", "decrypt it with Clonezilla first")
        if name == "00-pseudo-img-note.txt":
            raise ImageError(f"{folder.path} holds no data ({name})", "save the image with its data")
        if _OLD.match(name):
            raise ImageError(f"{folder.path / name} was saved by ntfsclone or partimage", "save it with partclone")


def _disk(folder: Folder) -> str:
    if "disk" not in folder.names and "parts" in folder.names:
        raise ImageError(f"{folder.path} holds single partitions (saveparts)", "save the whole disk (savedisk)")
    disks = folder.words("disk")
    if len(disks) != 1:
        raise ImageError(f"{folder.path}/disk names {len(disks)} disks", "save one disk an image")
    return _device(folder, disks[0], "disk")


def _device(folder: Folder, name: str, where: str) -> str:
    if not _DEVICE.match(name) or ".." in name:
        raise ImageError(f"{folder.path}/{where} holds {name!r}, which is no device name", "copy the image again")
    return name


def _file(device: str) -> str:
    """How Clonezilla writes a device in a file name."""
    return device.replace("/", "-")


def _layout(folder: Folder, disk: str) -> Layout:
    name = f"{_file(disk)}-pt.sf"
    folder.file(name)
    try:
        layout = parse_dump(folder.text(name) or "", _sector_size(folder, disk))
        if not layout.id:
            layout = _from_dumps(folder, disk, layout)
    except ValueError as error:
        hint = "copy the image again, or save it with a newer Clonezilla"
        raise ImageError(f"{folder.path / name}: {error}", hint) from error
    swaps = {}
    for part in layout.partitions:
        swap = _swap(folder, f"swappt-{_file(_node(disk, part.number))}.info")
        if swap:
            swaps[part.number] = swap
    return layout.with_swaps(swaps)


def _check(folder: Folder, disk: str, layout: Layout) -> None:
    try:
        check_layout(layout)
    except LayoutError as error:
        what = f"{folder.path}/{_file(disk)}-pt.sf describes no disk that can be cloned: {error}"
        raise ImageError(what, "copy the image again, or save the disk again") from error


def _from_dumps(folder: Folder, disk: str, layout: Layout) -> Layout:
    """Old dumps of sfdisk know no id, and GPT not at all: the saved sectors do."""
    gpt = folder.data(f"{_file(disk)}-gpt-1st")
    if gpt is not None and all(part.type in ("ee", "0") for part in layout.partitions):
        return read_primary(gpt)
    mbr = folder.data(f"{_file(disk)}-mbr", 4096)
    if mbr is None or len(mbr) < 512:
        raise LayoutError("it gives no disk id, and there is no saved MBR to take it from")
    ident = int.from_bytes(mbr[440:444], "little")
    return Layout("dos", f"0x{ident:08x}", layout.sector_size, layout.partitions)


def _sector_size(folder: Folder, disk: str) -> int:
    match = re.search(r"Sector size \(logical/physical\): (\d+)B", folder.text(f"{_file(disk)}-pt.parted") or "")
    return int(match[1]) if match and int(match[1]) in (512, 4096) else 512


def _node(disk: str, number: int) -> str:
    """The kernel's name for a partition: a `p` after a disk that ends in a digit."""
    return f"{disk}{'p' if disk[-1].isdigit() else ''}{number}"


def _swap(folder: Folder, name: str) -> Swap | None:
    text = folder.text(name)
    if text is None:
        return None
    values = dict(re.findall(r'^(UUID|LABEL)="([^"]*)"$', text, re.MULTILINE))
    ident = values.get("UUID", "").lower()
    if ident and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ident):
        raise ImageError(f"{folder.path / name} holds no valid UUID", "copy the image again")
    return Swap(ident, values.get("LABEL", ""))


def _partitions(folder: Folder, disk: str, layout: Layout) -> list[Saved]:
    volumes = {line.split()[1].removeprefix("/dev/") for line in _lines(folder, "lvm_vg_dev.list")}
    parts = []
    for name in folder.words("parts"):
        device = _device(folder, name, "parts")
        if device in volumes:
            continue
        number = _number(folder, disk, device)
        try:
            part = layout.partition(number)
        except LayoutError as error:
            raise ImageError(
                f"{folder.path}/parts names {device}, but the partition table has no such partition",
                "copy the image again",
            ) from error
        sector = layout.sector_size
        parts.append(_saved(folder, device, device, number, part.start * sector, part.size * sector))
    if len({part.number for part in parts}) != len(parts):
        raise ImageError(f"{folder.path}/parts names a partition twice", "copy the image again")
    return sorted(parts, key=lambda part: part.number)


def _number(folder: Folder, disk: str, device: str) -> int:
    rest = device.removeprefix(disk)
    match = re.fullmatch(r"p?(\d+)", rest)
    if rest == device or not match:
        raise ImageError(f"{folder.path}/parts names {device}, which is no partition of {disk}", "save the disk again")
    return int(match[1])


def _lines(folder: Folder, name: str) -> list[str]:
    return [line for line in (folder.text(name) or "").splitlines() if len(line.split()) >= 2]


def _saved(folder: Folder, label: str, device: str, number: int, start: int | None, size: int) -> Saved:
    """Find the files of one device; exactly one set of them, without gaps."""
    prefix = _file(device)
    sets: dict[tuple[str, str, bool], dict[str, str]] = {}
    for name in folder.names:
        data, plain = _DATA.match(name), _DD.match(name)
        if data and data["part"] == prefix:
            sets.setdefault((data["fs"], data["comp"] or "", data["fs"] == "dd"), {})[data["split"] or ""] = name
        elif plain and plain["part"] == prefix:
            sets.setdefault(("dd", "", True), {})[plain["split"] or ""] = name
    if len(sets) != 1:
        what = "is missing" if not sets else "is there more than once"
        where = f"{folder.path}: the data of {label}"
        raise ImageError(f"{where} {what} ({prefix}.*-ptcl-img.*)", "copy the image again, all of it")
    (((fs, compressor, raw), names),) = sets.items()
    files = tuple(folder.file(name) for name in _in_order(folder, names))
    return Saved(label, number, start, size, fs, raw, compressor or _guess(files[0]), files)


def _in_order(folder: Folder, names: Mapping[str, str]) -> list[str]:
    """Split pieces from `aa` on, one after the other."""
    if "" in names:
        if len(names) > 1:
            raise ImageError(f"{folder.path}: {names['']} is there whole and in pieces", "remove one of the two")
        return list(names.values())
    ordered = sorted(names)
    for index, split in enumerate(ordered):
        expected = _suffix(index, len(split))
        if split != expected:
            stem = names[split].removesuffix(split)
            raise ImageError(f"{folder.path}: {stem}{expected} is missing", "copy the image again, all of it")
    return [names[split] for split in ordered]


def _suffix(index: int, width: int) -> str:
    """As split(1) counts: aa, ab … az, ba …"""
    text = ""
    for _ in range(width):
        index, digit = divmod(index, 26)
        text = chr(ord("a") + digit) + text
    return text


def _guess(path: Path) -> str:
    """The compressor by the first bytes, where the name does not say."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((kind for magic, kind in _MAGICS.items() if head.startswith(magic)), "uncomp")


def _volumes(folder: Folder, groups: Sequence[VolumeGroup]) -> list[Saved]:
    """The logical volumes that hold data."""
    known = {
        f"{group.name}/{volume.name}": volume.extents * group.extent_size * 512
        for group in groups
        for volume in group.volumes
    }
    saved = []
    for line in _lines(folder, "lvm_logv.list"):
        device, kind = line.split(maxsplit=1)
        if "swap" in kind.lower() or "extended" in kind:
            continue
        name = _device(folder, device.removeprefix("/dev/"), "lvm_logv.list")
        if name not in known:
            raise ImageError(
                f"{folder.path}/lvm_logv.list names {device}, which no lvm_*.conf knows", "copy the image again"
            )
        saved.append(_saved(folder, name, name, 0, None, known[name]))
    return sorted(saved, key=lambda one: one.name)


def read_groups(folder: Folder) -> list[VolumeGroup]:
    """The volume groups, from what vgcfgbackup wrote."""
    members: dict[str, dict[str, int]] = {}
    for line in _lines(folder, "lvm_vg_dev.list"):
        vg, device, uuid = (*line.split(), "", "")[:3]
        number = re.search(r"(\d+)$", device)
        members.setdefault(vg, {})[uuid] = int(number[1]) if number else 0
    groups = []
    for vg, numbers in sorted(members.items()):
        name = f"lvm_{vg}.conf"
        folder.file(name)
        try:
            group = parse_group(folder.text(name) or "", numbers)
        except LayoutError as error:
            raise ImageError(f"{folder.path / name}: {error}", "copy the image again") from error
        volumes = (replace(one, swap=_swap(folder, f"swappt-{vg}-{one.name}.info")) for one in group.volumes)
        groups.append(replace(group, volumes=tuple(volumes)))
    return groups


def _disk_size(folder: Folder, disk: str, layout: Layout) -> int:
    match = re.search(r"^Disk /dev/.*: (\d+)s$", folder.text(f"{_file(disk)}-pt.parted") or "", re.MULTILINE)
    least = min_disk_size(layout)
    return max(least, int(match[1]) * layout.sector_size) if match and len(match[1]) < 16 else least


def _gap(folder: Folder, disk: str, layout: Layout) -> bytes | None:
    """What lay between the MBR and the first partition; nothing of it may reach into a partition."""
    name = f"{_file(disk)}-hidden-data-after-mbr"
    data = folder.data(name, GAP_LIMIT)
    if layout.label != "dos" or not data:
        return None
    first = min((part.start for part in layout.partitions), default=0) * layout.sector_size
    if 512 + len(data) > first:
        raise ImageError(f"{folder.path / name} is larger than the gap it was taken from", "copy the image again")
    return data


def _firmware(layout: Layout, boot_code: bytes | None) -> tuple[str, ...]:
    """What it can boot on: BIOS with boot code, UEFI with an EFI system partition."""
    bios = boot_code is not None and any(boot_code)
    uefi = any(part.type in (ESP, "ef") for part in layout.partitions)
    return (*(("bios",) if bios else ()), *(("uefi",) if uefi else ()))


def _os(folder: Folder) -> str:
    """What Clonezilla's os-prober saw, where it was asked; `/dev/sda2:Debian GNU/Linux 12 (bookworm):Debian:linux`."""
    for line in (folder.text("Info-OS-prober.txt") or "").splitlines():
        fields = line.split(":")
        if line.startswith("/dev/") and len(fields) >= 2:
            return printable(fields[1])
    return ""


def printable(text: str) -> str:
    """What somebody else wrote, fit for a screen: no control characters, at most 100 characters."""
    return "".join(each for each in text if each.isprintable()).strip()[:100]


def _source(folder: Folder) -> dict[str, str]:
    """The laptop it was saved from, as its SMBIOS told (dmidecode, `System Information`)."""
    text = folder.text("Info-dmi.txt") or ""
    system = text.partition("System Information")[2].partition("\n\n")[0]
    found = dict(re.findall(r"^\t(Manufacturer|Product Name|Serial Number|UUID): (.+)$", system, re.MULTILINE))
    names = {"Manufacturer": "vendor", "Product Name": "product", "Serial Number": "serial", "UUID": "uuid"}
    return {names[key]: printable(value) for key, value in found.items()}
