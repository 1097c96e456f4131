"""What both actors share: a clock, a seed, sockets that they hold open, and a tally of what they did."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloned import processes

NICE = 19
HELD = 200
"""Connections that an actor holds open at once."""
PATIENCE_SECONDS = 3.0
"""Seconds that it waits for anything."""


@dataclass(frozen=True)
class HostileSpec:
    """What an actor is told."""

    role: str
    seed: int
    seconds: float
    server: str
    boot_port: int
    page_port: int
    macs: tuple[str, ...]
    """Of the honest laptops."""
    mac: str
    """Its own."""
    overheard: str
    """A file with what the hostile laptop learnt of the stream, as somebody would who listens."""
    cgroup: str
    """Folder of the control group that holds it down; empty where there is none."""

    def text(self) -> str:
        """For `read`."""
        return json.dumps(vars(self))

    @classmethod
    def read(cls, text: str) -> HostileSpec:
        """The inverse of `text`."""
        data = json.loads(text)
        return cls(**{**data, "macs": tuple(data["macs"])})


def hold_down(cgroup: str) -> None:
    """Take the lowest priority and enter the control group, so that what is measured is not a lack of processor."""
    os.nice(NICE)
    processes.session_nice(NICE)
    with suppress(OSError):
        if cgroup:
            (Path(cgroup) / "cgroup.procs").write_text("0")


class HostileActor:
    """Does one thing after the other, drawn from its seed, until its time is up."""

    def __init__(self, spec: HostileSpec) -> None:
        self.spec = spec
        self.chance = random.Random(f"{spec.seed}/{spec.role}")  # noqa: S311 - to be repeated, not to be secret
        self.done: Counter[str] = Counter()
        self._held: list[socket.socket] = []

    def deeds(self) -> Sequence[Callable[[], None]]:
        """What it can do."""
        raise NotImplementedError

    def run(self) -> Mapping[str, int]:
        """Misbehave; returns how often it did what."""
        until = time.monotonic() + self.spec.seconds
        deeds = list(self.deeds())
        while time.monotonic() < until:
            deed = self.chance.choice(deeds)
            name = deed.__name__.strip("_")
            try:
                deed()
                self.done[name] += 1
            except (OSError, ValueError):
                self.done[f"{name}, cut off"] += 1
        for held in self._held:
            held.close()
        return dict(self.done)

    # -- what deeds are made of -------------------------------------------------------------------

    def connect(self, port: int) -> socket.socket:
        """A connection to the server; OSError where we are cut off."""
        return socket.create_connection((self.spec.server, port), timeout=PATIENCE_SECONDS)

    def hold(self, port: int, said: bytes) -> None:
        """Say something, read nothing, and hold the connection open."""
        client = self.connect(port)
        self._held.append(client)
        client.sendall(said)
        if len(self._held) > HELD:
            self._held.pop(0).close()

    def http(self, port: int, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """One request as we like it; what was answered, up to 64 KiB."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.spec.server}:{port}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        with self.connect(port) as client:
            client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
            return self._all_of(client)

    @staticmethod
    def _all_of(client: socket.socket) -> bytes:
        found = bytearray()
        with suppress(TimeoutError, ConnectionError):
            while len(found) < 65536 and (chunk := client.recv(65536)):
                found += chunk
        return bytes(found)

    def post(self, port: int, path: str, data: object, **headers: str) -> object:
        """Post JSON, which may be bytes that are none; the answer's JSON, or nothing."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        answer = self.http(port, "POST", path, body, **{"Content_Type": "application/json", **headers})
        with suppress(ValueError):
            return json.loads(answer.partition(b"\r\n\r\n")[2])
        return None

    def datagrams(self, port: int, packets: Sequence[bytes], *, broadcast: bool = False) -> None:
        """Send datagrams to the server."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for packet in packets:
                sock.sendto(packet, ("255.255.255.255" if broadcast else self.spec.server, port))

    def awkward(self) -> bytes:
        """A body that programs stumble over."""
        return self.chance.choice(AWKWARD)


AWKWARD = (
    b'{"state": "\\ud800", "detail": "\\ud800", "code": "\\ud800", "pin": "\\ud800", "session": "\\ud800"}',
    b'{"rate": 1e-300, "total": 1e17, "bytes": 0, "state": "receiving"}',
    b'{"rate": NaN, "total": Infinity}',
    b"[" * 100_000,
    b'{"a":' * 5000,
    b'{"pin": "' + b"x" * 200_000 + b'"}',
    b'{"steps": [{"name": "[/x]", "result": "\\u001b[2J", "detail": "a\\nERROR forged"}]}',
    b'{"serial": "[/x]", "product": "<script>", "macs": [1, null, {}], "disks": "none", "uuid": []}',
    b"\xff\xfe\x00",
    b"9" * 10_000,
    b"null",
    b"",
)
