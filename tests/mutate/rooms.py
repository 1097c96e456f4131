"""Which rooms are looked at, and which tests stand for them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.mutate.changes import Change

_CORE = "core test_engine.py test_engine_start.py test_control.py test_monitor.py test_tally.py test_spoken_states.py"
GUARDS = {
    "cloned/status/auth.py": "unit/status/test_auth.py unit/status/test_tokens.py wire/status/test_app.py wire/status/test_secure.py",
    "cloned/netboot/agents.py": "wire/netboot/test_agents.py wire/test_hostile_bodies.py",
    "cloned/netboot/leases.py": "unit/netboot/test_leases.py unit/netboot/test_dhcp.py",
    "cloned/agent/receive.py": "wire/agent/test_restore.py wire/casting/test_pieces.py",
    "cloned/core/confirm.py": " ".join(f"unit/{name}" for name in _CORE.split()),
}
"""What stands between a stranger and a disk, and the tests (under tests/) that stand for it."""
PURE = {
    "cloned/stream": "unit/stream wire/casting/test_pieces.py",
    "cloned/disk": "unit/disk unit/agent unit/images/test_boot_sectors.py unit/images/test_bad_layouts.py unit/images/test_format.py",
    "cloned/clonezilla": "unit/clonezilla",
    "cloned/core": GUARDS["cloned/core/confirm.py"],
}
ROOMS = GUARDS | PURE


def room_of(change: Change) -> str:
    """The narrowest."""
    return max((room for room in ROOMS if (change.path + "/").startswith(room + "/")), key=len)


def paths_of(rooms: Sequence[str]) -> list[str]:
    """The paths of all tests that stand for them, each once."""
    return list(dict.fromkeys(f"tests/{name}" for room in rooms for name in ROOMS[room].split()))
