"""A thin laptop: a process in a namespace that boots like a laptop and then runs the real agent.

`python -m cloned.lab.thin SPEC` is process 1 of a pid namespace, in a mount and a network namespace of its
own (thinbox.py makes them). It has a /dev with its own disk and nothing else, does the DHCP, TFTP and HTTP
exchanges of firmware and iPXE, puts the kernel line it was given where programs look for it
(/proc/cmdline), and starts the agent it was served. When the agent switches off, it ends.
"""

from __future__ import annotations

import http.client
import json
import os
import stat
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from cloned import processes
from cloned.lab import ipxe, kernel
from cloned.lab.bootrom import BIOS_ARCH, UEFI_ARCH, BootError, OfferedLease, dhcp, tftp
from cloned.lab.laptops import Firmware, LabIdentity

NIC = "eth0"
OFF, REBOOT = 0, 64
"""Exit status of the agent: it was told to switch off (or to stay), or to boot again."""
_NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_LOOP_MAJOR = 7
_PROBE_BYTES = 1024 * 1024
"""Bytes of kernel and initramfs that are really fetched: they are not run here."""


@dataclass(frozen=True)
class Spec:
    """What a thin laptop is told when it is made."""

    identity: LabIdentity
    loop: int
    """Minor number of its loop device."""
    folder: str
    """Where it may write."""
    python: str
    """The interpreter that runs the agent."""
    parts: dict[str, object] = field(default_factory=dict)
    """What its firmware would tell of its parts; empty: the agent looks for itself."""
    chooses: str = ""
    """What somebody chooses in its boot menu; empty: nobody stands there."""

    def write(self, path: Path) -> None:
        """For `read` in the laptop's process."""
        data = {**vars(self), "identity": vars(self.identity)}
        path.write_text(json.dumps(data, indent=1))

    @classmethod
    def read(cls, path: Path) -> Spec:
        """The inverse of `write`."""
        data = json.loads(path.read_text())
        who = data.pop("identity")
        return cls(identity=LabIdentity(**{**who, "firmware": Firmware(who["firmware"])}), **data)

    @property
    def disk(self) -> str:
        """Its disk."""
        return f"/dev/loop{self.loop}"


class ThinLaptop:
    """From power on to power off."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._home = Path(spec.folder)

    def run(self) -> None:
        """Boot, and boot again as often as the agent says so."""
        self._own_dev()
        while self._boot():
            say("-- boots again")

    def _own_dev(self) -> None:
        """A /dev with the disk alone: for this laptop no other exists."""
        kernel.mount("tmpfs", "/dev", "tmpfs", kernel.MS_NOSUID, "mode=755,size=256k")
        nodes = {name: (stat.S_IFCHR | 0o666, pair) for name, pair in _NODES.items()}
        nodes[Path(self.spec.disk).name] = (stat.S_IFBLK | 0o600, (_LOOP_MAJOR, self.spec.loop))
        for name, (mode, pair) in nodes.items():
            os.mknod(f"/dev/{name}", mode, os.makedev(*pair))
        Path("/dev/shm").mkdir()  # noqa: S108 - on the tmpfs just made

    def _boot(self) -> bool:
        """One power-on; True if the laptop shall boot again."""
        try:
            boot = self._firmware()
            program = self._live_system(boot) if boot.kernel else None
        except (BootError, ipxe.ScriptError, OSError) as error:
            say(f"{error}")
            time.sleep(5)  # a boot ROM shows its error for a while, then starts over
            return True
        if not boot.kernel:
            say("-- starts from its own disk" if not boot.reboot else "-- reboots")
            return boot.reboot
        return program is not None and self._agent(program) == REBOOT

    def _firmware(self) -> ipxe.ScriptEnd:
        """PXE firmware, then iPXE; returns what iPXE ends in."""
        who = self.spec.identity
        arch = BIOS_ARCH if who.firmware is Firmware.BIOS else UEFI_ARCH
        machine = uuid.UUID(who.uuid).bytes_le
        self._address(None)
        lease = dhcp(NIC, who.mac, machine, arch, ipxe=False)
        self._address(lease)
        say(f"{lease.address.ip} from {lease.server}, boot file {lease.file}")
        self._boot_files(lease, arch)
        self._address(None)
        lease = dhcp(NIC, who.mac, machine, arch, ipxe=True)
        self._address(lease)
        script = urljoin(f"tftp://{lease.server}/", lease.file)
        say(f"iPXE: {lease.address.ip}, script {script}")
        return ipxe.Interpreter(self._settings(lease, arch), fetch_text, say, self.spec.chooses).run(script)

    @staticmethod
    def _boot_files(lease: OfferedLease, arch: int) -> None:
        """The first file, and where that is shim, those that GRUB without Secure Boot goes on to."""
        names = [lease.file]
        if lease.file.endswith("shimx64.efi"):
            names += [lease.file.replace("shimx64", other) for other in ("grubx64", "snponly")]
        for name in names:
            data = tftp(lease.server, name, probe=arch == UEFI_ARCH)
            say(f"TFTP {name}: {len(data)} bytes")

    def _settings(self, lease: OfferedLease, arch: int) -> dict[str, str]:
        """iPXE's settings (its documentation, "Settings")."""
        who = self.spec.identity
        return {
            "mac": who.mac, "uuid": who.uuid, "serial": who.serial, "product": who.product, "manufacturer": who.vendor,
            "platform": "pcbios" if arch == BIOS_ARCH else "efi", "buildarch": "x86_64" if arch else "i386",
            "ip": str(lease.address.ip), "netmask": str(lease.address.netmask), "next-server": str(lease.server),
            "gateway": str(lease.router or ""), "filename": lease.file, "dhcp-server": str(lease.server),
            "cpuarch": "x86_64",
        }  # fmt: skip

    def _address(self, lease: OfferedLease | None) -> None:
        """Give the card its address, or take it away before DHCP is asked again."""
        processes.run(["ip", "addr", "flush", "dev", NIC])
        if lease is None:
            return
        processes.run(["ip", "addr", "add", str(lease.address), "brd", "+", "dev", NIC])
        processes.run(["ip", "route", "replace", "224.0.0.0/4", "dev", NIC])
        if lease.router is not None:
            processes.run(["ip", "route", "replace", "default", "via", str(lease.router)])

    def _live_system(self, boot: ipxe.ScriptEnd) -> Path | None:
        """Ask for kernel and initramfs, then for the agent as the live system would; None where that has no agent."""
        for url in (boot.kernel, *boot.initrds):
            say(f"{url}: {sample(url)} bytes")
        line = f"BOOT_IMAGE={urlsplit(boot.kernel).path.rpartition('/')[2]} {boot.arguments}\n"
        parameters = dict(word.partition("=")[::2] for word in line.split())
        if "cloned.boot" not in parameters:
            say("-- the kernel line has no cloned.boot; nothing to do")
            return None
        self._kernel_line(line)
        program = self._home / "agent.pyz"
        program.write_bytes(fetch(urljoin(parameters["cloned.boot"], "/agent.pyz")))
        return program

    def _kernel_line(self, line: str) -> None:
        file = self._home / "cmdline"
        file.write_text(line)
        kernel.mount(str(file), "/proc/cmdline", flags=kernel.MS_BIND)

    def _agent(self, program: Path) -> int:
        """The real agent, which may not make device nodes; returns its exit status."""
        facts = self._home / "facts.json"
        facts.write_text(json.dumps(self._facts(), indent=1))
        command = [self.spec.python, "-I", str(program), "--only-disk", self.spec.disk, "--facts", str(facts)]
        guard = ["setpriv", "--bounding-set=-mknod,-sys_rawio,-sys_module", "--inh-caps=-mknod,-sys_rawio,-sys_module"]
        return subprocess.call([*guard, *command])  # stdout is the laptop's screen

    def _facts(self) -> dict[str, object]:
        """What the agent can't read from the firmware of a machine that has none."""
        who = self.spec.identity
        return {
            "uuid": who.uuid, "serial": who.serial, "vendor": who.vendor, "product": who.product,
            "firmware": who.firmware.value, "boot_mac": who.mac, "disk_serial": who.disk_serial,
            **({"hardware": self.spec.parts} if self.spec.parts else {}),
        }  # fmt: skip


def fetch(url: str, first: int | None = None) -> bytes:
    """GET, the `first` bytes or all; BootError with iPXE's kind of words if it fails."""
    headers = {"User-Agent": "iPXE/1.21.1"} | ({"Range": f"bytes=0-{first - 1}"} if first else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())
    except (OSError, http.client.HTTPException) as error:  # also where the server went away in the middle
        raise BootError(f"{url}... {error}") from error


def fetch_text(url: str) -> str:
    """A script."""
    if url.startswith("tftp:"):
        parts = urlsplit(url)
        return tftp(IPv4Address(parts.hostname or ""), parts.path.lstrip("/")).decode("utf-8", "replace")
    return fetch(url).decode("utf-8", "replace")


def sample(url: str) -> int:
    """Ask how large a file is, fetch its beginning, and return the size."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60) as answer:  # noqa: S310
            size = int(answer.headers["Content-Length"])
    except (OSError, http.client.HTTPException, TypeError, ValueError) as error:
        raise BootError(f"{url}... {error}") from error
    if len(fetch(url, min(size, _PROBE_BYTES))) < min(size, _PROBE_BYTES):
        raise BootError(f"{url}... cut short")
    return size


def say(line: str) -> None:
    """On the laptop's screen."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    ThinLaptop(Spec.read(Path(sys.argv[1]))).run()
