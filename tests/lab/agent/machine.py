"""A laptop in QEMU that boots the live system directly, against the bench server of tests/wire/agent."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from cloned import processes
from cloned.disk.layout import Layout, Partition, min_disk_size
from cloned.disk.manifest import PIECE, Layer, Manifest, Plan
from cloned.live import LiveInfo, agent_zipapp
from tests.wire.agent.bench import MIB, TOKEN, Image, Server

SERIAL = "DISK-1"


def dd_image(layout: Layout, files: dict[int, Path], boot_code: bytes = bytes(440)) -> Image:
    """An image whose partitions are the contents of files, every byte of them."""
    sector = layout.sector_size
    layers = tuple(
        Layer(
            part.number, f"sda{part.number}", "dd", part.start * sector, part.size * sector, ((0, part.size * sector),)
        )
        for part in layout.partitions
        if part.number in files
    )
    pieces = [chunk for layer in layers for chunk in _chunks(files[layer.number])]
    hashes = tuple(hashlib.sha256(piece).digest() for piece in pieces)
    plan = Plan(layout.text(), sector, min_disk_size(layout), boot_code, None, layers)
    return Image(Manifest("real", plan, hashes, plan.min_size), pieces)


def _chunks(file: Path) -> list[bytes]:
    data = file.read_bytes()
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


@dataclass
class Machine:
    """One laptop; its disk is a sparse file."""

    live: LiveInfo
    folder: Path
    size: int
    disk: str = "virtio-blk-pci"
    uefi: bool = False
    append: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "disk.img"

    def order_disk(self) -> dict[str, Any]:
        return {"serial": SERIAL, "wwn": "", "path": "", "size": self.size}

    async def run(self, server: Server, *more: web.RouteDef, seconds: float = 240) -> str:
        """Power on; until it switches itself off, for at most so long. What its serial line said."""
        if not self.file.exists():
            with self.file.open("wb") as out:
                out.truncate(self.size)
        runner = await self._serve(server, *more)
        process = processes.spawn(self._command(server.port))
        try:
            await asyncio.wait_for(asyncio.to_thread(process.wait), seconds)
        finally:
            process.kill()
            process.wait()
            await runner.cleanup()
        return self.serial()

    def serial(self) -> str:
        """What its serial line said so far."""
        file = self.folder / "serial"
        return file.read_text(errors="replace") if file.exists() else ""

    async def _serve(self, server: Server, *more: web.RouteDef) -> web.AppRunner:
        async def agent(request: web.Request) -> web.Response:
            return web.Response(body=agent_zipapp())

        return await server.start(web.get("/agent.pyz", agent), *more)

    def _command(self, port: int) -> list[str | Path]:
        boot = f"cloned.boot=http://10.0.2.2:{port}/{TOKEN} console=tty0 console=ttyS0 quiet mitigations=off"
        return [
            "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "Nehalem", "-m", "512", "-no-reboot",
            "-display", "none", "-serial", f"file:{self.folder}/serial", "-append", f"{boot} {self.append}",
            "-kernel", self.live.vmlinuz, "-initrd", self.live.initrd,
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-drive", f"file={self.file},format=raw,if=none,id=disk",
            "-device", f"{self.disk},drive=disk,serial={SERIAL}", *self._firmware(),
            "-monitor", f"unix:{self.folder}/monitor,server,nowait",
        ]  # fmt: skip

    async def monitor(self, command: str) -> None:
        """Do something to it from outside, e.g. press a key: `sendkey c`."""
        reader, writer = await asyncio.open_unix_connection(self.folder / "monitor")
        await reader.readuntil(b"(qemu) ")
        writer.write(f"{command}\n".encode())
        await reader.readuntil(b"(qemu) ")
        writer.close()

    def _firmware(self) -> list[str | Path]:
        if not self.uefi:
            return []
        variables = self.folder / "vars.fd"
        if not variables.exists():
            variables.write_bytes(Path("/usr/share/OVMF/OVMF_VARS_4M.fd").read_bytes())
        code = "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"
        return ["-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]


def cut(machine: Machine, part: Partition, target: Path) -> Path:
    """A partition of the machine's disk as a file."""
    with machine.file.open("rb") as disk, target.open("wb") as out:
        disk.seek(part.start * 512)
        for _ in range(part.size * 512 // MIB):
            out.write(disk.read(MIB))
    return target


def debugfs(file: Path, path: str) -> str:
    """A text file inside an ext4 image."""
    return subprocess.run(["debugfs", "-R", f"cat {path}", file], capture_output=True, check=True).stdout.decode()


def blocks(file: Path) -> int:
    """Bytes that an ext4 says it has."""
    said = subprocess.run(["dumpe2fs", "-h", file], capture_output=True, check=True).stdout.decode()
    found = {key: int(value) for key, value in re.findall(r"^(Block count|Block size):\s+(\d+)", said, re.MULTILINE)}
    return found["Block count"] * found["Block size"]
