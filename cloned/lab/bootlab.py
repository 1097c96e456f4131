"""A small network with the netboot room alone: for its benchmark and for its tests with real clients.

The switch, the server and laptop namespaces are those of network.py; beside them there can be a dnsmasq as
somebody else's DHCP server. Virtual laptops boot as far as they get; what they asked and got is in `state()`.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cloned import processes
from cloned.errors import ClonedError
from cloned.lab import qmp
from cloned.lab.bootserver import BootServerState
from cloned.lab.laptops import Firmware, LabDisk, identities
from cloned.lab.machine import VirtualLaptop
from cloned.lab.network import NIC, SERVER, LabNetwork, ip

FOREIGN = "10.77.0.3"
"""Address of the other DHCP server, where there is one."""
LEASE = f'[[dhcp.lease]]\ninterface = "{NIC}"\nfirst = "10.77.1.1"\nlast = "10.77.1.250"\n'
_FOREIGN_RANGE = "10.77.2.1,10.77.2.250,255.255.252.0,1h"


class HttpLaptop(VirtualLaptop):
    """A UEFI laptop with PXE switched off in its set-up (OvmfPkg/README: IPv4PXESupport): it boots by HTTP."""

    def command(self, *, own_disk: bool) -> list[str]:
        """QEMU and its arguments."""
        names = ("IPv4PXESupport", "IPv6PXESupport")
        off = [word for name in names for word in ("-fw_cfg", f"name=opt/org.tianocore/{name},string=n")]
        return [*super().command(own_disk=own_disk), *off]


@dataclass
class BootLab:
    """Made by `boot_lab`; `folder` holds state, configuration and what was captured."""

    network: LabNetwork
    folder: Path
    boot_files: Path
    live: Path
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _server: subprocess.Popen[bytes] | None = None

    def serve(self, dhcp: str = LEASE, more: str = "") -> None:
        """Start our server, and wait until it listens. `dhcp` and `more` are TOML: e.g. `[boot]` keys last."""
        (self.folder / "cloned.toml").write_text(
            f'[workshop]\nstate = "{self.folder / "state"}"\n[network]\ninterfaces = ["{NIC}"]\n{dhcp}\n'
            f'[boot]\nlive = "{self.live}"\nfiles = "{self.boot_files}"\n{more}\n',
            encoding="utf-8",
        )
        self._out.unlink(missing_ok=True)
        arguments = [self.folder / "cloned.toml", self._out]
        command: list[str | Path] = [sys.executable, "-m", "cloned.lab.bootserver", *arguments]
        self._server = self.run(self.network.server, command, "server.log")
        self.until(lambda: self._out.exists() or self._died(), 20, "the server listens")
        if self._died():
            raise ClonedError((self.folder / "server.log").read_text(encoding="utf-8").strip()[-500:])

    def stop(self) -> None:
        """End our server."""
        if self._server is not None:
            _end(self._server)
            self._server = None

    def state(self) -> BootServerState:
        """What the server wrote down last: `log`, `warnings`."""
        state: BootServerState = json.loads(self._out.read_text(encoding="utf-8"))
        return state

    def foreign(self, *options: str, number: int | None = None) -> subprocess.Popen[bytes]:
        """Start dnsmasq as another DHCP server, on socket `number` of the switch (default: the last laptop's)."""
        number = number or self.network.laptops
        namespace = self.network.laptop(number)
        if not LabNetwork.path(namespace).exists():
            self.network.plug_thin(number, "52:54:00:fe:00:03")
            ip(namespace, f"addr add {FOREIGN}/22 brd + dev {NIC}", f"link set {NIC} up")
        command = [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", f"--interface={NIC}", "--no-ping",
            "--bind-interfaces", f"--dhcp-leasefile={self.folder / 'foreign.leases'}", "--dhcp-authoritative",
            "--user=root", "--log-dhcp", "--log-facility=-", *(options or (f"--dhcp-range={_FOREIGN_RANGE}",)),
        ]  # fmt: skip
        child = self.run(namespace, command, "dnsmasq.log")
        self.until(lambda: "started" in self._text("dnsmasq.log") or child.poll() is not None, 5, "dnsmasq listens")
        if child.poll() is not None:
            raise ClonedError(f"dnsmasq did not start: {self._text('dnsmasq.log').strip()[-300:]}")
        return child

    def confine(self, processors: set[int]) -> None:
        """Let every program that was started until now run on these processors only."""
        for child in self._children:
            for thread in Path(f"/proc/{child.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), processors)

    def capture(self, name: str) -> subprocess.Popen[bytes]:
        """Write what passes the server's card to `name` in the folder (pcap), until `end`."""
        options = ["-Z", "root", "-U", "--immediate-mode", "-n", "-s", "2048", "-i", NIC, "-w"]
        command: list[str | Path] = ["tcpdump", *options, self.folder / name]
        child = self.run(self.network.server, command, f"{name}.log")
        self.until(lambda: "listening" in self._text(f"{name}.log"), 5, "tcpdump listens")
        return child

    def laptop(self, firmware: Firmware, number: int = 1, *, http: bool = False) -> VirtualLaptop:
        """A virtual laptop with an empty disk, switched off; `http`: UEFI HTTP boot instead of PXE."""
        identity = identities(self.network.run, self.network.laptops, (firmware,))[number - 1]
        folder = self.folder / f"laptop-{number}"
        folder.mkdir()
        disk = LabDisk.create(folder / "disk", 64 << 20)
        return (HttpLaptop if http else VirtualLaptop)(identity, disk, folder, self.network)

    def power_on(self, laptop: VirtualLaptop) -> None:
        """Switch a laptop on; it goes with the lab."""
        laptop.power_on()
        if laptop._process is not None:
            self._children.append(laptop._process)

    def press(self, laptop: VirtualLaptop, key: str) -> None:
        """Press a key on a laptop's keyboard; `key` is a QKeyCode of QEMU's: `c`, `ret`, `esc`."""
        qmp.press(laptop.folder / "qmp", key)

    def client(self, number: int, mac: str = "") -> str:
        """A namespace with a cable and no address, as a laptop without firmware; its name."""
        self.network.plug_thin(number, mac or f"52:54:00:77:00:{number:02x}")
        ip(self.network.laptop(number), f"link set {NIC} up")
        return self.network.laptop(number)

    def run(self, namespace: str, command: Sequence[str | Path], log: str) -> subprocess.Popen[bytes]:
        """Start a program inside a namespace; its output goes to `log`, and it ends with the lab."""
        with (self.folder / log).open("wb") as out:
            child = processes.spawn(["ip", "netns", "exec", namespace, *command], stdout=out, stderr=out)
        self._children.append(child)
        return child

    def until(self, done: Callable[[], object], seconds: float, what: str) -> float:
        """Wait until `done()`; the seconds it took. ClonedError after `seconds`."""
        start = time.monotonic()
        while not done():
            if time.monotonic() - start > seconds:
                raise ClonedError(f"not within {seconds:g} s: {what}")
            time.sleep(0.05)
        return time.monotonic() - start

    def close(self) -> None:
        """End every program, remove every namespace."""
        for child in reversed(self._children):
            _end(child)
        self.network.close()

    @property
    def _out(self) -> Path:
        return self.folder / "state.json"

    def _died(self) -> bool:
        return self._server is not None and self._server.poll() is not None

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")


@contextmanager
def boot_lab(boot_files: Path, live: Path, laptops: int = 2, rate: int | None = None) -> Iterator[BootLab]:
    """A lab that leaves nothing behind, however its block is left."""
    network = LabNetwork(f"cl{secrets.token_hex(3)}", laptops, rate)
    with tempfile.TemporaryDirectory(prefix="cloned-boot-") as folder:
        lab = BootLab(network, Path(folder), boot_files, live)
        try:
            network.build()
            network.plug_server()
            yield lab
        finally:
            lab.close()


def server_address() -> str:
    """Our server's address in the lab."""
    return str(SERVER.ip)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask a program to end, and make it."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()
