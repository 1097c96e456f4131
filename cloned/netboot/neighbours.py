"""Which MAC the kernel last saw at an IPv4 address (proc(5), /proc/net/arp)."""

from __future__ import annotations

from pathlib import Path

_TABLE = Path("/proc/thread-self/net/arp")


def mac_at(address: str) -> str:
    """The MAC at `address`; empty if the kernel has not spoken with it."""
    try:
        lines = _TABLE.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) >= 6 and fields[0] == address and fields[3] != "00:00:00:00:00:00":
            return fields[3].lower()
    return ""
