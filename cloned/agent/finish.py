"""What is done to a disk after its verdict: each step ends done, skipped (does not apply) or failed."""

from __future__ import annotations

import re
import struct
import time
from typing import TypedDict

from cloned.agent import disks, efi
from cloned.agent.grow import grow
from cloned.agent.options import AgentOptions
from cloned.agent.status import Status
from cloned.agent.target import Skipped, VerifiedDisk, put_file, put_in_windows, release_name
from cloned.agent.tools import ToolError, run
from cloned.clonezilla.nvram import BootEntry
from cloned.disk.layout import Partition
from cloned.disk.ntfs import NtfsError
from cloned.order_types import FinishStep, Order
from cloned.saying import Phrase, parts, spoken

STAMP = "etc/cloned-release"
_HOST_NAME = re.compile(r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$")
"""RFC 1123 §2.1: one label."""


class StepTold(TypedDict):
    """What came of a step; `detail`: a sentence as its parts, or a plain text."""

    name: str
    result: str
    detail: object


class FinishSteps:
    """Carries out the steps of one order."""

    def __init__(self, options: AgentOptions, told: disks.ToldDisk, order: Order, status: Status) -> None:
        self._options, self._told, self._order, self._status = options, told, order, status

    def run(self) -> list[StepTold]:
        """All steps in turn, whatever comes of each; AgentError if the disk is not there any more."""
        disk = disks.choose(self._order["disk"], disks.scan(self._options.only_disk, self._told))
        steps = list(self._order.get("steps", []))
        target = VerifiedDisk(disk, self._options.live) if steps else None
        return [self._step(target, step) for step in steps if target is not None]

    def _step(self, target: VerifiedDisk, step: FinishStep) -> StepTold:
        name = str(step.get("name"))
        result = self._try(target, name, step)
        self._status.progress({"step": name})
        return {"name": name, "result": result[0], "detail": parts(result[1])}

    def _try(self, target: VerifiedDisk, name: str, step: FinishStep) -> tuple[str, str]:
        try:
            return "done", self._do(target, name, step)
        except Skipped as skipped:
            return "skipped", str(skipped)
        except (ToolError, OSError) as error:
            return "failed", spoken(error)

    def _do(self, target: VerifiedDisk, name: str, step: FinishStep) -> str:
        match name:
            case "grow":
                return grow(target)
            case "hostname":
                return host_name(target, str(step.get("hostname") or step.get("value") or ""))
            case "machine-id":
                return new_identity(target)
            case "ssh-host-keys":
                return host_keys(target)
            case "efi-entry":
                return efi.entry(target, str(step.get("label") or ""), _entries(step))
            case "stamp":
                return stamp(target, self._order, step)
        raise ToolError(
            Phrase("this agent knows no step {name}; start the laptop again to fetch a newer one", name=repr(name))
        )


def _entries(step: FinishStep) -> list[BootEntry]:
    """The boot entries of the master's firmware, as the order has them."""
    found = step.get("entries") or []
    return [BootEntry(str(each["label"]), str(each["partition"]), str(each["loader"])) for each in found]


def host_name(target: VerifiedDisk, name: str) -> str:
    """Name the system: /etc/hostname, and its line in /etc/hosts."""
    if not _HOST_NAME.match(name):
        raise ToolError(Phrase("{name} is no host name (letters, digits and hyphens, at most 63)", name=repr(name)))
    with target.root() as root:
        old_file = root / "etc/hostname"
        old = old_file.read_text().strip() if old_file.is_file() and not old_file.is_symlink() else ""
        put_file(root, "etc/hostname", f"{name}\n")
        hosts = root / "etc/hosts"
        if hosts.is_file() and not hosts.is_symlink():
            put_file(root, "etc/hosts", hosts_text(hosts.read_text(), old, name))
    return name


def hosts_text(text: str, old: str, new: str) -> str:
    """/etc/hosts with every `old` name replaced; with a line for 127.0.1.1 (Debian's habit) if there was none."""
    lines = text.splitlines()
    if old:
        lines = [re.sub(rf"(?<=\s){re.escape(old)}(?=$|[\s.])", new, line) for line in lines]
    if not any(re.search(rf"\s{re.escape(new)}(\s|$)", line) for line in lines):
        lines.append(f"127.0.1.1\t{new}")
    return "".join(f"{line}\n" for line in lines)


def new_identity(target: VerifiedDisk) -> str:
    """No two clones may share them: the machine-id (machine-id(5): empty is filled at the first start), random seed."""
    with target.root() as root:
        put_file(root, "etc/machine-id", "")
        for name in ("var/lib/dbus/machine-id", "var/lib/systemd/random-seed"):
            path = root / name
            if path.is_file() and not path.is_symlink():
                path.unlink()
    return Phrase("filled at the first start")


def host_keys(target: VerifiedDisk) -> str:
    """Replace the SSH host keys by new ones, made by the restored system's own tool."""
    with target.root() as root:
        old = [path for path in (root / "etc/ssh").glob("ssh_host_*_key*") if not path.is_dir()]
        if not old:
            raise Skipped("the system has no SSH host keys")
        for path in old:
            path.unlink()
        run(["chroot", str(root), "ssh-keygen", "-A"], timeout=300)
        made = len(list((root / "etc/ssh").glob("ssh_host_*_key")))
    if not made:
        raise ToolError("ssh-keygen made no host keys")
    return Phrase("{count} new {count:key|keys}", count=made)


def stamp(target: VerifiedDisk, order: Order, step: FinishStep) -> str:
    """A file in the system that says what it is a copy of."""
    fields = {
        "IMAGE": step.get("image") or order.get("image"),
        "IMAGE_HASH": step.get("image_hash") or order.get("image_hash"),
        "DATE": step.get("date") or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "TAG": order.get("tag"),
    }
    text = "".join(f'{key}="{_quoted(str(value))}"\n' for key, value in fields.items() if value)
    try:
        with target.root() as root:
            put_file(root, STAMP, text)
            return Phrase("/{file} in {system}", file=STAMP, system=release_name(root) or "the system")
    except Skipped:
        windows = None if target.asleep() else target.windows()
        if windows is None:
            raise
        return _stamp_windows(target, windows, text.replace("\n", "\r\n"))


def _stamp_windows(target: VerifiedDisk, windows: Partition, text: str) -> str:
    try:
        put_in_windows(target, windows, "cloned-release.txt", text.encode())
    except (ToolError, NtfsError, struct.error) as error:  # a volume that Windows left unclean is left alone
        raise Skipped(Phrase("Windows was not stamped: {error}", error=error)) from error
    return Phrase("cloned-release.txt in Windows")


def _quoted(text: str) -> str:
    """A value between double quotes, as os-release(5) and the shell read it."""
    return re.sub(r'(["$`\\])', r"\\\1", text.replace("\n", " "))
