"""A switch made of a Linux bridge, with machines on it, each in a namespace of its own."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloned import processes


@dataclass
class Site:
    """`switch` and machines 1…n with the addresses 10.99.0.1…n; the bridge is br0, its ports port1…n."""

    name: str
    machines: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def switch(self) -> str:
        return f"{self.name}-switch"

    def machine(self, number: int) -> str:
        return f"{self.name}-{number}"

    def ip(self, namespace: str, *args: str) -> None:
        processes.run(["ip", "-n", namespace, *args])

    def build(self, *bridge: str) -> None:
        for namespace in (self.switch, *(self.machine(number) for number in range(1, self.machines + 1))):
            processes.run(["ip", "netns", "add", namespace])
            self.ip(namespace, "link", "set", "lo", "up")
        self.ip(self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0", *bridge)
        self.ip(self.switch, "link", "set", "br0", "up")
        for number in range(1, self.machines + 1):
            port = f"port{number}"
            self.ip(
                self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", self.machine(number)
            )
            self.ip(self.switch, "link", "set", port, "master", "br0", "up")
            self.ip(self.machine(number), "addr", "add", f"10.99.0.{number}/24", "dev", "eth0")
            self.ip(self.machine(number), "link", "set", "eth0", "up")
            self.ip(self.machine(number), "route", "add", "224.0.0.0/4", "dev", "eth0")

    def python(self, namespace: str, code: str, *args: object) -> subprocess.Popen[bytes]:
        """Run `code` inside a namespace; it prints JSON, a line each."""
        process = processes.spawn(
            ["ip", "netns", "exec", namespace, sys.executable, "-c", code, *map(str, args)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        self.running.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
        self.running.remove(process)

    def close(self) -> None:
        for process in list(self.running):
            self.stop(process)
        for namespace in (self.switch, *(self.machine(number) for number in range(1, self.machines + 1))):
            processes.run(["ip", "netns", "del", namespace], check=False)


def until(process: subprocess.Popen[bytes], seconds: float, wanted: Callable[[Any], bool]) -> Any:
    """The first line of what a process prints that is `wanted`; None if there is none within `seconds`."""
    assert process.stdout is not None
    end, rest = time.monotonic() + seconds, b""
    while (left := end - time.monotonic()) > 0:
        if select.select([process.stdout], [], [], left)[0]:
            got = os.read(process.stdout.fileno(), 65536)
            if not got:
                return None
            *whole, rest = (rest + got).split(b"\n")
            found = next((line for line in map(json.loads, whole) if wanted(line)), None)
            if found is not None:
                return found
    return None


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """`site.build()` makes it; parametrize indirectly with the number of machines."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    built = Site(f"cl{secrets.token_hex(3)}", getattr(request, "param", 2))
    try:
        yield built
    finally:
        built.close()


@pytest.fixture
def read_until() -> Any:
    return until
