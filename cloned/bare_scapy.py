"""scapy without what nothing of ours looks at: tables of card makers and Bluetooth's numbers, IPv6, what would encrypt.

Imported whole it takes 22 MB of memory for good and 0.2 s of each start; so 6 MB and 0.1 s.

Debian 12's scapy has none of these tables but Wireshark's, where that lies beside it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_EMPTY: dict[str, object] = {"scapy.libs.manuf": "", "scapy.libs.bluetoothids": {}}
"""Modules that hold a table in `DATA`, and how one is without entries."""


class _Without(MetaPathFinder, Loader):
    """What this thread imports meanwhile finds those tables empty and nothing to encrypt with; others find all."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As sys.meta_path asks."""
        if threading.get_ident() != self._thread:
            return None
        if name == "cryptography":
            raise ModuleNotFoundError("scapy needs none of it here", name=name)
        return ModuleSpec(name, self) if name in _EMPTY else None

    def exec_module(self, module: ModuleType) -> None:
        """As the import system asks."""
        vars(module)["DATA"] = _EMPTY[module.__name__]


@contextmanager
def bare() -> Iterator[None]:
    """For the imports of scapy. What it keeps in its user's cache is neither read nor written: that has the tables."""
    without = _Without()
    sys.meta_path.insert(0, without)
    try:
        vars(importlib.import_module("scapy.main"))["SCAPY_CACHE_FOLDER"] = None
        importlib.import_module("scapy.config").conf.ipv6_enabled = False
        yield
        importlib.import_module("scapy.data").MANUFDB.d.clear()
    finally:
        sys.meta_path.remove(without)
