"""What may speak against a laptop before it is cloned: locks, keys, a dead clock, parts that do not answer.

Read from sysfs and the firmware's tables, without drivers for those parts: that a camera answers on the bus is known
without one. Everything is None or left out where it cannot be told.
"""

from __future__ import annotations

import datetime
import os
import time

from cloned.agent import sysfs

Structure = tuple[int, bytes, list[str]]
"""Of SMBIOS: type, formatted area, strings."""
TABLES = "/sys/firmware/acpi/tables"
AGAIN_SECONDS = 0.4
"""Seconds after which USB is looked at again; beside it disks tell their health, which takes longer."""
_EFI = "/sys/firmware/efi/efivars"
_IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
"""GUID of db and dbx (UEFI specification 2.10, §32.6.1)."""
_CERT_SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
"""EFI_CERT_SHA256_GUID as it lies in memory (§32.4.1)."""
_AUTHORITIES = (
    "Microsoft Windows Production PCA 2011", "Windows UEFI CA 2023", "Microsoft Corporation UEFI CA 2011",
    "Microsoft UEFI CA 2023", "Microsoft Option ROM UEFI CA 2023",
)  # fmt: skip
"""Names that stand in their certificates, each behind its length (DER). Those of 2011 end in 2026."""
_PORTABLE = frozenset({8, 9, 10, 11, 14, 30, 31, 32})
"""SMBIOS 3.7, §7.4.1: portable, laptop, notebook, hand held, sub notebook, tablet, convertible, detachable."""
_STATIONARY = frozenset({3, 4, 5, 6, 7, 13, 15, 16, 17, 23, 24, 35, 36})
_VMD = frozenset({"201d", "28c0", "467f", "4c3d", "7d0b", "9a0b", "a77f", "ad0b", "b60b"})
"""Intel's Volume Management Device (drivers/pci/controller/vmd.c): disks behind it need its driver."""


def passwords(structures: list[Structure]) -> list[str] | None:
    """Passwords that are set in the firmware (§7.25: type 24); None where it does not say."""
    found = next((body for kind, body, _ in structures if kind == 24 and len(body) >= 5), None)
    if found is None:
        return None
    places = (("power-on", 6), ("keyboard", 4), ("administrator", 2))
    states = {name: found[4] >> shift & 3 for name, shift in places}
    if all(state in (2, 3) for state in states.values()):
        return None  # not implemented, or unknown
    return [name for name, state in states.items() if state == 1]


def portable(structures: list[Structure]) -> bool | None:
    """Whether its case is one that is carried (§7.4: type 3)."""
    kind = next((body[5] & 0x7F for kind, body, _ in structures if kind == 3 and len(body) > 5), 0)
    return True if kind in _PORTABLE else False if kind in _STATIONARY else None


def knows_uefi(structures: list[Structure]) -> bool | None:
    """Whether the firmware can start by UEFI, however it started now (§7.1.2.2: type 0, extension byte 2, bit 3)."""
    if os.path.isdir("/sys/firmware/efi"):
        return True
    found = next((body for kind, body, _ in structures if kind == 0 and len(body) > 0x13), None)
    return None if found is None else bool(found[0x13] & 8)


def tables(base: str = TABLES) -> dict[str, bool | None]:
    """Whether the firmware puts a program into Windows (WPBT, as Absolute does) or holds a key for it (MSDM).

    WPBT is Microsoft's Windows Platform Binary Table, run at each start of Windows. What a key is for: product_keys.py.
    """
    names = sysfs.names(base)
    return {"wpbt": "WPBT" in names if names else None, "product_key": "MSDM" in names if names else None}


def usb_parts(base: str = "/sys/bus/usb/devices") -> dict[str, bool | None]:
    """Camera (class 0e) and Bluetooth (e0, 01, 01): what answers on USB, whatever drivers there are."""
    names = sysfs.names(base)
    if not names:
        return {"camera": None, "bluetooth": None}
    found = [
        tuple(sysfs.text(f"{base}/{name}/bInterface{word}") for word in ("Class", "SubClass", "Protocol"))
        for name in names
        if ":" in name
    ]
    return {
        "camera": any(each[0] == "0e" for each in found),
        "bluetooth": any(each == ("e0", "01", "01") for each in found),
    }


def usb_parts_again(base: str = "/sys/bus/usb/devices", pause: float = AGAIN_SECONDS) -> dict[str, bool | None]:
    """`usb_parts`, read once more where a part did not answer: a hub may still be asking who is behind it."""
    found = usb_parts(base)
    if None not in found.values() and not all(found.values()):
        time.sleep(pause)
        later = usb_parts(base)
        found = {name: there or later[name] for name, there in found.items()}
    return found


def pci_parts(base: str = "/sys/bus/pci/devices") -> dict[str, object]:
    """Sound (classes 0401, 0403), and a mode of the firmware's that hides disks behind RAID (0104) or VMD."""
    names = sysfs.names(base)
    if not names:
        return {"sound": None, "hides_disks": ""}
    kinds = [sysfs.text(f"{base}/{name}/class")[2:6] for name in names]
    makers = [tuple(sysfs.text(f"{base}/{name}/{word}")[2:] for word in ("vendor", "device")) for name in names]
    vmd = any(vendor == "8086" and device in _VMD for vendor, device in makers)
    return {
        "sound": any(kind in ("0401", "0403") for kind in kinds),
        "hides_disks": "VMD" if vmd else "RAID" if "0104" in kinds else "",
    }


def charger(base: str = "/sys/class/power_supply") -> bool | None:
    """Whether mains power comes in; None where no socket for it is known."""
    mains = [name for name in sysfs.names(base) if sysfs.text(f"{base}/{name}/type") in ("Mains", "USB")]
    return any(sysfs.text(f"{base}/{name}/online") == "1" for name in mains) if mains else None


def clock(base: str = "/sys/class/rtc/rtc0") -> str:
    """The day that the firmware's clock stands at: an early one means that its coin cell is dead."""
    seconds = sysfs.text(f"{base}/since_epoch")
    if not seconds.isdigit() or int(seconds) >= 2**33:
        return ""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).date().isoformat()


def secure_boot(folder: str = _EFI) -> dict[str, object]:
    """Whose signatures the firmware starts (`db`), and how many files it refuses (`dbx`)."""
    database = sysfs.raw(f"{folder}/db-{_IMAGE_SECURITY}")[4:]  # 4 bytes of attributes come first
    refused = sysfs.raw(f"{folder}/dbx-{_IMAGE_SECURITY}")[4:]
    return {
        "authorities": [name for name in _AUTHORITIES if bytes((len(name),)) + name.encode() in database],
        "revoked": _hashes(refused) if refused else None,
    }


def _hashes(data: bytes) -> int:
    """SHA-256 entries of a signature database (§32.4.1: lists of type, size, header size, signature size)."""
    count, at = 0, 0
    while at + 28 <= len(data):
        size, header, each = (int.from_bytes(data[at + skip : at + skip + 4], "little") for skip in (16, 20, 24))
        if size < 28 or not each:
            break
        if data[at : at + 16] == _CERT_SHA256:
            count += (min(size, len(data) - at) - 28 - header) // each
        at += size
    return max(0, count)
