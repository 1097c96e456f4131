"""images/FORMAT.md: its examples hold in a shell, and our code agrees with them."""

import hashlib
import re
import subprocess

import pytest

from cloned.assets import root
from cloned.disk.layout import Layout, MbrEntry, Partition, Swap
from cloned.disk.manifest import Layer, Manifest, Plan

TEXT = (root("images") / "FORMAT.md").read_text()
EXAMPLES = re.findall(r"^\$ (.+)\n(.+)$", TEXT, re.MULTILINE)


@pytest.mark.wire
@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command[:40] for command, _ in EXAMPLES])
def test_in_a_shell(command: str, output: str) -> None:
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == output


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_example_in_our_code() -> None:
    swap = Swap("806b6356-742b-4168-9791-ce1c1eecefe8", "my swap")
    layout = Layout(
        "dos",
        "0xc10edc10",
        512,
        (
            Partition(1, 2048, 16384, "83", attrs="active"),
            Partition(2, 18432, 2048, "82", swap=swap),
        ),
    )
    layer = Layer(1, "sda1", "ext4", 2048 * 512, 16384 * 512, ((0, 4198400), (8387584, 1024)))
    plan = Plan(layout.text(), 512, 20480 * 512, bytes(440), None, (layer,))
    pieces = (sha(b"A" * 4194304), sha(b"A" * 4096 + b"B" * 1024))
    manifest = Manifest("example", plan, pieces, 10 * 1024 * 1024)
    assert f"{manifest.image_hash}  -" == EXAMPLES[6][1]
    assert plan.map.place(1).ranges() == [(2048 * 512 + 4194304, 4096), (2048 * 512 + 8387584, 1024)]


def test_empty_example_in_our_code() -> None:
    layout = Layout("gpt", "2077A0EF-FDAF-4799-9C9F-3D760BE2651B", 4096, ())
    manifest = Manifest("empty", Plan(layout.text(), 4096, 0, None, None, ()), (), 0)
    assert f"{manifest.image_hash}  -" == EXAMPLES[8][1]


def test_mbr_lines_in_our_code() -> None:
    """Format 2: the last examples but the empty image's stand before it."""
    disk = "2077A0EF-FDAF-4799-9C9F-3D760BE2651B"
    active = Layout("gpt", disk, 512, (), mbr=(MbrEntry(1, 1, 0, "ee", "active"),), mbr_id="0x00000000")
    part = Partition(1, 2048, 16384, "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "5CDD1561-6279-48C7-8390-76E30AA03611")
    entries = (MbrEntry(1, 1, 2047, "ee"), MbrEntry(2, 2048, 16384, "83", "active"))
    hybrid = Layout("gpt", disk, 512, (part,), mbr=entries, mbr_id="0x00001234")
    hashes = [output.split()[0] for command, output in EXAMPLES if "mbr-id" in command]
    assert [sha(layout.text().encode()).hex() for layout in (active, hybrid)] == hashes
    assert all(Layout.parse(layout.text()) == layout for layout in (active, hybrid))
