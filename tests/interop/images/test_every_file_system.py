"""Every file system that the README names, saved by ocs-sr and restored: by our agent, and by ocs-sr again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloned.disk.layout import Layout, table_writes
from cloned.disk.manifest import Manifest, image_hash
from cloned.images.export import export
from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from cloned.processes import run
from tests.images import MIB, read_back
from tests.interop.images.disks import MAKE, check, clonezilla_on, disk_of
from tests.wire.agent.bench import FACTS, Server, loop_device, run_agent

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]
SAVE = ("-z9p", "-i", "4096", "-gm", "-sfsck", "-senc", "-scs", "-luks", "no")
RESTORE = ("-irhr", "-ius", "-iui", "-irvd", "-iefi", "-scr")
"""Without `-g auto`, which mounts what could be a root file system: XFS is written to by that (seen)."""
OLD = os.urandom(MIB) * 40
"""What the target held before: nothing may take it for its own."""


class Stored:
    """An image of a store, as tests/wire/agent/bench.py's server serves one."""

    def __init__(self, store: ImageStore, name: str) -> None:
        self.manifest: Manifest = store.manifest(name)
        self._store = store

    def frame(self, number: int) -> bytes:
        return self._store.pieces.frame(self.manifest.pieces[number])


async def restored(store: ImageStore, name: str, target: Path, size: int, sector: int = 512) -> Server:
    """Have the real agent put an image on a loop device of `size` bytes; the server that it spoke to."""
    with loop_device(target, size, content=OLD, sector=sector) as device:
        wanted = {"serial": FACTS["disk_serial"], "wwn": "", "path": device, "size": size}
        server = Server(Stored(store, name), wanted)  # type: ignore[arg-type]
        runner = await server.start()
        try:
            status, said = await run_agent(server, device, target.parent)
        finally:
            await runner.cleanup()
    assert status == 0 or server.stage == "aside", said
    return server


async def test_every_file_system(store: ImageStore, tmp_path: Path) -> None:
    kinds, repository = list(MAKE), tmp_path / "saved"
    disk = disk_of(tmp_path / "disk", kinds)
    repository.mkdir()
    said = clonezilla(disk, repository, *SAVE, "savedisk", "all")
    manifest = store.import_image(repository / "all")
    found = {layer.number: layer.fs for layer in manifest.plan.layers}
    by_dd = {kinds.index(kind) + 1 for kind in ("crypto_LUKS", "")}
    names = {number: "dd" if number in by_dd else kind for number, kind in enumerate(kinds, 1) if kind != "swap"}
    assert found == names, said
    assert {layer.number for layer in manifest.plan.layers if layer.used == layer.size} == by_dd
    assert image_hash(manifest.plan, read_back(manifest.plan, disk)) == manifest.image_hash

    ours, larger = tmp_path / "ours" / "disk", disk.stat().st_size + 64 * MIB
    ours.parent.mkdir()
    server = await restored(store, "all", ours, larger)
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], server.verdicts
    assert server.verdicts[0]["image_hash"] == manifest.image_hash
    assert read_back(manifest.plan, ours) == manifest.expected
    check(ours, kinds)

    export(store, "all", repository / "again")
    theirs = tmp_path / "theirs"
    with theirs.open("wb") as file:
        file.write(OLD)
        file.truncate(larger)
        for offset, data in table_writes(Layout.parse(manifest.plan.layout), larger):  # see test_clonezilla.py
            file.seek(offset)
            file.write(data)
    said = clonezilla(theirs, repository, *RESTORE, "restoredisk", "again")
    assert read_back(manifest.plan, theirs) == manifest.expected, said
    check(theirs, kinds)


async def test_a_smaller_disk_is_refused_untouched(store: ImageStore, tmp_path: Path) -> None:
    disk, repository = disk_of(tmp_path / "disk", ["ext4", "vfat"]), tmp_path / "saved"
    repository.mkdir()
    clonezilla(disk, repository, *SAVE, "savedisk", "small")
    manifest = store.import_image(repository / "small")
    target = tmp_path / "target"
    server = await restored(store, "small", target, manifest.plan.min_size // MIB * MIB)
    assert [failed["code"] for failed in server.told("failed")] == ["disk-too-small"]
    assert str(manifest.plan.min_size) in server.told("failed")[0]["detail"]
    assert server.told("ready") == []
    held = target.read_bytes()
    assert held == OLD + bytes(len(held) - len(OLD))


async def test_the_smallest_disk_is_enough(store: ImageStore, tmp_path: Path) -> None:
    """The image fits by its own numbers, on a disk smaller than the one it was saved from."""
    disk, repository = disk_of(tmp_path / "disk", ["ext4", "vfat"]), tmp_path / "saved"
    with disk.open("r+b") as file:
        file.truncate(200 * MIB)
    run(["sgdisk", "-e", disk])
    repository.mkdir()
    clonezilla(disk, repository, *SAVE, "savedisk", "small")
    manifest = store.import_image(repository / "small")
    assert manifest.disk_size == 200 * MIB
    target = tmp_path / "target"
    server = await restored(store, "small", target, -(-manifest.plan.min_size // 4096) * 4096)
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], server.told("failed")
    check(target, ["ext4", "vfat"])


async def test_sectors_of_4096_bytes(store: ImageStore, tmp_path: Path) -> None:
    kinds, repository = ["ext4", "ntfs", "vfat", "btrfs", "xfs", "swap", ""], tmp_path / "saved"
    disk = disk_of(tmp_path / "disk", kinds, 4096)
    repository.mkdir()
    script = clonezilla_on(4096, tmp_path)
    command = ["unshare", "--mount", "--propagation", "private", "sh", script, disk, repository]
    quiet = ["-nogui", "-batch", "-q2", "-j2", "-p", "true"]
    said = run([*command, *quiet, *SAVE, "savedisk", "large"], check=False, timeout=900).stdout.decode(
        "utf-8", "replace"
    )
    manifest = store.import_image(repository / "large")
    assert manifest.plan.sector_size == 4096, said[-2000:]
    assert [layer.fs for layer in manifest.plan.layers] == ["ext4", "ntfs", "vfat", "btrfs", "xfs", "dd"]
    assert image_hash(manifest.plan, read_back(manifest.plan, disk)) == manifest.image_hash
    target, size = tmp_path / "target", disk.stat().st_size + 32 * MIB
    server = await restored(store, "large", target, size, 4096)
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], server.told("failed")
    check(target, kinds, 4096)
    server = await restored(store, "large", tmp_path / "small-sectors", size)
    assert [failed["code"] for failed in server.told("failed")] == ["sector-size"]
    assert server.told("ready") == []
