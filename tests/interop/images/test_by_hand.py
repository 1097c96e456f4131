"""images/FORMAT.md suffices: a hash worked out from a disk with stock tools alone is the one the store works out.

Nothing between the two lines of equal signs is ours but `loop`: sfdisk and blkid say what the layout is, partclone's own domain
files which bytes are used, hashlib does the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from tests.interop.images.disks import disk_of, loop
from tests.interop.images.test_clonezilla import mbr_disk

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]

# ======================================================================================================


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def told(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def field(text: str) -> str:
    if text in ("", "-"):
        return "%2D" if text else "-"
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in text.encode())


def layout(device: str, sector: int) -> str:
    table = json.loads(told("sfdisk", "--json", device))["partitiontable"]
    gpt = table["label"] == "gpt"
    lines = [f"label {table['label']}", f"id {table['id'].upper() if gpt else table['id']}", f"sector-size {sector}"]
    swaps = []
    for part in table["partitions"]:
        number = part["node"].removeprefix(f"{device}p")
        kind = part["type"].upper() if gpt else part["type"].lower()
        attrs = "active" if part.get("bootable") else ""
        fields = " ".join(map(field, (kind, part.get("uuid", "").upper(), attrs, part.get("name", ""))))
        lines.append(f"partition {number} {part['start']} {part['size']} {fields}")
        known = dict(line.split("=", 1) for line in blkid(part["node"]).splitlines())
        if known.get("TYPE") == "swap":
            label = field(known.get("LABEL", ""))
            swaps.append(f"swap {number} {known['VERSION']} {field(known.get('UUID', ''))} {label}")
    return "".join(f"{line}\n" for line in [*lines, *swaps])


def blkid(node: str) -> str:
    done = subprocess.run(["blkid", "-p", "-o", "export", node], check=False, capture_output=True, text=True)
    return done.stdout.replace("\\", "")


def used(node: str, size: int, scratch: Path) -> list[tuple[int, int]]:
    """Offset and length of the used byte ranges, from partclone's ddrescue domain file; all of it where dd saved."""
    kind = dict(line.split("=", 1) for line in blkid(node).splitlines()).get("TYPE", "")
    tool = {"ext4": "extfs", "ext2": "extfs", "ext3": "extfs", "ntfs": "ntfs", "vfat": "fat", "btrfs": "btrfs"}.get(
        kind
    )
    if tool is None:
        return [(0, size)]
    domain = scratch / "domain"
    domain.unlink(missing_ok=True)  # partclone leaves one that is there as it is
    told(f"partclone.{tool}", "-q", "-D", "-s", node, "-o", str(domain), "-L", str(scratch / "log"), "-F")
    ranges: list[tuple[int, int]] = []
    for line in domain.read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "+":
            start, length = int(words[0], 16), int(words[1], 16)
            if ranges and sum(ranges[-1]) == start:
                ranges[-1] = ranges[-1][0], ranges[-1][1] + length
            else:
                ranges.append((start, length))
    return ranges


def stream(number: str, disk: Path, start: int, size: int, ranges: list[tuple[int, int]]) -> str:
    extents = "".join(f"{offset} {length}\n" for offset, length in ranges)
    with disk.open("rb") as file:
        data = b"".join(os.pread(file.fileno(), length, start + offset) for offset, length in ranges)
    pieces = "".join(sha(data[at : at + 4194304]) + "\n" for at in range(0, len(data), 4194304))
    return f"stream {number} {size} {sha(extents.encode())} {sha(pieces.encode())}"


def by_hand(disk: Path, sector: int, scratch: Path) -> str:
    """The image hash of a disk of the kind that Clonezilla saves, without LVM."""
    head = disk.read_bytes()[: 64 << 20]
    with loop(disk, sector) as device:
        text = layout(device, sector)
        rows = [line.split(" ") for line in text.splitlines()]
        parts = {row[1]: (int(row[2]) * sector, int(row[3]) * sector, row[4]) for row in rows if row[0] == "partition"}
        empty = {row[1] for row in rows if row[0] == "swap"} | {key for key, row in parts.items() if row[2] in "5f"}
        streams = [
            stream(number, disk, start, size, used(f"{device}p{number}", size, scratch))
            for number, (start, size, _) in sorted(parts.items(), key=lambda item: int(item[0]))
            if number not in empty
        ]
    first = min(start for start, _, _ in parts.values())
    gap = sha(head[512:first]) if text.startswith("label dos") else "-"
    lines = ["cloned image 1", f"layout {sha(text.encode())}", f"boot-code {sha(head[:440])}", f"gap {gap}", *streams]
    return sha("".join(f"{line}\n" for line in lines).encode())


# ======================================================================================================


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_a_hash_by_hand(label: str, store: ImageStore, tmp_path: Path) -> None:
    kinds = ["ext4", "vfat", "swap", "ntfs", "btrfs", ""]
    disk = mbr_disk(tmp_path / "disk") if label == "dos" else disk_of(tmp_path / "disk", kinds)
    repository = tmp_path / "saved"
    repository.mkdir()
    said = clonezilla(disk, repository, "-z9p", "-i", "4096", "-gm", "-sfsck", "-senc", "-scs", "savedisk", "image")
    manifest = store.import_image(repository / "image")
    assert by_hand(disk, 512, tmp_path) == manifest.image_hash, said
