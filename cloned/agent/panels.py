"""The built-in screen by its EDID: of a graphics driver, where one runs, else of what the firmware's graphics said.

The live system has no graphics driver: those of the test pack find the screen, and it is told then (test_pack.py).
"""

from __future__ import annotations

import re

from cloned.agent import sysfs

_BOOT_PARAMS, _EDID_AT = "/sys/kernel/boot_params/data", 0x140
"""Where the kernel's real-mode part leaves the EDID that a BIOS's VBE/DDC gives (Documentation/x86/zero-page.rst)."""
_LONGEST_MM = 475
"""Of a laptop's diagonal: 18.4 inches, and some to spare. A screen on the desk, which a BIOS may mean, is larger."""
_HEAD = b"\0\xff\xff\xff\xff\xff\xff\0"


def panel(base: str = "/sys/class/drm") -> dict[str, int] | None:
    """By the graphics driver; a virtual machine has one screen."""
    for name in sysfs.names(base):
        if re.search(r"-(eDP|LVDS|DSI|Virtual)-\d+$", name):
            found = edid(sysfs.raw(f"{base}/{name}/edid"))
            if found is not None:
                return found
    return None


def of_firmware(file: str = _BOOT_PARAMS) -> dict[str, int] | None:
    """By a BIOS, asked while the kernel started: of the screen that it shows on, so one of a laptop's size alone."""
    data = sysfs.raw(file)[_EDID_AT : _EDID_AT + 128]
    found = None if sum(data) % 256 else edid(data)
    if found is None or not 0 < found["width_mm"] ** 2 + found["height_mm"] ** 2 <= _LONGEST_MM**2:
        return None
    return found


def edid(data: bytes) -> dict[str, int] | None:
    """Pixels and millimetres of the first detailed timing (VESA E-EDID 1.4, §3.10.2)."""
    if len(data) < 128 or data[:8] != _HEAD or not (data[54] or data[55]):
        return None
    timing = data[54:72]
    return {
        "width": timing[2] | (timing[4] & 0xF0) << 4,
        "height": timing[5] | (timing[7] & 0xF0) << 4,
        "width_mm": timing[12] | (timing[14] & 0xF0) << 4,
        "height_mm": timing[13] | (timing[14] & 0x0F) << 8,
    }
