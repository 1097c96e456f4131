"""What the switch room needs to know of the machine it runs on."""

from __future__ import annotations

from pathlib import Path

from cloned.core.ids import normal_mac


def server_macs(sys_net: Path = Path("/sys/class/net")) -> frozenset[str]:
    """The addresses of this machine's network cards: on the switch, they mark the server's port."""
    found = set()
    for path in sys_net.glob("*/address"):
        try:
            found.add(normal_mac(path.read_text(encoding="ascii")))
        except (OSError, UnicodeDecodeError):
            continue  # a card may go while we look
    return frozenset(found - {""})
