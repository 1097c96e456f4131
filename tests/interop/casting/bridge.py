"""A server and two laptops in namespaces on a bridge, and Debian's udp-receiver on the laptops."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
from pathlib import Path
from typing import IO

from tests.waiting import block_until

SERVER, ONE, TWO = "10.98.0.1", "10.98.0.2", "10.98.0.3"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def line(child: subprocess.Popen[bytes]) -> str:
    """The next line that a child says."""
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def until_received(file: Path, size: int) -> None:
    """Wait until a receiver has written so much."""
    block_until(lambda: file.exists() and file.stat().st_size >= size, f"{size} bytes of {file}")


def said_by(into: Path) -> Path:
    """Where what the receiver of a file says is kept."""
    return into.with_name(into.name + ".said")


def until_connected(into: Path) -> None:
    """Wait until the receiver of a file is known to a sender."""
    block_until(lambda: b"Connected as" in said_by(into).read_bytes(), f"the connection of the receiver of {into}")


class Net:
    """A server with a bridge, and two laptops on it."""

    def __init__(self) -> None:
        self.name = f"cl{secrets.token_hex(3)}"
        self.children: list[subprocess.Popen[bytes]] = []

    def build(self) -> None:
        for space in ("s", "1", "2"):
            run("ip", "netns", "add", self.name + space)
        self.server("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        self.server("ip", "addr", "add", f"{SERVER}/24", "brd", "+", "dev", "br0")
        for card in ("br0", "lo"):
            self.server("ip", "link", "set", card, "up")
        for laptop, address in (("1", ONE), ("2", TWO)):
            inside = ["ip", "netns", "exec", self.name + laptop]
            ends = ["e0", "netns", self.name + laptop, "type", "veth", "peer", "name", f"p{laptop}"]
            run("ip", "link", "add", *ends, "netns", f"{self.name}s")
            self.server("ip", "link", "set", f"p{laptop}", "master", "br0", "up")
            run(*inside, "ip", "addr", "add", f"{address}/24", "brd", "+", "dev", "e0")
            run(*inside, "ip", "link", "set", "e0", "up")

    def server(self, *command: str) -> None:
        run("ip", "netns", "exec", f"{self.name}s", *command)

    def start(
        self, space: str, *command: str, out: int | None = subprocess.PIPE, err: int | IO[bytes] = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            ["ip", "netns", "exec", self.name + space, *command],
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
        )
        self.children.append(child)
        return child

    def catch(self, laptop: str, port: int, into: Path) -> subprocess.Popen[bytes]:
        common = ["--nokbd", "--mcast-all-addr", "224.0.0.1", "--ttl", "1", "--interface", "e0"]
        command = ["udp-receiver", *common, "--portbase", str(port), "--file", str(into)]
        with said_by(into).open("wb") as said:
            return self.start(laptop, *command, err=said)

    def senders(self) -> list[str]:
        """Living udp-senders in the server's namespace."""
        pids = subprocess.run(
            ["ip", "netns", "pids", f"{self.name}s"], capture_output=True, text=True, check=True
        ).stdout
        names = [Path(f"/proc/{pid}/comm") for pid in pids.split()]
        return [name.read_text() for name in names if name.exists() and name.read_text().strip() == "udp-sender"]

    def remove(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        for space in ("s", "1", "2"):
            subprocess.run(["ip", "netns", "delete", self.name + space], check=False, capture_output=True)
