"""Small readings from /sys and /proc."""

from __future__ import annotations

import os


def text(path: str) -> str:
    """A file's text without white space around it; empty if it cannot be read."""
    return raw(path).decode("utf-8", "replace").strip(" \t\r\n\0")


def raw(path: str) -> bytes:
    """A file's bytes; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def number(path: str) -> int:
    """A file's decimal number; 0 if there is none."""
    word = text(path)
    return int(word) if word.isdigit() else 0


def names(path: str) -> list[str]:
    """What a folder holds, in order; nothing if it is not there."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def unplugs(device: str) -> bool:
    """Whether a device in /sys/devices hangs behind a port that people plug things into, such as Thunderbolt.

    By `removable` of a PCI device (sysfs-devices-removable, Linux 5.14), where firmware marks such ports.
    """
    while len(device) > len("/sys/devices/"):
        if text(f"{device}/removable") == "removable":
            return True
        device = os.path.dirname(device)
    return False
