"""What a Clonezilla image directory holds, understood and checked for completeness before a byte is unpacked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cloned.core.warnings import Warn
from cloned.disk.layout import Layout, LayoutError, check_layout, min_disk_size, parse_dump, read_primary
from cloned.disk.manifest import GAP_LAYER
from cloned.errors import ImageError
from cloned.images import boot_sectors as boot
from cloned.images import doubts
from cloned.images.folder import Folder
from cloned.images.parts import OLD_FORMATS, Saved, device_name, file_name, node_name, saved_part
from cloned.images.volumes import physical_volumes, read_groups, read_swap_info, saved_volumes
from cloned.saying import Phrase

ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


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
    extended_code: bytes | None = None
    """Boot code at the start of an MBR disk's extended partition."""
    warnings: tuple[Warn, ...] = ()
    """What a person should know of it."""

    @property
    def classic(self) -> bool:
        """True where the agent cannot lay it out itself."""
        return any(part.start is None for part in self.parts)


def read_image(path: Path) -> SavedImage:
    """Understand the directory at `path`; ImageError names the file that is missing, damaged or not supported."""
    folder = Folder(path)
    _refuse_unsupported(folder)
    disk = _disk(folder)
    layout = boot.with_protective(folder, disk, _layout(folder, disk))
    doubts.refuse_one_of_several(folder)
    _check(folder, disk, layout)
    layout = replace(layout, groups=tuple(read_groups(folder, disk)))
    parts = _partitions(folder, disk, layout)
    volumes = saved_volumes(folder, layout.groups)
    boot_code, extended = boot.read_boot_code(folder, disk), boot.read_extended_code(folder, disk, layout)
    layout = boot.with_extended_code(layout, extended)
    gap, large_gap = boot.read_gap(folder, disk, layout)
    found = SavedImage(
        path=folder.path,
        disk=disk,
        layout=layout,
        disk_size=_disk_size(folder, disk, layout),
        boot_code=boot_code,
        gap=gap,
        parts=(*large_gap, *parts, *volumes),
        sums=folder.checksums(),
        firmware=_firmware(layout, boot_code),
        os=_os(folder),
        source=_source(folder),
        extended_code=extended,
    )
    return replace(found, warnings=_warnings(folder, found))


def _warnings(folder: Folder, image: SavedImage) -> tuple[Warn, ...]:
    """What a person should know of an image that can be taken in."""
    disk, layout = image.disk, image.layout
    kept = len(image.gap or b"") + sum(part.size for part in image.parts if part.name == GAP_LAYER)
    numbers = [part.number for part in image.parts]
    return (
        *doubts.empty_partitions(folder, disk, layout, numbers, physical_volumes(folder)),
        *boot.gap_doubts(folder, disk, layout, image.boot_code, kept, image.gap),
        *boot.protective_doubts(folder, disk, layout),
        *doubts.other_sums(folder.other_sums),
    )


def _refuse_unsupported(folder: Folder) -> None:
    names = sorted(folder.names)
    for name in names:
        if name.startswith("luks-"):
            raise ImageError(
                Phrase("{path} holds an opened LUKS partition ({name})", path=folder.path, name=name),
                "save it closed: answer no when Clonezilla asks to open it, then it is saved by dd",
            )
        if name == "ecryptfs.info":
            raise ImageError(
                Phrase("{path} is encrypted ({name})", path=folder.path, name=name), "decrypt it with Clonezilla first"
            )
        if name == "00-pseudo-img-note.txt":
            raise ImageError(
                Phrase("{path} holds no data ({name})", path=folder.path, name=name), "save the image with its data"
            )
        if OLD_FORMATS.match(name):
            raise ImageError(
                Phrase("{path} was saved by ntfsclone or partimage", path=folder.path / name), "save it with partclone"
            )


def _disk(folder: Folder) -> str:
    if "disk" not in folder.names and "parts" in folder.names:
        raise ImageError(
            Phrase("{path} holds single partitions (saveparts)", path=folder.path), "save the whole disk (savedisk)"
        )
    disks = folder.words("disk")
    if len(disks) != 1:
        raise ImageError(
            Phrase("{path}/disk names {count} {count:disk|disks}", path=folder.path, count=len(disks)),
            "save one disk an image",
        )
    return device_name(folder, disks[0], "disk")


def _layout(folder: Folder, disk: str) -> Layout:
    name = f"{file_name(disk)}-pt.sf"
    folder.file(name)
    try:
        layout = parse_dump(folder.text(name) or "", _sector_size(folder, disk))
        if not layout.id:
            layout = _from_dumps(folder, disk, layout)
    except ValueError as error:
        hint = Phrase("copy the image again, or save it with a newer Clonezilla")
        raise ImageError(Phrase("{path}: {error}", path=folder.path / name, error=error), hint) from error
    swaps = {}
    for part in layout.partitions:
        swap = read_swap_info(folder, node_name(disk, part.number))
        if swap:
            swaps[part.number] = swap
    return layout.with_swaps(swaps)


def _check(folder: Folder, disk: str, layout: Layout) -> None:
    try:
        check_layout(layout)
    except LayoutError as error:
        what = Phrase(
            "{path}/{disk}-pt.sf describes no disk that can be cloned: {error}",
            path=folder.path,
            disk=file_name(disk),
            error=error,
        )
        raise ImageError(what, "copy the image again, or save the disk again") from error


def _from_dumps(folder: Folder, disk: str, layout: Layout) -> Layout:
    """Old dumps of sfdisk know no id, and GPT not at all: the saved sectors do."""
    gpt = folder.data(f"{file_name(disk)}-gpt-1st")
    if gpt is not None and all(part.type in ("ee", "0") for part in layout.partitions):
        return read_primary(gpt)
    mbr = folder.data(f"{file_name(disk)}-mbr", 4096)
    if mbr is None or len(mbr) < 512:
        raise LayoutError("it gives no disk id, and there is no saved MBR to take it from")
    ident = int.from_bytes(mbr[440:444], "little")
    return Layout("dos", f"0x{ident:08x}", layout.sector_size, layout.partitions)


def _sector_size(folder: Folder, disk: str) -> int:
    match = re.search(r"Sector size \(logical/physical\): (\d+)B", folder.text(f"{file_name(disk)}-pt.parted") or "")
    return int(match[1]) if match and int(match[1]) in (512, 4096) else 512


def _partitions(folder: Folder, disk: str, layout: Layout) -> list[Saved]:
    members = physical_volumes(folder)
    parts = []
    for name in folder.words("parts"):
        device = device_name(folder, name, "parts")
        if device in members:
            continue
        number = _number(folder, disk, device)
        try:
            part = layout.partition(number)
        except LayoutError as error:
            raise ImageError(
                Phrase(
                    "{path}/parts names {device}, but the partition table has no such partition",
                    path=folder.path,
                    device=device,
                ),
                "copy the image again",
            ) from error
        sector = layout.sector_size
        parts.append(saved_part(folder, device, number, part.start * sector, part.size * sector))
    if len({part.number for part in parts}) != len(parts):
        raise ImageError(Phrase("{path}/parts names a partition twice", path=folder.path), "copy the image again")
    return sorted(parts, key=lambda part: part.number)


def _number(folder: Folder, disk: str, device: str) -> int:
    rest = device.removeprefix(disk)
    match = re.fullmatch(r"p?(\d+)", rest)
    if rest == device or not match:
        raise ImageError(
            Phrase(
                "{path}/parts names {device}, which is no partition of {disk}",
                path=folder.path,
                device=device,
                disk=disk,
            ),
            "save the disk again",
        )
    return int(match[1])


def _disk_size(folder: Folder, disk: str, layout: Layout) -> int:
    match = re.search(r"^Disk /dev/.*: (\d+)s$", folder.text(f"{file_name(disk)}-pt.parted") or "", re.MULTILINE)
    least = min_disk_size(layout)
    return max(least, int(match[1]) * layout.sector_size) if match and len(match[1]) < 16 else least


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
