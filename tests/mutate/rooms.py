"""Which rooms are looked at, and which tests stand for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.mutate.changes import ROOT, Change

GUARDS = {
    "cloned/status/auth.py": "unit/status/test_auth.py unit/status/test_tokens.py wire/status/test_app.py wire/status/test_secure.py",
    "cloned/netboot/agents.py": "wire/netboot/test_agents.py wire/netboot/test_agents_told.py wire/test_hostile_bodies.py",
    "cloned/netboot/leases.py": "unit/netboot/test_leases.py unit/netboot/test_leases_end.py unit/netboot/test_lease_file.py unit/netboot/test_dhcp.py",
    "cloned/agent/receive.py": "unit/agent/test_reception.py wire/agent/test_restore.py wire/casting/test_pieces.py",
    "cloned/core/confirm.py": "unit/core",
}
"""What stands between a stranger and a disk, and the tests (under tests/) that stand for it."""
PURE = ("cloned/stream", "cloned/disk", "cloned/clonezilla", "cloned/core")
"""Rooms without input and output: every unit test that imports one stands for it."""
ROOMS = (*GUARDS, *PURE)


def room_of(change: Change) -> str:
    """The narrowest."""
    return max((room for room in ROOMS if (change.path + "/").startswith(room + "/")), key=len)


def asked_for(change: Change, rooms: Sequence[str]) -> bool:
    """Whether it lies in one of these: rooms, or files of theirs."""
    return room_of(change) in rooms or change.path in rooms


def enclosing(asked: str) -> str | None:
    """The room that a room or a file of one lies in; None for anything else."""
    found = [room for room in ROOMS if (asked + "/").startswith(room + "/")]
    return max(found, key=len) if found and (ROOT / asked).exists() else None


def paths_of(rooms: Sequence[str]) -> list[str]:
    """Of all tests that stand for them, each once."""
    found = [name for room in rooms for name in (GUARDS[room].split() if room in GUARDS else _importing(room))]
    return list(dict.fromkeys(f"tests/{name}" for name in found))


def _importing(room: str) -> list[str]:
    names = re.compile(rf"^ *(from|import) {room.replace('/', '.')}\b", re.MULTILINE)
    files = sorted((ROOT / "tests/unit").rglob("test_*.py"))
    return [str(file.relative_to(ROOT / "tests")) for file in files if names.search(file.read_text())]
