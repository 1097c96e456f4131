"""Debian's udp-sender on our lead, and Debian's udp-receivers, in namespaces on a bridge."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop
SERVER, ONE, TWO = "10.98.0.1", "10.98.0.2", "10.98.0.3"

HOLD = """
import asyncio, json, sys
from pathlib import Path
from cloned.casting.udpcast import Sender
from cloned.core.classic import Audience
files, wanted, patience = [Path(name) for name in sys.argv[1].split(",")], sys.argv[2].split(","), float(sys.argv[3])
audience = Audience(None, int(wanted[0])) if wanted[0].isdigit() else Audience(frozenset(wanted))
out = []
async def hear(address, why):
    out.append(address)
async def main():
    sender = Sender(files, "br0", 2232, audience, on_out=hear, patience=patience)
    print(2232, flush=True)
    end = await sender.run()
    print(json.dumps([out, sorted(end.finished), sorted(end.dropped), end.bytes]), flush=True)
asyncio.run(main())
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


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
            run(
                "ip",
                "link",
                "add",
                "e0",
                "netns",
                self.name + laptop,
                "type",
                "veth",
                "peer",
                "name",
                f"p{laptop}",
                "netns",
                f"{self.name}s",
            )
            self.server("ip", "link", "set", f"p{laptop}", "master", "br0", "up")
            run(*inside, "ip", "addr", "add", f"{address}/24", "brd", "+", "dev", "e0")
            run(*inside, "ip", "link", "set", "e0", "up")

    def server(self, *command: str) -> None:
        run("ip", "netns", "exec", f"{self.name}s", *command)

    def start(self, space: str, *command: str, out: int | None = subprocess.PIPE) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            ["ip", "netns", "exec", self.name + space, *command],
            stdout=out,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self.children.append(child)
        return child

    def hold(self, files: list[Path], *wanted: str, patience: float = 100.0) -> subprocess.Popen[bytes]:
        return self.start("s", sys.executable, "-c", HOLD, ",".join(map(str, files)), ",".join(wanted), str(patience))

    def catch(self, laptop: str, port: int, into: Path) -> subprocess.Popen[bytes]:
        common = ["--nokbd", "--mcast-all-addr", "224.0.0.1", "--ttl", "1", "--interface", "e0"]
        return self.start(laptop, "udp-receiver", *common, "--portbase", str(port), "--file", str(into))

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


@pytest.fixture
def net() -> Iterator[Net]:
    net = Net()
    try:
        net.build()
        yield net
    finally:
        net.remove()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """An image file in two parts, as split(1) leaves it."""
    parts = [tmp_path / "sda1.ext4-ptcl-img.zst.aa", tmp_path / "sda1.ext4-ptcl-img.zst.ab"]
    for part in parts:
        part.write_bytes(os.urandom(6_000_000))
    return parts


def line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().strip()


def digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def test_exactly_the_wanted_ones_get_it_bit_by_bit(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = net.hold(files, ONE, TWO)
    port = int(line(holder))
    caught = [net.catch("1", port, tmp_path / "1")]
    time.sleep(1.5)
    assert holder.poll() is None  # one is not yet there
    caught.append(net.catch("2", port, tmp_path / "2"))
    out, finished, dropped, _ = json.loads(line(holder))
    assert (out, finished, dropped) == ([], [ONE, TWO], [])
    assert [child.wait(5) for child in caught] == [0, 0]
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == digest(*files)
    assert net.senders() == []


def test_a_stranger_is_ejected_before_it_starts(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = net.hold(files, ONE)
    port = int(line(holder))
    net.catch("2", port, tmp_path / "stranger")
    time.sleep(3)
    net.catch("1", port, tmp_path / "1")
    out, finished, dropped, count = json.loads(line(holder))
    assert (out, finished, dropped, count) == ([], [ONE], [TWO], 12_000_000)
    assert digest(tmp_path / "1") == digest(*files)


def test_who_never_comes_is_not_waited_for(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = net.hold(files, ONE, TWO, patience=3)
    port = int(line(holder))
    net.catch("1", port, tmp_path / "1")
    out, finished, _, count = json.loads(line(holder))
    assert (out, finished, count) == ([TWO], [ONE], 12_000_000)


def test_the_first_two_guests_are_enough(net: Net, files: list[Path], tmp_path: Path) -> None:
    holder = net.hold(files, "2")
    port = int(line(holder))
    for laptop in ("1", "2"):
        net.catch(laptop, port, tmp_path / laptop)
    _, finished, _, _ = json.loads(line(holder))
    assert finished == [ONE, TWO]
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == digest(*files)


def test_a_killed_daemon_leaves_no_sender(net: Net, files: list[Path]) -> None:
    holder = net.hold(files, ONE)
    line(holder)
    deadline = time.monotonic() + 5
    while not net.senders() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert net.senders()
    holder.kill()
    holder.wait()
    time.sleep(0.3)
    assert net.senders() == []


@pytest.mark.slow
def test_a_frozen_one_is_ejected_within_ten_seconds(net: Net, files: list[Path], tmp_path: Path) -> None:
    many = files * 20
    holder = net.hold(many, ONE, TWO)
    port = int(line(holder))
    good, frozen = net.catch("1", port, tmp_path / "1"), net.catch("2", port, tmp_path / "2")
    while not (tmp_path / "2").exists() or (tmp_path / "2").stat().st_size < 1_000_000:
        time.sleep(0.02)
    frozen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    out, finished, dropped, count = json.loads(line(holder))
    assert (out, finished, dropped, count) == ([TWO], [ONE], [TWO], 240_000_000)
    assert good.wait(5) == 0
    assert time.monotonic() - began < 10 + 240e6 / 10e6
    assert digest(tmp_path / "1") == digest(*many)
