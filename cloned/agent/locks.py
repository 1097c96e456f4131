"""What an erasure does not free, as far as Linux can see it: firmware passwords, and programs that firmware plants.

An enrolment in Windows Autopilot is kept by Microsoft under the hardware's hash: nothing on the laptop tells of it.
"""

from __future__ import annotations

import os

from cloned.agent import sysfs

PASSWORD, PLANTED, ABSOLUTE = "firmware-password", "planted-program", "absolute"
_ATTRIBUTES = "/sys/class/firmware-attributes"
_WPBT = "/sys/firmware/acpi/tables/WPBT"
"""Windows Platform Binary Table: a program that the firmware hands to Windows at each start; Absolute comes so."""
_SECURITY = 24
_ON = 1


def seen(structures: list[tuple[int, bytes, list[str]]], attributes: str = _ATTRIBUTES, wpbt: str = _WPBT) -> list[str]:
    """Codes of what was found; `structures` as parts.py reads them from SMBIOS."""
    found = {
        PASSWORD: _password(structures) or _asked_for(attributes),
        ABSOLUTE: _absolute(attributes),
        PLANTED: os.path.exists(wpbt),
    }
    return [code for code, there in found.items() if there]


def _password(structures: list[tuple[int, bytes, list[str]]]) -> bool:
    """Power-on or administrator password set (SMBIOS 3.7, §7.25: type 24, bits 7:6 and 3:2)."""
    settings = [body[4] for kind, body, _ in structures if kind == _SECURITY and len(body) > 4]
    return any(each >> 6 & 3 == _ON or each >> 2 & 3 == _ON for each in settings)


def _asked_for(base: str) -> bool:
    """A password that the vendor's driver tells of (Documentation/ABI/testing/sysfs-class-firmware-attributes)."""
    return any(
        sysfs.text(f"{base}/{vendor}/authentication/{who}/is_enabled") == "1"
        for vendor in sysfs.names(base)
        for who in sysfs.names(f"{base}/{vendor}/authentication")
    )


def _absolute(base: str) -> bool:
    """Computrace or Absolute switched on: Lenovo calls it AbsolutePersistenceModuleActivation, Dell Absolute."""
    for vendor in sysfs.names(base):
        for name in sysfs.names(f"{base}/{vendor}/attributes"):
            if name.lower().startswith(("absolute", "computrace")):
                value = sysfs.text(f"{base}/{vendor}/attributes/{name}/current_value").lower()
                if value.startswith(("enable", "activate")):
                    return True
    return False
