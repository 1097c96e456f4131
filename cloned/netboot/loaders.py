"""Who has just fetched shim: shim's next request is for GRUB, whatever name it makes of it.

Shim 15.8 takes its second stage's name from the load options that firmware gives it. Some Dells put the text of
their boot entry there ("Onboard NIC", "USB NIC"): shim then asks for `\\xeaOnboard` or `\\xeaUSB`, and nothing else.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable

from cloned.netboot.firmware import GRUB, SHIM

_SECONDS = 60
"""How long after shim a request is taken for shim's: it asks at once, a person may press a key first."""
_MOST = 1024
_OPTIONAL = re.compile(r"(.*/)?(revocations|shim_certificate)[^/]*|grub/.*|(.*/)?(mm|fb)[^/]*\.efi", re.IGNORECASE)
"""What shim asks for before GRUB, and does without; what GRUB itself asks for; shim's other programs."""


class ShimFollowers:
    """Remembers addresses that fetched shim; `clock` in monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shim: OrderedDict[str, float] = OrderedDict()

    def fetched(self, address: str, name: str) -> None:
        """`address` fetched boot file `name` to its end."""
        if name == SHIM:
            self._shim[address] = self._clock()
            self._shim.move_to_end(address)
            if len(self._shim) > _MOST:
                self._shim.popitem(last=False)
        elif name == GRUB or name.startswith("grub/"):
            self._shim.pop(address, None)

    def wants_grub(self, address: str, name: str) -> bool:
        """Whether `name`, which is no file of ours, is what shim makes of GRUB's name at `address`."""
        at = self._shim.get(address)
        return at is not None and self._clock() < at + _SECONDS and not _OPTIONAL.fullmatch(name)
