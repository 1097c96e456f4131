"""A whole disk saved by Clonezilla's own ocs-sr, through our store, and restored by ocs-sr again."""

import random
from pathlib import Path

import pytest

from cloned.disk.layout import Layout, Partition, Swap, swap_areas, table_writes
from cloned.disk.manifest import image_hash
from cloned.images.export import export
from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from cloned.processes import run
from tests.images import MIB, put, read_back

pytestmark = [pytest.mark.interop, pytest.mark.slow]

RESTORE = ("-g", "auto", "-irhr", "-ius", "-iui", "-irvd", "-iefi", "-scr")
"""With the flags that mount and rewrite nothing."""
MAKE = {"83": ["mke2fs", "-q", "-t", "ext4"], "7": ["mkfs.ntfs", "-q", "-F", "-f"], "c": ["mkfs.vfat"]}


def mbr_disk(path: Path) -> Path:
    """ext4, NTFS and an extended partition with vfat, swap and something unknown in it; a boot loader in the gap."""
    mib = MIB // 512
    layout = Layout(
        "dos",
        "0xc10edc10",
        512,
        (
            Partition(1, 2048, 24 * mib, "83", attrs="active"),
            Partition(2, 26 * mib, 16 * mib, "7"),
            Partition(3, 43 * mib, 60 * mib, "f"),
            Partition(5, 44 * mib, 20 * mib, "c"),
            Partition(6, 65 * mib, 8 * mib, "82", swap=Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "swp")),
            Partition(7, 74 * mib, 3 * mib, "da"),
        ),
    )
    writes = [(0, random.Random(1).randbytes(440)), (512, random.Random(2).randbytes(2047 * 512))]
    writes += [*table_writes(layout, 110 * MIB), *swap_areas(layout)]
    for part in layout.partitions:
        if part.type in MAKE:
            file = path.with_name(f"part{part.number}")
            file.write_bytes(bytes(part.size * 512))
            run([*MAKE[part.type], file])
            writes.append((part.start * 512, file.read_bytes()))
    writes.append((74 * MIB, random.Random(3).randbytes(3 * MIB)))
    with path.open("wb") as disk:
        disk.truncate(110 * MIB)
        for offset, data in writes:
            disk.seek(offset)
            disk.write(data)
    return path


def test_saved_by_ocs_and_restored_by_ocs(store: ImageStore, tmp_path: Path) -> None:
    disk = mbr_disk(tmp_path / "disk")
    repository = tmp_path / "saved"
    repository.mkdir()
    options = ("-z1p", "-i", "1", "-gm", "-gb", "-sfsck", "-senc", "-scs")
    said = clonezilla(disk, repository, *options, "savedisk", "master")
    assert (repository / "master" / "parts").is_file(), said

    manifest = store.import_image(repository / "master")
    found = [(layer.number, layer.fs) for layer in manifest.plan.layers]
    assert found == [(1, "ext4"), (2, "ntfs"), (5, "vfat"), (7, "dd")]
    assert Layout.parse(manifest.plan.layout).swaps == {6}
    assert manifest.plan.gap == random.Random(2).randbytes(2047 * 512)
    assert image_hash(manifest.plan, read_back(manifest.plan, disk)) == manifest.image_hash

    put(store, "master", tmp_path / "ours", 128 * MIB)
    assert read_back(manifest.plan, tmp_path / "ours") == manifest.expected
    for wrong in (manifest.plan.layers[1].start, 100, 600, 43 * MIB + 446 + 4):
        assert wrong is not None
        data = bytearray((tmp_path / "ours").read_bytes())
        data[wrong] ^= 1
        (tmp_path / "flipped").write_bytes(data)
        assert image_hash(manifest.plan, read_back(manifest.plan, tmp_path / "flipped")) != manifest.image_hash

    export(store, "master", repository / "again")
    target = tmp_path / "target"
    with target.open("wb") as file:
        file.truncate(112 * MIB)
        # A kernel may not scan a loop device for partitions: the nodes have to be there before ocs-sr starts.
        for offset, data in table_writes(Layout.parse(manifest.plan.layout), 112 * MIB):
            file.seek(offset)
            file.write(data)
    said = clonezilla(target, repository, *RESTORE, "restoredisk", "again")
    assert read_back(manifest.plan, target) == manifest.expected, said
