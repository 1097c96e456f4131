"""One disk, saved by Clonezilla's own ocs-sr and captured by our agent: the same image, to the hash."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.core.reasons import Reason
from cloned.disk.manifest import image_hash
from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from cloned.processes import run
from tests.images import read_back
from tests.interop.images.disks import MAKE, clonezilla_on, disk_of, loop
from tests.interop.images.test_clonezilla import mbr_disk
from tests.wire.agent.test_capture import Site, master_disk, site

__all__ = ["site"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]


KINDS = [kind for kind in MAKE if kind != "crypto_LUKS"]  # which a capture refuses
DISKS: dict[str, tuple[Callable[[Path], Path], int]] = {
    "mbr": (mbr_disk, 512),
    "gpt": (master_disk, 512),
    "every file system": (lambda path: disk_of(path, KINDS), 512),
    "sectors of 4096 bytes": (lambda path: disk_of(path, ["ext4", "vfat", "swap", "btrfs", ""], 4096), 4096),
}


def saved(file: Path, repository: Path, sector: int) -> str:
    """Have ocs-sr save a disk as `theirs`; its last words."""
    options = ("-z9p", "-i", "4096", "-gm", "-sfsck", "-senc", "-scs", "savedisk", "theirs")
    if sector == 512:
        return clonezilla(file, repository, *options)
    script = clonezilla_on(sector, repository.parent)
    command = ["unshare", "--mount", "--propagation", "private", "sh", script, file, repository]
    done = run([*command, "-nogui", "-batch", "-q2", "-j2", "-p", "true", *options], check=False, timeout=900)
    return done.stdout.decode("utf-8", "replace")[-2000:]


@pytest.mark.parametrize("kind", DISKS)
async def test_saved_by_ocs_and_captured_by_us(kind: str, site: Site, tmp_path: Path) -> None:
    make, sector = DISKS[kind]
    file, repository = make(tmp_path / "disk"), tmp_path / "saved"
    repository.mkdir()
    said = saved(file, repository, sector)
    theirs = ImageStore(tmp_path / "store").import_image(repository / "theirs")
    with loop(file, sector) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture("ours")
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
    assert laptop.reason is Reason.CAPTURED, laptop.detail
    ours = site.store.manifest("ours")
    assert ours.plan.layout == theirs.plan.layout, said
    for our, their in zip(ours.plan.layers, theirs.plan.layers, strict=True):
        assert (our.number, our.size, our.extents) == (their.number, their.size, their.extents)
    assert ours.image_hash == theirs.image_hash
    assert (ours.disk_size, ours.firmware, ours.plan.min_size) == (
        theirs.disk_size, theirs.firmware, theirs.plan.min_size,
    )  # fmt: skip
    assert image_hash(ours.plan, read_back(ours.plan, file)) == ours.image_hash
