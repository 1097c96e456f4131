"""A master's disk, read by the real agent and partclone, over HTTP into a store; its image is what the disk holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cloned.core.boot import BootRequest
from cloned.core.events import Command, SwitchChanged
from cloned.core.laptop import Laptop, State
from cloned.core.reasons import Reason
from cloned.disk.layout import Layout, Partition, Swap, swap_areas, table_writes
from cloned.disk.manifest import image_hash
from cloned.engine import Engine
from cloned.images import capture as channel
from cloned.images.capture import Captures, capture_routes
from cloned.images.store import ImageStore
from cloned.images.watch import ImageWatch
from cloned.journal import Journal
from cloned.live import agent_zipapp
from cloned.monitor import Monitor
from cloned.netboot.agents import AgentApi
from cloned.netboot.masters import Masters
from cloned.processes import run
from cloned.tasks import TaskOwner
from tests.images import MIB, read_back
from tests.interop.images.test_clonezilla import mbr_disk
from tests.waiting import until
from tests.wire.agent.bench import scratch_in

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]
FACTS = {
    "uuid": "11111111-2222-3333-4444-555555555555",
    "serial": "MASTER-1",
    "vendor": "Lab",
    "product": "Thin",
    "firmware": "uefi",
    "boot_mac": "52:54:00:00:00:01",
    "macs": ["52:54:00:00:00:01"],
    "disk_serial": "DISK-1",
    "want": "capture",
}
GUID = "ABCDEF00-1111-2222-3333-{:012X}"
ESP, LINUX, SWAP = (
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
)
STEP = MIB // 512


def master_disk(path: Path, random_mib: int = 6) -> Path:
    """GPT with an ESP, ext4 that holds random data, swap, and something nobody knows."""
    swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")
    size = 24 + random_mib
    layout = Layout(
        "gpt",
        GUID.format(0),
        512,
        (
            Partition(1, STEP, 8 * STEP, ESP, GUID.format(1), name="ESP"),
            Partition(2, 9 * STEP, size * STEP, LINUX, GUID.format(2), name="root"),
            Partition(3, (9 + size) * STEP, 4 * STEP, SWAP, GUID.format(3), swap=swap),
            Partition(4, (13 + size) * STEP, 2 * STEP, LINUX, GUID.format(4)),
        ),
    )
    vfat, ext4, tree = (path.with_name(name) for name in ("vfat", "ext4", "tree"))
    tree.mkdir()
    (tree / "random").write_bytes(random.Random(5).randbytes(random_mib * MIB))
    vfat.write_bytes(bytes(8 * MIB))
    ext4.write_bytes(bytes(size * MIB))
    run(["mkfs.vfat", "-n", "ESP", vfat])
    run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", tree, ext4])
    whole = (16 + size) * MIB
    writes = [*table_writes(layout, whole), *swap_areas(layout), (0, random.Random(1).randbytes(440))]
    writes += [(MIB, vfat.read_bytes()), (9 * MIB, ext4.read_bytes())]
    writes += [((13 + size) * MIB, random.Random(3).randbytes(2 * MIB))]
    with path.open("wb") as disk:
        disk.truncate(whole)
        for offset, data in writes:
            disk.seek(offset)
            disk.write(data)
    return path


@contextmanager
def loop(file: Path) -> Iterator[str]:
    """A loop device with its partitions."""
    device = run(["losetup", "--find", "--show", file]).stdout.decode().strip()
    try:
        run(["partx", "--add", device])
        yield device
    finally:
        run(["partx", "--delete", device], check=False)
        run(["losetup", "--detach", device])


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class House:
    """Streams and ledger, which a capture does not need."""

    async def open(self, opened: Any) -> None:
        """Nothing is streamed."""

    async def record(self, row: Any) -> None:
        """Nothing is recorded."""


class Site:
    """A daemon's part that captures, on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tasks = folder, TaskOwner("test")
        self.store = ImageStore(folder / "images")
        self.captures = Captures(self.store, changed=lambda: self.masters.wake())
        house: Any = House()
        self.engine = Engine(Journal(folder / "journal"), house, house)
        self.engine.replay()
        self.monitor = Monitor(self.engine, 60)
        self.masters = Masters(self.engine, self.captures, ImageWatch(self.engine, self.store).look)
        self.api = AgentApi(self.engine, self.monitor, self.store, house, lambda _: [])
        self.port = 0

    async def start(self) -> web.AppRunner:
        for work, name in ((self.engine.run(), "engine"), (self.engine.run_effects(), "effects")):
            self.tasks.start(work, name, service=True)
        await self.engine.submit(SwitchChanged(8, "test", 1000))
        await self.masters.recover()
        self.tasks.start(self.masters.run(), "masters", service=True)
        app = web.Application()
        routes = [*self.api.routes(), *self.masters.routes(), *capture_routes(self.captures, self.tasks.start)]
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        return runner

    @property
    def laptop(self) -> Laptop:
        [laptop] = self.engine.workshop.laptops.values()
        return laptop

    async def until(self, *reasons: Reason) -> Laptop:
        await until(lambda: self.engine.workshop.laptops and self.laptop.reason in reasons, 40)
        return self.laptop

    @asynccontextmanager
    async def agent(self, device: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The real agent, started as from a boot menu where "capture" was chosen."""
        request = BootRequest("52:54:00:00:00:01", "127.0.0.1", serial="MASTER-1")
        token = (await self.engine.boot(request)).token
        (self.folder / "facts.json").write_text(json.dumps(FACTS))
        (self.folder / "agent.pyz").write_bytes(agent_zipapp())
        with (self.folder / "screen").open("wb") as screen:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(self.folder / "agent.pyz"),
                "--only-disk",
                device,
                "--facts",
                str(self.folder / "facts.json"),
                "--boot",
                f"http://127.0.0.1:{self.port}/{token}",
                stdout=screen,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=scratch_in(self.folder),
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def capture(self, name: str = "master") -> None:
        await self.engine.command(Command("capture", "test", self.laptop.id, name))


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(channel, "RESERVE_BYTES", 0)
    one = Site(tmp_path / "site")
    runner = await one.start()
    yield one
    await runner.cleanup()
    await one.tasks.close()


async def test_a_master_becomes_an_image(site: Site, tmp_path: Path) -> None:
    file = master_disk(tmp_path / "disk")
    before = sha256(file)
    with loop(file) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture()
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
            said = (site.folder / "screen").read_text()
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.CAPTURED), (laptop.detail, said)
    assert sha256(file) == before
    manifest = site.store.manifest("master")
    assert [(layer.number, layer.fs) for layer in manifest.plan.layers] == [(1, "vfat"), (2, "ext4"), (4, "dd")]
    assert Layout.parse(manifest.plan.layout).swaps == {3}
    assert image_hash(manifest.plan, read_back(manifest.plan, file)) == manifest.image_hash
    assert site.engine.workshop.images["master"].image_hash == manifest.image_hash
    assert not any((site.store.root / ".captures").iterdir())
    saved = site.store.root / "master" / "saved"
    assert {"disk", "parts", "dev-fs.list", "blkid.list", "MD5SUMS"} <= {path.name for path in saved.iterdir()}
    journal = b"".join(path.read_bytes() for path in site.folder.glob("journal*"))
    assert site.captures.unsettled() == []
    assert all(each.token.encode() not in journal for each in site.captures._all.values())


async def test_an_mbr_master_with_ntfs_and_logical_partitions(site: Site, tmp_path: Path) -> None:
    file = mbr_disk(tmp_path / "disk")
    with loop(file) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture()
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
    assert laptop.reason is Reason.CAPTURED, laptop.detail
    manifest = site.store.manifest("master")
    found = [(layer.number, layer.fs) for layer in manifest.plan.layers]
    assert found == [(1, "ext4"), (2, "ntfs"), (5, "vfat"), (7, "dd")]
    assert manifest.plan.gap
    assert image_hash(manifest.plan, read_back(manifest.plan, file)) == manifest.image_hash
    disk = device.removeprefix("/dev/")
    names = {path.name.replace(disk, "DISK") for path in (site.store.root / "master" / "saved").iterdir()}
    assert {"DISK-mbr", "DISK-hidden-data-after-mbr", "DISKp3-ebr", "swappt-DISKp6.info", "DISK-pt.parted"} <= names


async def test_a_capture_cut_short_leaves_nothing_and_can_be_tried_again(site: Site, tmp_path: Path) -> None:
    with loop(master_disk(tmp_path / "disk", 60)) as device:
        async with site.agent(device) as process:
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture()
            await until(lambda: any(each.received > 4 * MIB for each in site.captures.unsettled()))
            process.kill()
        async with site.agent(device):
            laptop = await site.until(Reason.WANTS_CAPTURE)
            assert any("failed: it started again" in entry.why for entry in laptop.history)
            await until(lambda: not site.captures.unsettled())
            assert not any((site.store.root / ".captures").iterdir())
            assert site.store.names() == []
            await site.capture()
            assert (await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)).reason is Reason.CAPTURED


async def test_no_room_is_said_before_anything_is_sent(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "RESERVE_BYTES", 1 << 60)
    with loop(master_disk(tmp_path / "disk")) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture()
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
    assert (laptop.state, laptop.reason) == (State.ASKING, Reason.CAPTURE_FAILED)
    assert "GB free" in laptop.detail


async def test_an_lvm_master_is_refused_in_words(site: Site, tmp_path: Path) -> None:
    file = master_disk(tmp_path / "disk")
    with file.open("r+b") as disk:  # the label of a physical volume, in the second sector of the unknown partition
        disk.seek(43 * MIB)
        disk.write(bytes(2 * MIB))
    with loop(file) as device:
        run(["pvcreate", "-qq", "--devices", f"{device}p4", f"{device}p4"])
    with loop(file) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture()
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
    assert "LVM" in laptop.detail
    assert site.store.names() == []


async def test_a_daemon_that_starts_again_says_so(site: Site, tmp_path: Path) -> None:
    with loop(master_disk(tmp_path / "disk")) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
    await site.capture()
    site.store.root.joinpath(".captures", "left-over").mkdir(parents=True)
    await site.tasks.close()
    again = Site(site.folder)
    runner = await again.start()
    try:
        assert (again.laptop.reason, again.laptop.capture.image) == (Reason.CAPTURE_FAILED, "")
        assert "started again" in again.laptop.detail
        assert not any((again.store.root / ".captures").iterdir())
    finally:
        await runner.cleanup()
        await again.tasks.close()
