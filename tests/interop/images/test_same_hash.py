"""One disk, saved by Clonezilla's own ocs-sr and captured by our agent: the same image, to the hash."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.core.manifest import image_hash
from cloned.core.reasons import Reason
from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from tests.images import read_back
from tests.interop.images.test_clonezilla import mbr_disk
from tests.wire.agent.test_capture import Site, loop, master_disk, site

__all__ = ["site"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]


@pytest.mark.parametrize("make", [mbr_disk, master_disk], ids=["mbr", "gpt"])
async def test_saved_by_ocs_and_captured_by_us(make: Callable[[Path], Path], site: Site, tmp_path: Path) -> None:
    file, repository = make(tmp_path / "disk"), tmp_path / "saved"
    repository.mkdir()
    options = ("-z9p", "-i", "4096", "-gm", "-sfsck", "-senc", "-scs")
    said = clonezilla(file, repository, *options, "savedisk", "theirs")
    theirs = ImageStore(tmp_path / "store").import_image(repository / "theirs")
    with loop(file) as device:
        async with site.agent(device):
            await site.until(Reason.WANTS_CAPTURE)
            await site.capture("ours")
            laptop = await site.until(Reason.CAPTURED, Reason.CAPTURE_FAILED)
    assert laptop.reason is Reason.CAPTURED, laptop.detail
    ours = site.store.manifest("ours")
    assert ours.plan.layout == theirs.plan.layout, said
    assert [layer.extents for layer in ours.plan.layers] == [layer.extents for layer in theirs.plan.layers]
    assert ours.image_hash == theirs.image_hash
    assert (ours.disk_size, ours.firmware, ours.plan.min_size) == (
        theirs.disk_size, theirs.firmware, theirs.plan.min_size,
    )  # fmt: skip
    assert image_hash(ours.plan, read_back(ours.plan, file)) == ours.image_hash
