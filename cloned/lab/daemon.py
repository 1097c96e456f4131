"""The daemon under test: `cloned serve` as a process in the server's namespace, with a configuration of the lab's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloned import client, processes
from cloned.core.row_types import Row
from cloned.core.shown_data import WorkshopData
from cloned.errors import ClonedError, MissingError
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import NETWORK, NIC, SERVER, SWITCH
from cloned.lab.switchbox import COMMUNITY

PAGE = 8080
GATHER_SECONDS = 20.0
"""Seconds that a classic session waits for further laptops: all are powered on together."""
_START_SECONDS = 60.0
"""Seconds until the daemon must be ready."""
_STOP = 15.0


@dataclass(frozen=True)
class DaemonSettings:
    """What the lab tells the daemon."""

    state: Path
    runtime: Path
    live: Path
    boot: Path
    image: str
    kind: LaptopKind
    mbit_s: int | None
    """What every cable was throttled to: the kernel does not know."""
    webhook: str
    webhook_secret: str
    classic: tuple[str, ...]
    """Images that are to go through classic sessions."""
    gates: Mapping[str, str]
    """MAC to the URL of that laptop's gate."""
    erase: str = ""
    """always, first, only, or nothing."""
    tests: str = ""
    """all, or nothing."""
    confirm: str = "auto"
    """As nobody confirms in a lab, new laptops with one disk may be cloned at once."""
    page: tuple[str, ...] = ()
    """Further lines of the page's section."""

    def toml(self) -> str:
        """The configuration file. TOML's basic strings are JSON's."""
        text = json.dumps
        lines = [
            "# Written by `cloned lab` for one run.",
            "[workshop]", 'name = "Lab"', f"state = {text(str(self.state))}", f"runtime = {text(str(self.runtime))}",
            'group = "root"',
            "[network]", f"interfaces = [{text(NIC)}]",
            *([] if self.mbit_s is None else [f"link_mbps = {self.mbit_s}"]),
            "[[dhcp.lease]]", f"interface = {text(NIC)}", f'first = "{NETWORK[256]}"', f'last = "{NETWORK[1000]}"',
            "[boot]", f"live = {text(str(self.live))}", f"files = {text(str(self.boot))}",
            "menu_seconds = 30", f"clone_seconds = {int(':' in self.erase)}",  # so long somebody may choose to erase
            *(['serial = "ttyS0,115200"'] if self.kind is LaptopKind.VM else []),
            *self._gates(),
            "[page]", f"port = {PAGE}", *self.page,
            "[[switch]]", f'address = "{SWITCH.ip}"', f"community = {text(COMMUNITY)}",
            "[sessions]", f"confirm = {text(self.confirm)}",
            f"image = {text(self.image)}", 'then = "poweroff"',
            f"classic = {text(list(self.classic))}", f"gather_seconds = {GATHER_SECONDS}",
            "[tags]", 'pattern = "LAB-{year}-{seq:04}"', 'given = "auto"',
            *self._erase(),
            *(["[tests]", f"unattended = {text(self.tests)}"] if self.tests else []),
            *self._finish(),
            "[[sink]]", 'name = "inventory"', 'type = "webhook"', f"url = {text(self.webhook)}",
            f"secret = {text(self.webhook_secret)}",
            "[[sink]]", 'name = "list"', 'type = "csv"', f"path = {text(str(self.state / 'results.csv'))}",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"

    def _gates(self) -> list[str]:
        lines = []
        for mac, url in self.gates.items():
            lines += ["[[boot.model]]", f'mac = "{mac}"', f'kernel_parameters = "cloned.gate={url}"']
        return lines

    def _erase(self) -> list[str]:
        """Also where nothing is cloned afterwards: nothing may begin before the erasure was confirmed."""
        when = "first" if self.erase == "first" else "always"
        return ["[erase]", f'before_cloning = "{when}"'] if self.erase and ":" not in self.erase else []

    def _finish(self) -> list[str]:
        """Thin laptops leave the disk as it was verified: the lab hashes it once more for itself."""
        return ["[finish]", "grow = false", "efi_entry = false"] if self.kind is LaptopKind.THIN else []


_CAPABILITIES = "-all,+net_bind_service,+net_raw,+net_admin,+sys_nice"
"""The service's three, and the right to what its LimitRTPRIO and LimitNICE allow: these cannot be set everywhere."""
AS_THE_SERVICE = (
    "setpriv",
    f"--bounding-set={_CAPABILITIES}",
    f"--inh-caps={_CAPABILITIES}",
    "--no-new-privs",
)
"""What systemd/cloned.service leaves of root's rights, and the precedence it gives.

The user stays root: Python may lie where nobody else reads.
"""


class DaemonProcess:
    """Starts, asks, kills and stops it."""

    def __init__(self, settings: DaemonSettings, namespace: str, log: Path) -> None:
        self.settings = settings
        self.log = log
        self._namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process; 0 where it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Write the configuration and start the process; `ready` waits for it."""
        config = self.settings.state / "cloned.toml"
        config.write_text(self.settings.toml())
        program = [sys.executable, "-c", "from cloned.cli.main import main; main()", "serve", "--config", str(config)]
        with self.log.open("ab") as log:
            command = ["ip", "netns", "exec", self._namespace, *AS_THE_SERVICE, *program]
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self._process = processes.spawn(command, stdout=log, stderr=log, env=environment)

    async def ready(self) -> None:
        """Wait until it serves; its own last words in the error if it does not."""
        until = asyncio.get_running_loop().time() + _START_SECONDS
        while True:
            try:
                await self.state()
            except ClonedError as error:
                if not self.running:
                    raise MissingError("the daemon did not start", self.last_words()) from error
                if asyncio.get_running_loop().time() > until:
                    raise MissingError(
                        f"the daemon was not ready after {_START_SECONDS:.0f} s", self.last_words()
                    ) from error
                await asyncio.sleep(0.1)
            else:
                return

    async def ask(self, path: str) -> Any:
        """GET from its API, over its Unix socket; whoever asks says what shape it has."""
        return await client.call(self.settings.runtime, "GET", path)

    async def paper(self, path: str) -> bytes:
        """A PDF of its page's, over the same socket."""
        data: bytes = await client.call(self.settings.runtime, "GET", path, raw=True)
        return data

    async def state(self) -> WorkshopData:
        """The snapshot."""
        answer: WorkshopData = await self.ask("/api/v1/state")
        return answer

    async def ledger(self) -> list[Row]:
        """The rows of the ledger."""
        answer: list[Row] = await self.ask("/api/v1/ledger")
        return answer

    def kill(self) -> None:
        """As a power cut of the server would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def stop(self) -> None:
        """Ask it to end; insist after a while."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _STOP)
        self.kill()

    def peak_memory(self) -> int:
        """Most bytes that its process has held in memory so far (VmHWM of proc(5)); 0 where it does not run."""
        if self._process is None:
            return 0
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def last_words(self) -> str:
        """The end of its log, on one line."""
        try:
            lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return " / ".join(line.strip() for line in lines[-4:])


def server_address() -> tuple[str, int]:
    """Where the page is, inside the server's namespace."""
    return str(SERVER.ip), PAGE
