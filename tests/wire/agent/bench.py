"""A server that speaks the agent's API, a small image, and loop devices, for driving the real agent."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from aiohttp import web

from cloned.core.hello import read_back
from cloned.core.verdict import judge
from cloned.disk.layout import Layout, Partition, Swap, min_disk_size
from cloned.disk.manifest import Layer, Manifest, Plan
from cloned.live import agent_zipapp

MIB = 1024 * 1024
DISK = 64 * MIB
ASIDE = "Set aside."
"""What an agent shows once the server has set its laptop aside."""
TOKEN = "a-token"
FACTS = {
    "uuid": "11111111-2222-3333-4444-555555555555",
    "serial": "THIN-1",
    "vendor": "Lab",
    "product": "Thin",
    "firmware": "uefi",
    "boot_mac": "52:54:00:00:00:01",
    "macs": ["52:54:00:00:00:01"],
    "disk_serial": "DISK-1",
}
_LINUX, _SWAP = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"


@dataclass
class Image:
    """A manifest and the bytes of each piece."""

    manifest: Manifest
    pieces: list[bytes]

    def frame(self, number: int) -> bytes:
        return zstandard.compress(self.pieces[number])


def image(sectors: int = 512, label: str = "gpt") -> Image:
    """Two data partitions with gaps and odd edges, one swap area; about 11 MiB used."""
    step = MIB // sectors
    guid = "ABCDEF00-1111-2222-3333-{:012X}".format
    swap = Swap("cccccccc-1111-2222-3333-444444444444", "change")
    kinds = (_LINUX, _SWAP, _LINUX) if label == "gpt" else ("83", "82", "7")
    parts = tuple(
        Partition(n, start * step, size * step, kind, guid(n) if label == "gpt" else "", swap=swap if n == 2 else None)
        for n, start, size, kind in ((1, 1, 16, kinds[0]), (2, 17, 4, kinds[1]), (3, 21, 24, kinds[2]))
    )
    layout = Layout(label, guid(0) if label == "gpt" else "0x1234abcd", sectors, parts)
    rng = random.Random(7)
    extents = ((0, 5 * MIB), (6 * MIB, 4096), (9 * MIB + 4096, 3 * MIB))
    layers = (
        Layer(1, "sda1", "ext4", MIB, 16 * MIB, extents),
        Layer(3, "sda3", "ntfs", 21 * MIB, 24 * MIB, ((8192, 2 * MIB + 1024), (20 * MIB, 65536))),
    )
    gap = rng.randbytes(2048) if label == "dos" else None
    plan = Plan(layout.text(), sectors, min_disk_size(layout), rng.randbytes(440), gap, layers)
    pieces = [rng.randbytes(plan.map.place(n).length) for n in range(plan.map.count)]
    hashes = tuple(hashlib.sha256(piece).digest() for piece in pieces)
    return Image(Manifest("small", plan, hashes, DISK), pieces)


@dataclass
class Server:
    """Obeys the API of netboot/agents.py for one laptop; keeps what it was told."""

    image: Image
    disk: dict[str, Any]
    survey: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    gates: list[int] = field(default_factory=list)
    unread: list[list[int]] = field(default_factory=list)
    """Pieces that each gate was told are still to be read."""
    fetched: list[int] = field(default_factory=list)
    stage: str = "restore"
    at_gate: Any = None
    port: int = 0
    token: str = TOKEN

    def told(self, call: str) -> list[dict[str, Any]]:
        return [body for name, body in self.heard if name == call]

    async def start(self, *more: web.RouteDef) -> web.AppRunner:
        app = web.Application(client_max_size=1 << 26)
        app.add_routes(
            [
                web.get("/agent/v1/plan", self.plan),
                web.get("/agent/v1/pieces/s1/{piece}", self.piece),
                web.post("/agent/v1/{call}", self.call),
                web.post("/gate", self.gate),
                *more,
            ]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    def order(self) -> dict[str, Any]:
        if self.stage == "offer":
            offer = {"image": "small", "disk": self.disk}
            return {"do": "wait", "screen": ["Nobody has confirmed it yet."], "offer": offer}
        if self.stage == "restore":
            return {
                "do": "restore",
                "session": "s1",
                "image": "small",
                "disk": self.disk,
                "stream": None,
                "unicast": "/agent/v1/pieces/s1",
                "survey": self.survey,
                "tag": "12",
            }
        if self.stage == "finish":
            return {"do": "finish", "image": "small", "image_hash": "0" * 64, "disk": self.disk, "steps": self.steps}
        if self.stage == "done":
            return {"do": "power", "action": "poweroff"}
        return {"do": "wait", "screen": [ASIDE]}

    async def plan(self, request: web.Request) -> web.Response:
        answer = web.json_response(self.image.manifest.plan.to_json())
        answer.enable_compression()
        return answer

    async def piece(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {self.token}"
        self.fetched.append(int(request.match_info["piece"]))
        return web.Response(body=self.image.frame(self.fetched[-1]))

    async def gate(self, request: web.Request) -> web.Response:
        self.gates.append(int(request.query["round"]))
        self.unread.append([int(piece) for piece in (await request.text()).split(",") if piece])
        if self.at_gate is not None:
            self.at_gate(self.gates[-1])
        return web.Response()

    async def call(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return web.json_response({"error": "no", "hint": ""}, status=401)
        name, body = request.match_info["call"], await request.json()
        self.heard.append((name, body))
        if name == "hello":
            return web.json_response({"laptop": "l1", "tag": "12"})
        if name == "readback":
            return web.json_response(self.judge(body))
        if name == "confirm":
            self.stage = "restore"
        if name == "failed":
            self.stage = "aside"
        if name == "finished":
            self.stage = "done"
        return web.json_response(self.order() if name in ("report", "finished") else {"ok": True})

    def judge(self, body: dict[str, Any]) -> dict[str, Any]:
        found = judge(self.image.manifest, read_back(body))
        answer = {
            "verdict": str(found.verdict),
            "wrong": list(found.wrong),
            "image_hash": found.image_hash,
            "where": [asdict(each) for each in found.differs],
            "layout_ok": found.layout_ok,
            "boot_code_ok": found.boot_code_ok,
            "gap_ok": found.gap_ok,
            "round": body["round"],
        }
        self.verdicts.append(answer)
        if found.verdict == "verified" and body["round"] > 0:
            self.stage = "finish"
        return answer


@contextmanager
def loop_device(file: Path, size: int = DISK, *, content: bytes = b"", sector: int = 512) -> Iterator[str]:
    """A loop device on a sparse file that begins with `content`."""
    with file.open("wb") as out:
        out.truncate(size)
        out.seek(0)
        out.write(content)
    done = subprocess.run(
        ["losetup", "--find", "--show", "--sector-size", str(sector), str(file)], check=True, capture_output=True
    )
    path = done.stdout.decode().strip()
    try:
        yield path
    finally:
        subprocess.run(["losetup", "--detach", path], check=True)


_BOX = """
set -e
mount -t tmpfs -o mode=755 none "$1/dev"
for node in null zero urandom "$2"; do cp -a "/dev/$node" "$1/dev/$node"; done
mount --bind "$1/dev" /dev
shift 2
exec "$@"
"""


async def run_agent(server: Server, device: str, folder: Path, *options: str) -> tuple[int, str]:
    """The real agent as the lab's thin laptops run it: in a mount namespace whose /dev has its one disk.

    Its exit status (negative if it was ended here: when the server has set the laptop aside, or after 40 s) and
    what it showed.
    """
    (folder / "dev").mkdir(exist_ok=True)
    (folder / "facts.json").write_text(json.dumps(FACTS))
    (folder / "agent.pyz").write_bytes(agent_zipapp())
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        _BOX,
        "box",
        str(folder),
        device.split("/")[-1],
        sys.executable,
        "-I",
        str(folder / "agent.pyz"),
        "--only-disk",
        device,
        "--facts",
        str(folder / "facts.json"),
        "--boot",
        f"http://127.0.0.1:{server.port}/{TOKEN}",
        *options,
    ]
    with (folder / "screen").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=screen, stderr=screen, stdin=asyncio.subprocess.DEVNULL, env=scratch_in(folder)
        )
    try:
        for _ in range(400):
            set_aside = server.stage == "aside" and ASIDE in (folder / "screen").read_text()
            if process.returncode is not None or set_aside:
                break
            await asyncio.sleep(0.1)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, (folder / "screen").read_text()


def scratch_in(folder: Path) -> dict[str, str]:
    """The environment of an agent that may be killed: what it had in its temporary folder goes with the test's."""
    return {**os.environ, "TMPDIR": str(folder)}


def sha256(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flip(path: str, offset: int) -> None:
    """Change one byte of a disk from outside, past the agent."""
    fd = os.open(path, os.O_RDWR | os.O_SYNC)
    try:
        byte = os.pread(fd, 1, offset)
        os.pwrite(fd, bytes([byte[0] ^ 1]), offset)
    finally:
        os.close(fd)
