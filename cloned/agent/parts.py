"""What the laptop is made of, beside processor and disks: read from sysfs and the firmware's tables, never guessed.

What cannot be read is left out, and so is what does not answer in time. Nothing here starts a program, so that a
hello is not held up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import TypedDict

from cloned.agent import locks, panels, product_keys, readings, signs, sysfs
from cloned.json_data import JsonObject

_DMI = "/sys/class/dmi/id"
_TABLE = "/sys/firmware/dmi/tables/DMI"
_SUPPLY = "/sys/class/power_supply"
_MEMORY_KINDS = {
    0x13: "DDR2", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR", 0x1C: "LPDDR2", 0x1D: "LPDDR3", 0x1E: "LPDDR4",
    0x22: "DDR5", 0x23: "LPDDR5",
}  # fmt: skip
_WIFI_MAKERS = {
    "8086": "Intel", "10ec": "Realtek", "168c": "Qualcomm Atheros", "17cb": "Qualcomm", "14e4": "Broadcom",
    "14c3": "MediaTek", "1814": "Ralink",
}  # fmt: skip


def gather(longest: float = readings.LONGEST_SECONDS) -> dict[str, object]:
    """The `hardware` of a hello (core/hardware.py says what each is); `late` names what did not answer in time."""
    found, late = readings.gathered(_READINGS, longest)
    merged = {key: value for part in found.values() for key, value in part.items()}
    if merged.get("portable") is None and merged.get("batteries"):
        merged["portable"] = True  # its case is not told, and what runs on a battery is carried
    if merged.get("portable") and not merged.get("panel"):
        merged["panel"] = panels.of_firmware()  # from memory: it cannot hang
    return {**merged, **({"late": late} if late else {})}


def afterwards(late: Iterable[str], learnt: Callable[[JsonObject], None]) -> None:
    """What did not answer in time is told when it does; returns at once."""
    readings.afterwards({name: _READINGS[name] for name in late if name in _READINGS}, learnt)


def _from_tables() -> dict[str, object]:
    """What SMBIOS and ACPI say."""
    table = structures(sysfs.raw(_TABLE))
    return {
        "slots": memory_slots(table),
        "passwords": signs.passwords(table),
        "portable": signs.portable(table),
        "uefi": signs.knows_uefi(table),
        **signs.tables(),
        **product_keys.key_facts(),
        "firmware_version": sysfs.text(f"{_DMI}/bios_version"),
        "firmware_date": iso_date(sysfs.text(f"{_DMI}/bios_date")),
        "locks": locks.seen(table),
    }


def cores(base: str = "/sys/devices/system/cpu") -> int:
    """Cores, however many threads each has; 0 where that is not told."""
    found = set()
    for name in sysfs.names(base):
        if re.fullmatch(r"cpu\d+", name):
            topology = f"{base}/{name}/topology"
            found.add((sysfs.text(f"{topology}/physical_package_id"), sysfs.text(f"{topology}/core_id")))
    return len(found - {("", "")})


def memory_slots(table: list[signs.Structure]) -> list[dict[str, object]]:
    """Every place for a module, empty ones too (SMBIOS 3.7, §7.18: type 17)."""
    return [_slot(body, words) for kind, body, words in table if kind == 17 and len(body) >= 0x17]


def structures(table: bytes) -> list[signs.Structure]:
    """Type, formatted area and strings of each structure (§6.1); stops where the table makes no sense."""
    found, at = [], 0
    while at + 4 <= len(table) and table[at + 1] >= 4:
        body = table[at : at + table[at + 1]]
        end = table.find(b"\0\0", at + len(body))
        if end < 0:
            break
        words = [word.decode("latin-1").strip() for word in table[at + len(body) : end].split(b"\0")]
        found.append((body[0], body, words))
        if body[0] == 127:
            break
        at = end + 2
    return found


def _slot(body: bytes, words: list[str]) -> dict[str, object]:
    size = int.from_bytes(body[0x0C:0x0E], "little")
    if size == 0x7FFF and len(body) >= 0x20:
        count = (int.from_bytes(body[0x1C:0x20], "little") & 0x7FFFFFFF) << 20
    elif size == 0xFFFF:
        count = 0
    else:
        count = (size & 0x7FFF) << (10 if size & 0x8000 else 20)
    at = body[0x10]
    place = words[at - 1] if 0 < at <= len(words) else ""
    mhz = int.from_bytes(body[0x15:0x17], "little")
    return {"place": place, "size": count, "kind": _MEMORY_KINDS.get(body[0x12], ""), "mhz": mhz if mhz < 0xFFFF else 0}


class FoundBattery(TypedDict):
    """Watt hours that it was made for and holds now; its cycles, None where it does not count them."""

    name: str
    design_wh: float
    full_wh: float
    cycles: int | None


def batteries(base: str = _SUPPLY) -> list[FoundBattery]:
    """Each battery's watt hours, made for and held now, and its cycles (power_supply class of sysfs)."""
    found: list[FoundBattery] = []
    for name in sysfs.names(base):
        folder = f"{base}/{name}"
        if sysfs.text(f"{folder}/type") != "Battery" or sysfs.text(f"{folder}/scope") == "Device":
            continue
        design, full = (_watt_hours(folder, word) for word in ("full_design", "full"))
        cycles = sysfs.number(f"{folder}/cycle_count")
        found.append({"name": name, "design_wh": design, "full_wh": full, "cycles": cycles or None})
    return found


def _watt_hours(folder: str, word: str) -> float:
    """From microwatt hours, or from microampere hours at the designed voltage."""
    energy = sysfs.number(f"{folder}/energy_{word}")
    charge, volts = sysfs.number(f"{folder}/charge_{word}"), sysfs.number(f"{folder}/voltage_min_design")
    return round(energy / 1e6 if energy else charge * volts / 1e12, 2)


def wifi(base: str = "/sys/bus/pci/devices") -> str:
    """The wireless card by maker and number: there is no driver for it here, and no list of names."""
    for name in sysfs.names(base):
        if sysfs.text(f"{base}/{name}/class").startswith("0x0280"):
            vendor, device = (sysfs.text(f"{base}/{name}/{word}").removeprefix("0x") for word in ("vendor", "device"))
            return f"{_WIFI_MAKERS.get(vendor, 'PCI')} {vendor}:{device}"
    return ""


def tpm(base: str = "/sys") -> str:
    """`2.0` or `1.2`; empty where there is none or it is switched off."""
    major = sysfs.text(f"{base}/class/tpm/tpm0/tpm_version_major")
    if major:
        return {"1": "1.2", "2": "2.0"}.get(major, major)
    known = sysfs.names(f"{base}/bus/acpi/devices")
    return "2.0" if any(name.startswith("MSFT0101") for name in known) else ""


def iso_date(text: str) -> str:
    """`03/04/2021`, which SMBIOS has, as `2021-03-04`; anything else as it is."""
    found = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text)
    return f"{found[3]}-{found[1]}-{found[2]}" if found else text


_READINGS: dict[str, Callable[[], JsonObject]] = {
    "cores": lambda: {"cores": cores(), "threads": os.cpu_count() or 0},
    "tables": _from_tables,
    "panel": lambda: {"panel": panels.panel()},
    "batteries": lambda: {"batteries": batteries(), "charger": signs.charger()},
    "usb": signs.usb_parts_again,
    "pci": lambda: {"wifi": wifi(), **signs.pci_parts()},
    "tpm": lambda: {"tpm": tpm()},
    "clock": lambda: {"clock": signs.clock()},
    "secure boot": signs.secure_boot,
}
"""Each ends by itself, or is left behind."""
