"""Readings that may hang, as sensors do on some machines: each in a thread of its own, all with one end in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from cloned.json_data import JsonObject

Found = TypeVar("Found")
LONGEST_SECONDS = 1.0
"""Seconds after which a hello goes out without what did not come."""


def gathered(
    readings: Mapping[str, Callable[[], Found]], longest: float = LONGEST_SECONDS
) -> tuple[dict[str, Found], list[str]]:
    """What each reading gave, and the names of those that did not end in time or failed.

    A reading that hangs in the kernel cannot be ended: its thread stays behind, and dies with the agent.
    """
    found: dict[str, Found] = {}

    def read(name: str, reading: Callable[[], Found]) -> None:
        try:
            found[name] = reading()
        except Exception:
            return

    threads = [threading.Thread(target=read, args=each, daemon=True) for each in readings.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + longest
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    told = dict(found)
    return told, [name for name in readings if name not in told]


def afterwards(readings: Mapping[str, Callable[[], JsonObject]], learnt: Callable[[JsonObject], None]) -> None:
    """Read anew what was late, each for as long as it takes; `learnt` hears what came, and what is `late` still.

    Returns at once. What hangs for good is never heard of.
    """
    late, lock = list(readings), threading.Lock()

    def read(name: str) -> None:
        try:
            found = readings[name]()
        except Exception:
            return
        with lock:
            late.remove(name)
            learnt({**found, "late": list(late)})

    for name in readings:
        threading.Thread(target=read, args=(name,), name=f"late {name}", daemon=True).start()
