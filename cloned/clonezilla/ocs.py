"""What ocs-sr says while it restores, and what that means. Pure.

Its exit status says little, so failures are found here. Read from Clonezilla 5.3's ocs-functions and from runs;
partclone writes its progress over itself with carriage returns.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BEGIN = re.compile(r"Starting to restore image \S+ to (/dev/\S+?)\.{3}")
_PERCENT = re.compile(r"Completed:\s*(\d+(?:\.\d+)?)%")
_DONE = "Cloned successfully."
FAILURES = (
    "Failed to restore",
    "Program terminated",
    "partclone fail",
    "is not a valid",
    "Unable to find target",
    "No space left on device",
    "Input/output error",
    "checksum error",
    "target partition size",
)
"""Words of lines that tell of a failure. LVM's "Couldn't find device with uuid" is none: pvcreate says so each time."""


class OcsOutput:
    """Follows the output. `sizes` gives the used bytes of each device: `/dev/sda1`, `/dev/VG/LV`."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._rest = ""
        self._device = ""
        self._percent = 0.0
        self.finished: list[str] = []
        """Devices that partclone finished, in order."""
        self.failures: list[str] = []
        """Lines that tell of a failure, in order."""
        self.last: deque[str] = deque(maxlen=12)
        """The last lines that were not progress."""

    def feed(self, output: bytes) -> None:
        """Take in what came; lines may be cut anywhere."""
        *lines, self._rest = re.split(r"[\r\n]+", self._rest + output.decode("utf-8", "replace"))
        self._rest = self._rest[-4096:]
        for line in lines:
            self._line(_ESCAPES.sub("", line).strip())

    def _line(self, line: str) -> None:
        if begun := _BEGIN.search(line):
            self._device, self._percent = begun[1], 0.0
        elif found := _PERCENT.search(line):
            self._percent = float(found[1])
            return
        elif _DONE in line and self._device and self._device not in self.finished:
            self.finished.append(self._device)
        elif any(words in line for words in FAILURES):
            self.failures.append(line[:300])
        if line.strip("*-. "):
            self.last.append(line[:300])

    @property
    def bytes(self) -> int:
        """Used bytes restored so far, as far as percentages tell."""
        done = sum(self._sizes.get(device, 0) for device in self.finished)
        if self._device in self.finished:
            return done
        return done + int(self._sizes.get(self._device, 0) * self._percent / 100)

    def trouble(self) -> str:
        """What went wrong, in one line, now that it has ended; empty if partclone finished every device.

        What else it complained of does not count then: the disk is read back anyway.
        """
        missing = [device for device in self._sizes if device not in self.finished]
        if not missing:
            return ""
        words = list(dict.fromkeys(self.failures))[:3] or list(self.last)[-3:]
        return f"{', '.join(missing)} not restored: {' / '.join(words)}"
