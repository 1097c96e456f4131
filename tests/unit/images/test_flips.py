"""A bit flipped in anything that FORMAT.md covers changes the image hash; one flipped elsewhere does not."""

import random
from pathlib import Path

import pytest

from cloned.disk.layout import Layout, LayoutError, min_disk_size
from cloned.disk.manifest import Manifest, image_hash
from cloned.images.store import ImageStore
from tests.images import MIB, Disk, Part, put, read_back

pytestmark = pytest.mark.wire  # real programs

SMALL = [Part(1, blocks=256, used=((0, 9), (30, 20), (250, 6))), Part(2, blocks=40, kind="dd", fs="dd", seed=2)]


def covered(manifest: Manifest, size: int) -> list[range]:
    """Every stretch of the disk that the image hash covers."""
    plan = manifest.plan
    layout = Layout.parse(plan.layout)
    found = [
        range(offset, offset + length)
        for piece in range(plan.map.count)
        for offset, length in plan.map.place(piece).ranges()
    ]
    found += [range(440), range(510, 512)]
    found += [range(512, 512 + len(plan.gap))] if plan.gap else []
    swap = layout.partition(4).start * 512
    found += [range(swap + 1024, swap + 1028), range(swap + 1036, swap + 1056), range(swap + 4086, swap + 4096)]
    if layout.label == "gpt":
        found += [range(450, 451), range(512, 604), range(1024, 1024 + 16384)]
        return [*found, range(size - 33 * 512, size - 512), range(size - 512, size - 420)]
    entries = [446 + 16 * (part.number - 1) for part in layout.partitions]
    found += [range(440, 444), *(range(at + 4, at + 5) for at in entries), *(range(at + 8, at + 16) for at in entries)]
    return found


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_flips(label: str, store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(Disk(SMALL, label=label).write(memory / "image"))
    plan, disk = manifest.plan, memory / "disk"
    size = min_disk_size(Layout.parse(plan.layout)) + MIB
    put(store, "image", disk, size)

    def found() -> str:
        try:
            return image_hash(plan, read_back(plan, disk))
        except LayoutError:
            return "no layout"

    def flipped(at: int, bit: int) -> str:
        with disk.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))
            file.flush()
            changed = found()
            file.seek(at)
            file.write(bytes([byte]))
        return changed

    assert found() == manifest.image_hash
    rand, ranges = random.Random(3), covered(manifest, size)
    for number in range(150):
        stretch = ranges[number % len(ranges)]
        at = rand.choice(stretch)
        assert flipped(at, rand.randrange(8)) != manifest.image_hash, at
    elsewhere = 0
    while elsewhere < 100:
        at = rand.randrange(604, size - 33 * 512)
        if not any(at in stretch for stretch in ranges):
            assert flipped(at, rand.randrange(8)) == manifest.image_hash, at
            elsewhere += 1
    assert found() == manifest.image_hash
