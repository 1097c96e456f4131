"""The commands that have a drive erase itself: real hdparm, nvme, mmc, sg_sanitize and blkdiscard.

Each returns what the drive answers, or raises EraseTrouble. An exit status of 0 only means that the drive may be asked.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence

from cloned import __version__
from cloned.agent.erase_driver import EraseTrouble, Instead
from cloned.agent.tools import ToolError, run
from cloned.disk import erase_status
from cloned.disk.erase import PASSWORD, Technique
from cloned.disk.erase_record import DiskErasure, ErasureFault
from cloned.disk.erase_status import DeviceStatus, SanitizeState
from cloned.disk.media import AtaAbilities, ata_abilities, identify_bytes
from cloned.saying import Phrase

SURE = "--yes-i-know-what-i-am-doing"
SHORT_SECONDS = 60.0
"""Seconds for a command that only starts something or asks."""
DAY_SECONDS = 24 * 3600.0
"""Seconds for a command that returns when all is done."""

_STARTS: dict[Technique, tuple[str, ...]] = {
    Technique.ATA_BLOCK: ("hdparm", SURE, "--sanitize-block-erase"),
    Technique.ATA_CRYPTO: ("hdparm", SURE, "--sanitize-crypto-scramble"),
    Technique.ATA_OVERWRITE: (
        "hdparm",
        SURE,
        "--sanitize-overwrite-passes",
        "1",
        "--sanitize-overwrite",
        "hex:00000000",
    ),
    Technique.NVME_BLOCK: ("nvme", "sanitize", "--sanact=2", "--ause"),
    Technique.NVME_OVERWRITE: ("nvme", "sanitize", "--sanact=3", "--owpass=1", "--ause"),
    Technique.NVME_CRYPTO: ("nvme", "sanitize", "--sanact=4", "--ause"),
    Technique.SCSI_BLOCK: ("sg_sanitize", "--block", "--quick", "--early"),
    Technique.SCSI_CRYPTO: ("sg_sanitize", "--crypto", "--quick", "--early"),
    Technique.SCSI_OVERWRITE: ("sg_sanitize", "--overwrite", "--zero", "--quick", "--early"),
}
"""Commands that return at once; how it goes is asked of the drive."""
_FORMATS = {Technique.NVME_FORMAT: 1, Technique.NVME_FORMAT_CRYPTO: 2}
"""The secure erase setting: without one, Format erases nothing."""
_ACTIONS = {Technique.NVME_BLOCK: "2", Technique.NVME_OVERWRITE: "3", Technique.NVME_CRYPTO: "4"}


def begin(record: DiskErasure, thaw: Callable[[], bool]) -> str:
    """Give the drive its command; the answer where it is through then, else nothing."""
    path, technique = record.medium.path, record.technique
    if technique in _STARTS:
        output_of([*_STARTS[technique], controller(path) if technique in _ACTIONS else path])
        return ""
    if technique in _FORMATS:
        return _format(path, _FORMATS[technique])
    if technique is Technique.MMC_SANITIZE:
        return _mmc(path)
    if technique is Technique.ATA_SECURITY:
        return _security(record, thaw)
    return ""


def status(record: DiskErasure) -> DeviceStatus:
    """The drive's own word on a sanitize."""
    path, technique = record.medium.path, record.technique
    try:
        if technique in _ACTIONS:
            return _nvme_status(path, _ACTIONS[technique])
        if technique in (Technique.SCSI_BLOCK, Technique.SCSI_CRYPTO, Technique.SCSI_OVERWRITE):
            return erase_status.scsi_status(raw(["sg_requests", "--raw", path]))
        return erase_status.ata_status(run(["hdparm", "--sanitize-status", path], timeout=SHORT_SECONDS))
    except ToolError as error:
        failed = "unsuccessfully" in str(error) or "Failed state" in str(error)
        return DeviceStatus(SanitizeState.FAILED if failed else SanitizeState.UNKNOWN, None, str(error))


def _nvme_status(path: str, action: str) -> DeviceStatus:
    """The log as bytes: what nvme-cli makes of it in words has changed from version to version."""
    log = raw(["nvme", "get-log", controller(path), "--log-id=0x81", "--log-len=512", "--raw-binary"])
    found = erase_status.nvme_status(log)
    if found.standing is SanitizeState.DONE and found.action not in (action, "0"):
        return DeviceStatus(
            SanitizeState.UNKNOWN,
            None,
            Phrase("{said}: that is another sanitize than the one asked for", said=found.said),
        )
    return found


def output_of(command: Sequence[str], timeout: float = SHORT_SECONDS) -> str:
    """Run it; EraseTrouble where it is missing or fails."""
    try:
        return run(command, timeout=timeout)
    except ToolError as error:
        raise EraseTrouble(fault_of(error), str(error)) from error


def fault_of(error: ToolError) -> ErasureFault:
    """Missing, refused by the drive, or failed."""
    missing = isinstance(error.__cause__, FileNotFoundError)
    return ErasureFault.MISSING if missing else ErasureFault.TOOL


def raw(command: Sequence[str]) -> bytes:
    """Raw output; ToolError."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=SHORT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(Phrase("{command}: {error}", command=command[0], error=error)) from error
    if done.returncode:
        raise ToolError(
            Phrase(
                "{command} failed ({returncode}): {stderr}",
                command=command[0],
                returncode=done.returncode,
                stderr=done.stderr.decode("utf-8", "replace").strip()[:200],
            )
        )
    return done.stdout


def controller(path: str) -> str:
    """The controller's node of an NVMe namespace: /dev/nvme0 of /dev/nvme0n1."""
    return re.sub(r"(nvme\d+)(c\d+)?n\d+$", r"\1", path)


def _format(path: str, setting: int) -> str:
    """Format one namespace in its present layout (nvme-cli keeps it), with the secure erase setting."""
    said = output_of(["nvme", "format", path, f"--ses={setting}", "--force"], timeout=DAY_SECONDS)
    if "success" not in said.lower():
        raise EraseTrouble(ErasureFault.TOOL, Phrase("nvme format: {split}", split=" ".join(said.split())[:200]))
    output_of(["nvme", "id-ns", path])  # it answers again: the format is through
    return Phrase("Format NVM, SES {setting}: {said}", setting=setting, said=" ".join(said.split())[:150])


def _mmc(path: str) -> str:
    """Trim all of it, then sanitize: that removes only what is unmapped (JESD84-B51 §6.6.11)."""
    output_of(["blkdiscard", "--force", path], timeout=DAY_SECONDS)
    output_of(["mmc", "sanitize", path], timeout=DAY_SECONDS)
    found = erase_status.mmc_status(output_of(["mmc", "status", "get", path]))
    if found.standing is not SanitizeState.DONE:
        raise EraseTrouble(ErasureFault.SANITIZE_FAILED, found.said)
    return Phrase("trimmed and sanitized; {said}", said=found.said)


def _security(record: DiskErasure, thaw: Callable[[], bool]) -> str:
    """SECURITY ERASE with the documented password; it is taken off whatever happens."""
    path = record.medium.path
    now = identify(path)
    if now.security_frozen and not (thaw() and not (now := identify(path)).security_frozen):
        if now.security_locked:
            raise EraseTrouble(
                ErasureFault.LOCKED,
                Phrase("{password}, and its firmware keeps it frozen after a sleep too", password=PASSWORD),
            )
        raise Instead(
            Technique.OVERWRITE, Phrase("the firmware keeps it frozen after a sleep too, so it is written over")
        )
    if now.security_enabled and record.starts < 2:
        raise EraseTrouble(ErasureFault.LOCKED, Phrase("somebody set one meanwhile"))
    try:
        if not now.security_enabled:
            output_of(["hdparm", "--user-master", "u", "--security-set-pass", PASSWORD, path])
        elif now.security_locked:
            output_of(["hdparm", "--user-master", "u", "--security-unlock", PASSWORD, path])
        output_of(["hdparm", "--user-master", "u", "--security-erase", PASSWORD, path], timeout=DAY_SECONDS)
    finally:
        take_password_off(path)
    after = identify(path)
    if after.security_enabled or after.security_locked:
        raise EraseTrouble(
            ErasureFault.LOCKED, Phrase("{password}, which could not be taken off again", password=PASSWORD)
        )
    return Phrase("SECURITY ERASE UNIT ended; IDENTIFY word 128: security not enabled, not locked")


def take_password_off(path: str) -> None:
    """Unlock and disable with our own password where it is still set; a drive that refuses is told of by IDENTIFY."""
    try:
        now = identify(path)
        if now.security_locked:
            run(["hdparm", "--user-master", "u", "--security-unlock", PASSWORD, path], timeout=SHORT_SECONDS)
        if now.security_enabled:
            run(["hdparm", "--user-master", "u", "--security-disable", PASSWORD, path], timeout=SHORT_SECONDS)
    except (ToolError, EraseTrouble) as error:
        print(f"agent: {path}: the password stays for now: {error}", flush=True)


def identify(path: str) -> AtaAbilities:
    """IDENTIFY DEVICE now; EraseTrouble."""
    try:
        return ata_abilities(identify_bytes(output_of(["hdparm", "--Istdout", path])))
    except ValueError as error:
        raise EraseTrouble(ErasureFault.SILENT, str(error)) from error


VERSIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "hdparm": (("hdparm", "-V"), r"^hdparm v(\S+)"),
    "nvme": (("nvme", "version"), r"^nvme version (\S+)"),
    "sg_sanitize": (("sg_sanitize", "--version"), r"version: (\S+)"),
    "mmc": (("mmc", "--version"), r"^(\d+\.\d+\S*)$"),
    "blkdiscard": (("blkdiscard", "--version"), r"util-linux (\S+)"),
}
"""How each says its version. mmc prints its whole help before it, in which versions of eMMC are named."""


def programs(technique: Technique | None) -> tuple[str, ...]:
    """Which programs a technique needs."""
    if technique is None or technique is Technique.OVERWRITE:
        return ()  # the agent writes itself
    if technique is Technique.MMC_SANITIZE:
        return ("blkdiscard", "mmc")
    return ({"ata": "hdparm", "nvme": "nvme", "scsi": "sg_sanitize"}[technique.split("-")[0]],)


def versions(technique: Technique | None) -> tuple[str, ...]:
    """The same with their versions, else our own; EraseTrouble where one is missing."""
    return tuple(_version(name) for name in programs(technique)) or (f"cloned {__version__}",)


def _version(name: str) -> str:
    command, pattern = VERSIONS[name]
    try:
        said = subprocess.run(command, capture_output=True, timeout=SHORT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EraseTrouble(ErasureFault.MISSING, Phrase("{name}: {error}", name=name, error=error)) from error
    text = (said.stdout + said.stderr).decode("utf-8", "replace")
    found = re.search(pattern, text, re.MULTILINE)
    return f"{name} {found[1]}" if found else Phrase("{name}, version not told", name=name)
