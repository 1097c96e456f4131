"""A daemon in a network of its own, with the sample image and the Clonezilla system, for classic sessions."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from pathlib import Path
from typing import Any

from cloned import client
from cloned.images.store import ImageStore
from cloned.lab import stock as stocks
from cloned.lab.daemon import DaemonProcess, DaemonSettings
from cloned.lab.laptops import LaptopKind
from cloned.lab.network import LabNetwork


class Shop:
    """A server in a network of its own."""

    def __init__(self, folder: Path) -> None:
        self.stock = stocks.prepare("sample", print, classic=True)
        run = f"cl{secrets.token_hex(2)}"
        self.network = LabNetwork(run, 1)
        self.runtime = Path("/run/cloned-lab") / run
        state = folder / "state"
        state.mkdir()
        saved = self.stock.store.original(self.stock.manifest.name)
        assert saved is not None
        self.manifest = ImageStore(state / "images").import_image(saved, "school")
        settings = DaemonSettings(
            state,
            self.runtime,
            self.stock.live,
            self.stock.boot,
            self.manifest.name,
            LaptopKind.VM,
            None,
            "http://127.0.0.1:9/",
            "none",
            (),
            {},
        )
        self.daemon = DaemonProcess(settings, self.network.server, folder / "daemon.log")

    def command(self, **words: Any) -> Any:
        return client.command(self.runtime, **words)

    def session(self, ident: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each for each in client.get(self.runtime, "/api/v1/state")["sessions"] if each["id"] == ident
        )
        return found

    def open(self) -> None:
        """Everything up to a daemon that is ready."""
        self.network.build()
        self.network.plug_server()
        self.runtime.mkdir(parents=True)
        self.start()

    def start(self) -> None:
        """Start the daemon, or start it again."""
        self.daemon.start()
        asyncio.run(self.daemon.ready())

    def close(self) -> None:
        """Leave nothing behind."""
        asyncio.run(self.daemon.stop())
        self.network.close()
        for left in (*self.runtime.glob("*"), self.runtime):
            left.rmdir() if left.is_dir() else left.unlink()

    def senders(self) -> list[str]:
        """The udp-senders that live in the server's namespace, by process id."""
        said = subprocess.run(["ip", "netns", "pids", self.network.server], capture_output=True, text=True, check=True)
        names = {pid: Path(f"/proc/{pid}/comm") for pid in said.stdout.split()}
        return [pid for pid, name in names.items() if name.exists() and name.read_text().strip() == "udp-sender"]
