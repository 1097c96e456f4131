"""The daemon under test: `cloned serve` as a process in the server's namespace, with a configuration of the lab's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloned import client, processes
from cloned.core.row_types import Row
from cloned.core.shown_data import WorkshopData
from cloned.errors import ClonedError, MissingError
from cloned.images.store import ImageStore
from cloned.lab import unprivileged
from cloned.lab.as_installed import as_installed
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import NETWORK, NIC, SERVER, SWITCH
from cloned.lab.switchbox import COMMUNITY
from cloned.lab.unprivileged import ACCOUNT, DESCRIPTORS, ServiceUser
from cloned.ownership import hand_over, take_back

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
    ledger: str = ""
    """URL of its ledger; empty: a file in `state`."""

    def toml(self) -> str:
        """The configuration file. TOML's basic strings are JSON's."""
        text = json.dumps
        lines = [
            "# Written by `cloned lab` for one run.",
            "[workshop]", 'name = "Lab"', f"state = {text(str(self.state))}", f"runtime = {text(str(self.runtime))}",
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
            *(["[ledger]", f"url = {text(self.ledger)}"] if self.ledger else []),
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


class DaemonProcess:
    """Starts, asks, kills and stops it."""

    def __init__(
        self, settings: DaemonSettings, namespace: str, log: Path, say: Callable[[str], None] = lambda words: None
    ) -> None:
        """`say` hears where the daemon must run as root after all."""
        self.settings = settings
        self.log = log
        self.descriptors = DESCRIPTORS
        """How many files it may open."""
        self.environment: dict[str, str] = {}
        """What it alone has in its environment, and not what becomes it."""
        self._namespace = namespace
        self._say = say
        self._started = False
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
        as_installed()
        config = self.settings.state / "cloned.toml"
        config.touch()
        config.chmod(0o600)  # secrets stand in it
        config.write_text(self.settings.toml())
        user = self._user()
        os.chown(config, user.uid, user.gid)
        own = ["env", *(f"{name}={value}" for name, value in self.environment.items())]
        main = [
            *own,
            sys.executable,
            "-c",
            "from cloned.cli.main import main; main()",
            "serve",
            "--config",
            str(config),
        ]
        with self.log.open("ab") as log:
            program = unprivileged.start(main, user, self._needs(), self.descriptors)
            command = ["ip", "netns", "exec", self._namespace, *program]
            self._process = processes.spawn(command, stdout=log, stderr=log, env=self._environment())
        self._started = True

    def _user(self) -> ServiceUser:
        """The service's; root where that may not read what it needs, whichever way it is shown."""
        user = ServiceUser.here()
        self._give(user)
        closed = unprivileged.unreadable([*unprivileged.program_places(), *self._reads()], user)
        if closed is None:
            return user
        self._say(f"the daemon runs as root, with three capabilities: others may not read {closed} (chmod o+r)")
        self._give(unprivileged.ROOT)
        take_back(self._own, user.uid)
        return unprivileged.ROOT

    @property
    def _own(self) -> tuple[Path, ...]:
        """Its folders, as systemd makes them for it: state, runtime, and one for what is short-lived."""
        return self.settings.state, self.settings.runtime, self.log.with_suffix(".tmp")

    def _give(self, user: ServiceUser) -> None:
        """Its own folders are its user's, and so is what lies there before its first start; what root leaves there
        later must be so by itself."""
        for folder in self._own:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o750)
            os.chown(folder, user.uid, user.gid)
            if not self._started:
                hand_over(folder)

    def _reads(self) -> list[Path]:
        """What it must be able to read, and others own: what laptops boot, and images that lie elsewhere."""
        store = self._store
        names = store.names()
        pieces = [store.pieces.root] if names else []
        return [
            self.settings.live,
            self.settings.boot,
            *(store.root / name for name in names),
            *pieces,
            *self._saved(name for name in names if name in self.settings.classic or store.manifest(name).plan.classic),
        ]

    def _saved(self, names: Iterable[str]) -> Iterator[Path]:
        """Where Clonezilla saved these images: classic sessions send its files."""
        yield from (path for name in names if (path := self._store.original(name)))

    @property
    def _store(self) -> ImageStore:
        return ImageStore(self.settings.state / "images")

    def _needs(self) -> list[Path]:
        """Every place outside the interpreter that it must come to."""
        told = os.environ.get("NOTIFY_SOCKET", "")
        saved = self._saved(self._store.names())
        return [*self._own, *self._reads(), *saved, *([Path(told)] if told.startswith("/") else [])]

    def _environment(self) -> dict[str, str]:
        """As a service has it: a home and a folder for what is short-lived that are its own."""
        state, _, short = self._own
        own = {"HOME": str(state), "USER": ACCOUNT, "LOGNAME": ACCOUNT, "TMPDIR": str(short), "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **own, "PYTHONPATH": unprivileged.python_path()}

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
