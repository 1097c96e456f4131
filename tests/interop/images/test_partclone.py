"""Real file systems saved by real partclone, read by us; our streams restored by real partclone."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloned.disk.extents import Extents
from cloned.disk.layout import Layout, Partition, sfdisk_script
from cloned.images.export import export
from cloned.images.partclone import parse_header
from cloned.images.store import ImageStore
from cloned.images.streams import ImageStream
from cloned.processes import run
from tests.images import GUID, LINUX, MIB, Part

pytestmark = pytest.mark.interop

MAKE = {
    "ext2": (["mke2fs", "-q", "-t", "ext2", "-d", "{tree}", "{file}"], 24, "extfs"),
    "ext3": (["mke2fs", "-q", "-t", "ext3", "-d", "{tree}", "{file}"], 24, "extfs"),
    "ext4": (["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", "{tree}", "{file}"], 24, "extfs"),
    "vfat": (["mkfs.vfat", "{file}"], 24, "fat32"),
    "ntfs": (["mkfs.ntfs", "-q", "-F", "-f", "{file}"], 24, "ntfs"),
    "exfat": (["mkfs.exfat", "{file}"], 24, "exfat"),
    "btrfs": (["mkfs.btrfs", "-q", "--rootdir", "{tree}", "{file}"], 128, "btrfs"),
    "xfs": (["mkfs.xfs", "-q", "{file}"], 320, "xfs"),
    "f2fs": (["mkfs.f2fs", "-q", "{file}"], 64, "f2fs"),
}
COMPRESS = {
    "gz": ["gzip", "-c"],
    "bz2": ["bzip2", "-c"],
    "xz": ["xz", "-1c"],
    "lzma": ["xz", "-1c", "--format=lzma"],
    "lzo": ["lzop", "-c"],
    "lz4": ["lz4", "-c"],
    "zst": ["zstd", "-c"],
    "lzip": ["lzip", "-1c"],
    "lrz": ["lrzip", "-q", "-"],
    "uncomp": ["cat"],
}


def make(fs: str, path: Path) -> tuple[Path, str]:
    """A file with a file system that holds a few files."""
    tree = path / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(20):
        (tree / "folder" / f"file{number}").write_bytes(random.Random(number).randbytes(100_000))
    command, mib, tool = MAKE[fs]
    file = path / f"{fs}.raw"
    with file.open("wb") as made:
        made.truncate(mib * MIB)
    run([word.format(file=file, tree=tree) for word in command])
    if fs == "vfat":
        run(["mcopy", "-s", "-i", file, tree / "folder", "::"])
    return file, f"partclone.{tool}"


def save(fs: str, file: Path, saved: bytes, path: Path, comp: str = "uncomp") -> Path:
    """A Clonezilla directory around one stream."""
    path.mkdir()
    part = Partition(1, 2048, file.stat().st_size // 512, LINUX, GUID.format(1))
    layout = Layout("gpt", "2077A0EF-FDAF-4799-9C9F-3D760BE2651B", 512, (part,))
    (path / "disk").write_text("sda\n")
    (path / "parts").write_text("sda1\n")
    (path / "sda-pt.sf").write_text(sfdisk_script(layout).replace("/dev/disk", "/dev/sda"))
    (path / f"sda1.{fs}-ptcl-img.{comp}").write_bytes(saved)
    return path


def clone(tool: str, file: Path, *options: str) -> bytes:
    log = file.with_suffix(".log")
    return run([tool, "-F", "-c", "-z", "10485760", "-L", log, "-s", file, "-o", "-", *options]).stdout


@pytest.mark.parametrize("options", [(), ("-a0",)], ids=["crc", "plain"])
@pytest.mark.parametrize("fs", MAKE)
def test_file_systems(fs: str, options: tuple[str, ...], store: ImageStore, tmp_path: Path) -> None:
    file, tool = make(fs, tmp_path)
    stream = clone(tool, file, *options)
    manifest = store.import_image(save(fs, file, stream, tmp_path / "image"))
    (layer,) = manifest.plan.layers
    raw = file.read_bytes()
    used = b"".join(store.pieces.data(piece) for piece in manifest.pieces)
    assert used == b"".join(raw[offset : offset + length] for offset, length in layer.extents)
    assert 0 < layer.used < layer.size

    out = export(store, "image", tmp_path / "out")
    (data,) = out.glob("sda1.*")
    packed = bytearray(len(stream) + 1)
    with ImageStream([data], "zst") as back:
        view, got = memoryview(packed), 0
        while count := back.readinto(view[got:]):
            got += count
    assert packed[:got] == stream
    _restores(bytes(packed[:got]), tool, raw, Extents(layer.extents), tmp_path, check=not options)


def _restores(stream: bytes, tool: str, raw: bytes, extents: Extents, path: Path, *, check: bool) -> None:
    """Stock partclone checks the stream and restores it; without checksums chkimg refuses even partclone's own."""
    image, target = path / "stream", path / "restored"
    image.write_bytes(stream)
    if check:
        run(["partclone.chkimg", "-L", path / "chk.log", "-s", image])
    with target.open("wb") as file:
        file.truncate(len(raw))
    run([tool, "-r", "-L", path / "restore.log", "-s", image, "-O", target], timeout=30)
    restored = target.read_bytes()
    for offset, length in extents:
        assert restored[offset : offset + length] == raw[offset : offset + length]


@pytest.mark.parametrize("comp", COMPRESS)
def test_compressors(comp: str, store: ImageStore, tmp_path: Path) -> None:
    file, tool = make("ext4", tmp_path)
    stream = clone(tool, file)
    packed = run(COMPRESS[comp], stdin=stream).stdout
    manifest = store.import_image(save("ext4", file, packed, tmp_path / "image", comp))
    assert manifest.plan.map.used == sum(length for _, length in manifest.plan.layers[0].extents)
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 1
    path = save("ext4", file, bytes(damaged), tmp_path / "damaged", comp)
    with pytest.raises(Exception, match=r"sda1\.ext4-ptcl-img"):
        store.import_image(path)
    assert store.names() == ["image"]


@dataclass
class Saved(Part):
    """A part whose used bytes are a real file system's."""

    content: bytes = b""

    @property
    def data(self) -> bytes:
        return self.content


@pytest.mark.parametrize("fs", ["ext4", "ntfs"])
def test_format_0001(fs: str, store: ImageStore, tmp_path: Path) -> None:
    """No partclone that can be had writes it any more, but today's reads it: our idea of it and theirs are one."""
    file, tool = make(fs, tmp_path)
    stream = clone(tool, file)
    theirs = store.import_image(save(fs, file, stream, tmp_path / "new"))
    (layer,) = theirs.plan.layers
    raw, header = file.read_bytes(), parse_header(stream[:110])
    used = tuple((offset // header.block_size, length // header.block_size) for offset, length in layer.extents)
    content = b"".join(raw[offset : offset + length] for offset, length in layer.extents)
    old = Saved(1, header.blocks, header.block_size, used, kind="v1", content=content).stream()
    _restores(old, tool, raw, Extents(layer.extents), tmp_path, check=True)
    packed = run(COMPRESS["gz"], stdin=old).stdout
    assert store.import_image(save(fs, file, packed, tmp_path / "old", "gz")).image_hash == theirs.image_hash


def test_dd_through_partclone(store: ImageStore, tmp_path: Path) -> None:
    file = tmp_path / "unknown.raw"
    file.write_bytes(random.Random(1).randbytes(5 * MIB))
    stream = run(["partclone.dd", "-z", "10485760", "-L", tmp_path / "log", "-s", file, "-o", "-"]).stdout
    assert stream == file.read_bytes()
    manifest = store.import_image(save("dd", file, stream, tmp_path / "image"))
    assert manifest.plan.map.used == 5 * MIB


@pytest.mark.parametrize("comp", ["lrz", "xz", "bz2", "lz4"])
def test_a_bomb_fills_neither_memory_nor_disk(
    comp: str, store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times what the partition can hold, after a good stream: refused, and lrzip's files never grew so large."""
    file, tool = make("ext4", tmp_path)
    packed = run(COMPRESS[comp], stdin=clone(tool, file) + bytes(240 * MIB)).stdout
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = save("ext4", file, packed, tmp_path / "image", comp)
    with pytest.raises(Exception, match=r"sda1\.ext4-ptcl-img") as caught:
        store.import_image(path)
    assert "damaged" in str(caught.value)
    assert store.names() == []
    assert not list(scratch.iterdir())
