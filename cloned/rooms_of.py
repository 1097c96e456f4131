"""Another's package entered by its rooms, where its front door brings in all that it has.

pyroute2's `__init__` imports every protocol that it speaks, WireGuard, nftables, 9P and wireless cards among them: 5 MB
that the daemon would hold for good, and 50 ms of each start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Rooms of the package (`NAME.room`) can be imported, and what its own `__init__` gives is only made where somebody
    asks for that, then or later. A package that was imported already stays as it is."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is not None:
        made = module_from_spec(spec)
        vars(made)["__getattr__"] = lambda asked: _asked(made, spec, asked)  # PEP 562
        sys.modules[name] = made
    yield


def _asked(made: ModuleType, spec: ModuleSpec, name: str) -> object:
    """A room, else what the package's own `__init__` gives. AttributeError where it has neither."""
    if name.startswith("__"):
        raise AttributeError(name)
    if find_spec(f"{spec.name}.{name}") is not None:
        return import_module(f"{spec.name}.{name}")
    vars(made).pop("__getattr__", None)
    assert spec.loader is not None, "it was found with one"
    spec.loader.exec_module(made)
    return getattr(made, name)
