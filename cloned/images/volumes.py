"""LVM in a Clonezilla directory: which groups there are, what of them was saved, and what cannot be restored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cloned.disk.lvm import parse_group, parse_text
from cloned.disk.partitions import LayoutError, Swap, VolumeGroup
from cloned.errors import ImageError
from cloned.images.folder import Folder
from cloned.images.parts import Saved, device_name, file_name, saved_part
from cloned.saying import Phrase

_ONE_DISK = Phrase(
    "save a laptop whose volume group lies on one disk: pvmove and vgreduce take the other one out of it"
)


def list_lines(folder: Folder, name: str) -> list[str]:
    """Lines of two words or more of a list that may not be there."""
    return [line for line in (folder.text(name) or "").splitlines() if len(line.split()) >= 2]


def physical_volumes(folder: Folder) -> set[str]:
    """Devices that hold volume groups, without /dev/."""
    return {line.split()[1].removeprefix("/dev/") for line in list_lines(folder, "lvm_vg_dev.list")}


def read_groups(folder: Folder, disk: str) -> list[VolumeGroup]:
    """The volume groups, from what vgcfgbackup wrote; ImageError for one that lies on another disk too."""
    members: dict[str, dict[str, int]] = {}
    for line in list_lines(folder, "lvm_vg_dev.list"):
        vg, device, uuid = (*line.split(), "", "")[:3]
        members.setdefault(vg, {})[uuid] = _number(folder, disk, vg, device)
    return [_group(folder, vg, numbers) for vg, numbers in sorted(members.items())]


def _number(folder: Folder, disk: str, vg: str, device: str) -> int:
    """The partition that a physical volume is."""
    found = re.fullmatch(rf"(?:/dev/)?{re.escape(disk)}p?(\d+)", device)
    if found:
        return int(found[1])
    if device.removeprefix("/dev/") == disk:
        what = Phrase(
            "{path}: volume group {vg} lies on the whole of {device}, without a partition",
            path=folder.path,
            vg=vg,
            device=device,
        )
        raise ImageError(what, "install the master with its volume group in a partition")
    raise ImageError(
        Phrase(
            "{path}: volume group {vg} lies on {device} too, which is not on {disk}",
            path=folder.path,
            vg=vg,
            device=device,
            disk=disk,
        ),
        _ONE_DISK,
    )


def _group(folder: Folder, vg: str, numbers: Mapping[str, int]) -> VolumeGroup:
    name = f"lvm_{vg}.conf"
    path = folder.file(name)
    text = folder.text(name) or ""
    try:
        _refuse_elsewhere(folder, vg, text, numbers)
        group = parse_group(text, numbers)
    except LayoutError as error:
        raise ImageError(Phrase("{path}: {error}", path=path, error=error), "copy the image again") from error
    volumes = (replace(one, swap=read_swap_info(folder, f"{vg}/{one.name}")) for one in group.volumes)
    return replace(group, volumes=tuple(volumes))


def _refuse_elsewhere(folder: Folder, vg: str, text: str, numbers: Mapping[str, int]) -> None:
    """Check a volume group; ImageError where it has a physical volume that the image lacks."""
    for group in parse_text(text).values():
        physical = group.get("physical_volumes") if isinstance(group, dict) else None
        for one in physical.values() if isinstance(physical, dict) else ():
            if isinstance(one, dict) and one.get("id") not in numbers:
                where = one.get("device") or one.get("id")
                what = Phrase(
                    "{path}: volume group {vg} also lies on {where}, which the image does not hold",
                    path=folder.path,
                    vg=vg,
                    where=where,
                )
                raise ImageError(what, _ONE_DISK)


def read_swap_info(folder: Folder, device: str) -> Swap | None:
    """What `swappt-*.info` says of a device; None if there is no such file."""
    name = f"swappt-{file_name(device)}.info"
    text = folder.text(name)
    if text is None:
        return None
    values = dict(re.findall(r'^(UUID|LABEL)="([^"]*)"$', text, re.MULTILINE))
    ident = values.get("UUID", "").lower()
    if ident and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ident):
        raise ImageError(Phrase("{path} holds no valid UUID", path=folder.path / name), "copy the image again")
    return Swap(ident, values.get("LABEL", ""))


def saved_volumes(folder: Folder, groups: Sequence[VolumeGroup]) -> list[Saved]:
    """The logical volumes that hold data."""
    known = {
        f"{group.name}/{volume.name}": volume.extents * group.extent_size * 512
        for group in groups
        for volume in group.volumes
    }
    saved = []
    for line in list_lines(folder, "lvm_logv.list"):
        device, kind = line.split(maxsplit=1)
        if "swap" in kind.lower() or "extended" in kind:
            continue
        name = device_name(folder, device.removeprefix("/dev/"), "lvm_logv.list")
        if name not in known:
            raise ImageError(
                Phrase(
                    "{path}/lvm_logv.list names {device}, which no lvm_*.conf knows", path=folder.path, device=device
                ),
                "copy the image again",
            )
        saved.append(saved_part(folder, name, 0, None, known[name]))
    return sorted(saved, key=lambda one: one.name)
