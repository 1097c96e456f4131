"""What a drive says of its own sanitize: log page, task file or sense data, read into one of six words.

An exit status alone is never believed: nvme-cli itself returned 0 on failure until July 2026.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import StrEnum

from cloned.saying import Phrase, Sentence, chained

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
    said: Sentence
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
        return DeviceStatus(SanitizeState.UNKNOWN, None, Phrase("sanitize log of {count} bytes", count=len(log)))
    sprog, sstat, command = struct.unpack_from("<HHI", log)
    standing = _NVME.get(sstat & 7, SanitizeState.UNKNOWN)
    known = {"sstat": f"{sstat:#06x}", "sprog": sprog, "command": f"{command:#x}"}
    said = Phrase("sanitize log: SSTAT {sstat}, SPROG {sprog}, SCDW10 {command}", **known)
    return DeviceStatus(standing, sprog / FULL if standing is SanitizeState.RUNNING else None, said, str(command & 7))


def ata_status(text: str) -> DeviceStatus:
    """From `hdparm --sanitize-status` (ACS-4 §7.36.9): the state's name, progress, and how the last one ended."""
    state = re.search(r"\bSD([0-4]) [^\n]*", text)
    progress = re.search(r"Progress:\s*0x([0-9a-fA-F]+)", text)
    well = "Completed Without Error" in text
    said = state[0].strip() if state else Phrase("no sanitize state told")
    said = chained([said, Phrase("last sanitize operation completed without error")]) if well else said
    if state is None:
        return DeviceStatus(SanitizeState.UNKNOWN, None, said)
    if state[1] == "2":
        return DeviceStatus(SanitizeState.RUNNING, int(progress[1], 16) / FULL if progress else None, said)
    standing = {"1": SanitizeState.FROZEN, "3": SanitizeState.FAILED, "4": SanitizeState.DONE}.get(
        state[1], SanitizeState.NEVER
    )
    return DeviceStatus(SanitizeState.DONE if state[1] == "0" and well else standing, None, said)


_SANITIZING, _SANITIZE_FAILED = (0x04, 0x1B), (0x31, 0x03)
"""Additional sense codes with qualifiers (SPC-4, annex F): sanitize in progress, sanitize command failed."""


def scsi_status(sense: bytes) -> DeviceStatus:
    """From the sense data of REQUEST SENSE (SBC-4 §4.11): as long as the drive says nothing, nothing is known."""
    form = sense[0] & 0x7F if sense else 0
    if form in (0x70, 0x71) and len(sense) >= 14:
        key, code, progress = sense[2] & 0xF, (sense[12], sense[13]), sense[15:18]
    elif form in (0x72, 0x73) and len(sense) >= 8:
        key, code, progress = sense[1] & 0xF, (sense[2], sense[3]), _descriptor(sense)
    else:
        return DeviceStatus(SanitizeState.UNKNOWN, None, Phrase("no sense data ({count} bytes)", count=len(sense)))
    known = {"key": f"{key:#x}", "code": f"{code[0]:02x}h", "qualifier": f"{code[1]:02x}h"}
    said = Phrase("sense key {key}, additional sense {code}/{qualifier}", **known)
    if code == _SANITIZE_FAILED:
        return DeviceStatus(SanitizeState.FAILED, None, said)
    if code == _SANITIZING:
        told = len(progress) == 3 and bool(progress[0] & 0x80)
        return DeviceStatus(SanitizeState.RUNNING, int.from_bytes(progress[1:], "big") / FULL if told else None, said)
    standing = SanitizeState.DONE if (key, code) == (0, (0, 0)) else SanitizeState.UNKNOWN
    return DeviceStatus(standing, None, said)


def _descriptor(sense: bytes) -> bytes:
    """The sense-key specific bytes of descriptor format (SPC-4 §4.5.2.4): type 02h; nothing where there is none."""
    at = 8
    while at + 2 <= len(sense):
        if sense[at] == 2 and at + 7 <= len(sense):
            return sense[at + 4 : at + 7]
        at += 2 + sense[at + 1]
    return b""


READY_FOR_DATA, SWITCH_ERROR = 1 << 8, 1 << 7
ERRORS = 0xFDF98000
"""Error bits of an eMMC's device status (JESD84-B51 table 68): 31 to 26, 24 to 19 and 16, 15."""


def mmc_status(text: str) -> DeviceStatus:
    """From `mmc status get` (CMD13): ready, in the transfer state, and no error bit set."""
    found = re.search(r"SEND_STATUS response:\s*(0x[0-9a-fA-F]+)", text)
    if found is None:
        return DeviceStatus(SanitizeState.UNKNOWN, None, " ".join(text.split())[:200] or Phrase("no status told"))
    status = int(found[1], 16)
    said = Phrase("device status {status}", status=f"{status:#010x}")
    if status & (ERRORS | SWITCH_ERROR):
        return DeviceStatus(SanitizeState.FAILED, None, said)
    busy = not status & READY_FOR_DATA or (status >> 9) & 0xF == 7
    return DeviceStatus(SanitizeState.RUNNING if busy else SanitizeState.DONE, None, said)
