"""What an erasure does not free, as far as Linux can see it: firmware passwords, and programs that firmware plants.

An enrolment in Windows Autopilot is kept by Microsoft under the hardware's hash: nothing on the laptop tells of it.
"""

from __future__ import annotations

from cloned.agent import signs, sysfs

PASSWORD, PLANTED, ABSOLUTE = "firmware-password", "planted-program", "absolute"
_ATTRIBUTES = "/sys/class/firmware-attributes"
_KEEPS_OUT = frozenset({"power-on", "administrator"})
"""Passwords without which nobody can use a laptop, or change what it starts from."""


def seen(structures: list[signs.Structure], attributes: str = _ATTRIBUTES, tables: str = signs.TABLES) -> list[str]:
    """Codes of what was found; `structures` as parts.py reads them from SMBIOS."""
    found = {
        PASSWORD: bool(_KEEPS_OUT & set(signs.passwords(structures) or ())) or _asked_for(attributes),
        ABSOLUTE: _absolute(attributes),
        PLANTED: signs.tables(tables)["wpbt"],
    }
    return [code for code, there in found.items() if there]


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
