"""What a drive says of its own sanitize: log page, task file or sense data, read into one of six words.

An exit status alone is never believed: nvme-cli itself returned 0 on failure until July 2026.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import StrEnum

FULL = 65536
"""Progress of ATA, NVMe and SCSI is a 16-bit numerator over this."""


class SanitizeState(StrEnum):
    """Where the drive stands."""

    NEVER = "never"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    FROZEN = "frozen"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DeviceStatus:
    """The drive's own word; `progress` from 0 to 1 where it runs, `said` as it goes into the certificate."""

    standing: SanitizeState
    progress: float | None
    said: str
    action: str = ""
    """Which action the status is about (NVMe: low three bits of command dword 10), where the drive tells."""


_NVME = {
    0: SanitizeState.NEVER,
    1: SanitizeState.DONE,
    2: SanitizeState.RUNNING,
    3: SanitizeState.FAILED,
    4: SanitizeState.DONE,
}


def nvme_status(log: bytes) -> DeviceStatus:
    """From log page 81h (base specification 2.0, figure 235): SPROG, SSTAT, SCDW10."""
    if len(log) < 8:
        return DeviceStatus(SanitizeState.UNKNOWN, None, f"sanitize log of {len(log)} bytes")
    sprog, sstat, command = struct.unpack_from("<HHI", log)
    standing = _NVME.get(sstat & 7, SanitizeState.UNKNOWN)
    said = f"sanitize log: SSTAT {sstat:#06x}, SPROG {sprog}, SCDW10 {command:#x}"
    return DeviceStatus(standing, sprog / FULL if standing is SanitizeState.RUNNING else None, said, str(command & 7))


def ata_status(text: str) -> DeviceStatus:
    """From `hdparm --sanitize-status` (ACS-4 §7.36.9): the state's name, progress, and how the last one ended."""
    state = re.search(r"\bSD([0-4]) [^\n]*", text)
    progress = re.search(r"Progress:\s*0x([0-9a-fA-F]+)", text)
    well = "Completed Without Error" in text
    said = state[0].strip() if state else "no sanitize state told"
    said = f"{said}; last sanitize operation completed without error" if well else said
    if state is None:
        return DeviceStatus(SanitizeState.UNKNOWN, None, said)
    if state[1] == "2":
        return DeviceStatus(SanitizeState.RUNNING, int(progress[1], 16) / FULL if progress else None, said)
    standing = {"1": SanitizeState.FROZEN, "3": SanitizeState.FAILED, "4": SanitizeState.DONE}.get(
        state[1], SanitizeState.NEVER
    )
    return DeviceStatus(SanitizeState.DONE if state[1] == "0" and well else standing, None, said)


def scsi_status(text: str) -> DeviceStatus:
    """From `sg_requests`: sense key and additional codes (SBC-4 §4.11); 04/1B is under way, 31/03 has failed."""
    low = text.lower()
    progress = re.search(r"progress indication:\s*([\d.]+)\s*%", low)
    said = " ".join(text.split())[:200] or "no sense data"
    if "sanitize command failed" in low or re.search(r"asc=\s*(0x)?31,? *ascq=\s*(0x)?0?3\b", low):
        return DeviceStatus(SanitizeState.FAILED, None, said)
    if "sanitize in progress" in low or re.search(r"asc=\s*(0x)?0?4,? *ascq=\s*(0x)?1b\b", low) or progress:
        return DeviceStatus(SanitizeState.RUNNING, float(progress[1]) / 100 if progress else None, said)
    if "no sense" in low or "sense key: no" in low or not low.strip():
        return DeviceStatus(SanitizeState.DONE, None, said)
    return DeviceStatus(SanitizeState.UNKNOWN, None, said)


READY_FOR_DATA, SWITCH_ERROR = 1 << 8, 1 << 7
ERRORS = 0xFDF98000
"""Error bits of an eMMC's device status (JESD84-B51 table 68): 31 to 26, 24 to 19 and 16, 15."""


def mmc_status(text: str) -> DeviceStatus:
    """From `mmc status get` (CMD13): ready, in the transfer state, and no error bit set."""
    found = re.search(r"SEND_STATUS response:\s*(0x[0-9a-fA-F]+)", text)
    if found is None:
        return DeviceStatus(SanitizeState.UNKNOWN, None, " ".join(text.split())[:200] or "no status told")
    status = int(found[1], 16)
    said = f"device status {status:#010x}"
    if status & (ERRORS | SWITCH_ERROR):
        return DeviceStatus(SanitizeState.FAILED, None, said)
    busy = not status & READY_FOR_DATA or (status >> 9) & 0xF == 7
    return DeviceStatus(SanitizeState.RUNNING if busy else SanitizeState.DONE, None, said)
