"""Asks every disk of this laptop what it can do, for an erasure; nothing is written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import replace

from cloned.agent import disks, smart, sysfs
from cloned.agent.erase_tools import SHORT_SECONDS, controller, raw
from cloned.agent.tools import ToolError, run
from cloned.disk import media
from cloned.disk.media import AtaAbilities, FactsError, Medium, MmcAbilities, NvmeAbilities, ScsiAbilities
from cloned.saying import Phrase, short

_ELSEWHERE = ("USB", "memory card")
"""What is not built in, so never erased and never counted. A disk that is in use is counted, and not erased."""
_RAID = "0x0104"
"""PCI class of a RAID controller."""


def every(only: str = "", told: disks.ToldDisk | None = None) -> list[Medium]:
    """All disks, sticks and cards among them; after `only` no other one exists. Hidden ones come last."""
    found = [_medium(disk) for disk in disks.scan(only, told)]
    return found if only else [*found, *hidden()]


def unnamed(named: Collection[Medium], only: str = "", told: disks.ToldDisk | None = None) -> list[Medium]:
    """Built-in disks that are there now and are none of these; they are only looked at, not asked."""
    seen = [_seen(disk) for disk in disks.scan(only, told)] + ([] if only else hidden())
    known = {name for medium in named for name in (medium.key, medium.serial, medium.wwn) if name}
    return [medium for medium in seen if medium.built_in and not known & {medium.key, medium.serial, medium.wwn}]


def _seen(disk: disks.DiskFacts) -> Medium:
    built_in = disk["transport"] != "usb" and disk["why_not"] not in _ELSEWHERE
    barred = "" if not disk["size"] else disk["why_not"]
    return media.medium_of(disk, barred=barred, built_in=built_in)


def _medium(disk: disks.DiskFacts) -> Medium:
    medium = _seen(disk)
    return asked(medium) if medium.built_in and medium.size else medium


def asked(medium: Medium) -> Medium:
    """The medium with what it says of itself; where it cannot be asked, why."""
    ask = _ASK.get(medium.bus)
    if ask is None:
        return medium
    health = str(smart.health(medium.path)["verdict"])
    try:
        return ask(replace(medium, smart=health))
    except (ToolError, FactsError) as error:
        return replace(medium, smart=health, asked=short(str(error)))


def _sata(medium: Medium) -> Medium:
    path = medium.path
    able = media.ata_abilities(media.identify_bytes(run(["hdparm", "--Istdout", path], timeout=SHORT_SECONDS)))
    frozen = able.sanitize and "SD1 " in _perhaps(["hdparm", "--sanitize-status", path])
    able = with_hidden(replace(able, sanitize_frozen=frozen), path, medium.size // medium.sector_size)
    return replace(medium, ata=_as_ssd(medium, able))


def with_hidden(able: AtaAbilities, path: str, sectors: int) -> AtaAbilities:
    """With what the drive tells of hidden sectors now; `sectors`: how many it shows."""
    area = _perhaps(["hdparm", "-N", path]) if able.hpa else ""
    native = media.native_sectors(area)
    taken = media.overlay_sectors(_perhaps(["hdparm", "--dco-identify", path]), native or sectors)
    untold = (able.hpa and not native) or (able.dco and taken is None)
    return replace(able, hidden_sectors=media.hidden_area(area), dco_sectors=taken or 0, untold=untold)


def _as_ssd(medium: Medium, able: AtaAbilities) -> AtaAbilities:
    """Spinning where either the kernel or the drive says so."""
    return replace(able, rotational=able.rotational or medium.rotational)


def _nvme(medium: Medium) -> Medium:
    node = controller(medium.path)
    answer = raw(["nvme", "id-ctrl", node, "--raw-binary"])
    able: NvmeAbilities = media.nvme_abilities(answer)
    if able.block_erase or able.crypto_erase or able.overwrite:
        log = raw(["nvme", "get-log", node, "--log-id=0x81", "--log-len=512", "--raw-binary"])
        able = media.nvme_abilities(answer, log)
    return replace(medium, nvme=replace(able, namespaces=_namespaces(node) or able.namespaces))


def _namespaces(node: str) -> int:
    """Namespaces that are there; the controller only tells how many there could be."""
    spaces = re.compile(rf"{re.escape(os.path.basename(node))}(c\d+)?n\d+$")
    return sum(1 for name in sysfs.names(f"/sys/class/nvme/{os.path.basename(node)}") if spaces.match(name))


def _mmc(medium: Medium) -> Medium:
    able: MmcAbilities = media.mmc_abilities(run(["mmc", "extcsd", "read", medium.path], timeout=SHORT_SECONDS))
    return replace(medium, mmc=able)


def _scsi(medium: Medium) -> Medium:
    answers = [_perhaps(["sg_opcodes", f"--opcode=0x48,{action}", medium.path]) for action in (2, 3, 1)]
    able: ScsiAbilities = media.scsi_abilities(answers[0], answers[1], answers[2])
    return replace(medium, scsi=able)


def _perhaps(command: list[str]) -> str:
    """What a program says; nothing where the drive does not know the question."""
    try:
        return run(command, timeout=SHORT_SECONDS)
    except ToolError:
        return ""


_ASK: dict[str, Callable[[Medium], Medium]] = {"sata": _sata, "nvme": _nvme, "mmc": _mmc, "scsi": _scsi}


def hidden(base: str = "/sys/bus/pci/devices") -> list[Medium]:
    """Disks that a controller in RAID mode hides: they are seen and cannot be erased."""
    found: list[Medium] = []
    for name in sysfs.names(base):
        remapped = sysfs.number(f"{base}/{name}/remapped_nvme")  # ahci.c: NVMe disks behind Intel RST
        found += [_behind(name, number, "Intel RST") for number in range(remapped)]
        if sysfs.text(f"{base}/{name}/class").startswith(_RAID) and not os.path.exists(f"{base}/{name}/driver"):
            found.append(_behind(name, 0, Phrase("a RAID controller that Linux has no driver for")))
    return found


def _behind(controller_name: str, number: int, what: str) -> Medium:
    path = f"pci:{controller_name}/{number}"
    why = Phrase("hidden behind {what}: set the firmware's storage mode to AHCI", what=what)
    return Medium(path, 0, serial=f"hidden-{controller_name}-{number}", model=f"Disk behind {what}", barred=why)
