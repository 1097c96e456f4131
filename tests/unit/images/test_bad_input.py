"""Whatever is wrong with an image: a clear error that names the file, and a store that is as it was."""

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cloned.errors import ClonedError, ImageError, MissingError
from cloned.images import partclone
from cloned.images.partclone import pack_header, parse_header
from cloned.images.pieces import Pieces, Stored
from cloned.images.store import ImageStore
from tests.images import PACK, Disk, Part

ZST = "sda1.ext4-ptcl-img.zst"


def tree(path: Path) -> dict[str, bytes]:
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def refused(store: ImageStore, path: Path, named: str, name: str | None = None) -> ClonedError:
    """Import must fail, name what is wrong, and leave the store as it was."""
    before = tree(store.root)
    with pytest.raises(ClonedError) as caught:
        store.import_image(path, name)
    assert named in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)
    after = tree(store.root)
    after.pop(".lock", None)
    before.pop(".lock", None)
    assert after == before
    return caught.value


def cut(path: Path, file: str, keep: float = 0.5) -> None:
    data = (path / file).read_bytes()
    (path / file).write_bytes(data[: int(len(data) * keep)])


def flip(path: Path, file: str, at: int = -1000) -> None:
    data = bytearray((path / file).read_bytes())
    data[at] ^= 0x10
    (path / file).write_bytes(data)


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


SPLIT = Disk([Part(1, split=150_000)])
DAMAGE: dict[str, tuple[Disk, Callable[[Path], object], str]] = {
    "flipped, with sums": (SPLIT, lambda path: flip(path, f"{ZST}.ab"), f"{ZST}.ab does not have the checksum"),
    "flipped, no sums": (Disk([Part(1)], sums=()), lambda path: flip(path, ZST), ZST),
    "flipped, plain": (
        Disk([Part(1, comp="uncomp")], sums=()),
        lambda path: flip(path, "sda1.ext4-ptcl-img.uncomp"),
        "have a wrong checksum",
    ),
    "flipped, v1": (
        Disk([Part(1, kind="v1", comp="uncomp")], sums=()),
        lambda path: flip(path, "sda1.ext4-ptcl-img.uncomp", -4),
        "have a wrong checksum",
    ),
    "cut": (Disk([Part(1)], sums=()), lambda path: cut(path, ZST), ZST),
    "cut, gz": (Disk([Part(1, comp="gz")], sums=()), lambda path: cut(path, "sda1.ext4-ptcl-img.gz"), ".gz"),
    "cut, plain": (
        Disk([Part(1, comp="uncomp")], sums=()),
        lambda path: cut(path, "sda1.ext4-ptcl-img.uncomp"),
        "cut short",
    ),
    "cut in the header": (
        Disk([Part(1, comp="uncomp")], sums=()),
        lambda path: cut(path, "sda1.ext4-ptcl-img.uncomp", 1e-5),
        "header",
    ),
    "empty": (
        Disk([Part(1, comp="uncomp")], sums=()),
        lambda path: (path / "sda1.ext4-ptcl-img.uncomp").write_bytes(b""),
        "header",
    ),
    "cut dd": (
        Disk([Part(1, kind="dd", fs="dd", comp="uncomp")], sums=()),
        lambda path: cut(path, "sda1.dd-ptcl-img.uncomp"),
        "shorter than its partition",
    ),
    "long dd": (
        Disk([Part(1, kind="dd", fs="dd", comp="uncomp")], sums=()),
        lambda path: append(path / "sda1.dd-ptcl-img.uncomp", b"x"),
        "longer than its partition",
    ),
    "more than the bitmap": (
        Disk([Part(1, comp="uncomp")], sums=()),
        lambda path: append(path / "sda1.ext4-ptcl-img.uncomp", b"x"),
        "more data",
    ),
    "swapped pieces": (
        SPLIT,
        lambda path: [
            (path / f"{ZST}.aa").rename(path / "x"),
            (path / f"{ZST}.ab").rename(path / f"{ZST}.aa"),
            (path / "x").rename(path / f"{ZST}.ab"),
        ],
        f"{ZST}.aa does not have the checksum",
    ),
    "first piece missing": (SPLIT, lambda path: (path / f"{ZST}.aa").unlink(), f"{ZST}.aa is missing"),
    "middle piece missing": (SPLIT, lambda path: (path / f"{ZST}.ab").unlink(), f"{ZST}.ab is missing"),
    "last piece missing": (SPLIT, lambda path: max(path.glob(f"{ZST}.*")).unlink(), "is missing"),
    "last piece missing, no sums": (
        Disk([Part(1, split=150_000)], sums=()),
        lambda path: max(path.glob(f"{ZST}.*")).unlink(),
        ZST,
    ),
    "renamed": (SPLIT, lambda path: (path / f"{ZST}.ab").rename(path / f"{ZST}.zz"), f"{ZST}.ab is missing"),
    "no data": (Disk([Part(1)], sums=()), lambda path: (path / ZST).unlink(), "the data of sda1 is missing"),
    "twice": (Disk([Part(1)]), lambda path: (path / "sda1.ntfs-ptcl-img.gz").write_bytes(b""), "more than once"),
    "whole and split": (Disk([Part(1)]), lambda path: (path / f"{ZST}.aa").write_bytes(b""), "whole and in pieces"),
    "wrong small file": (Disk(), lambda path: flip(path, "sda-mbr", 0), "sda-mbr does not have the checksum"),
    "bad sums": (Disk(), lambda path: (path / "MD5SUMS").write_text("what\n"), "MD5SUMS, line 1"),
    "sums of others": (Disk(), lambda path: append(path / "MD5SUMS", b"0" * 32 + b"  ../../etc/shadow\n"), "shadow"),
    "no disk": (Disk(sums=()), lambda path: (path / "disk").unlink(), "savedisk"),
    "two disks": (Disk(sums=()), lambda path: (path / "disk").write_text("sda sdb\n"), "2 disks"),
    "evil disk": (Disk(sums=()), lambda path: (path / "disk").write_text("../../etc/passwd\n"), "no device name"),
    "evil part": (Disk(sums=()), lambda path: (path / "parts").write_text("sda1 $(reboot)\n"), "no device name"),
    "unknown part": (Disk(sums=()), lambda path: (path / "parts").write_text("sda1 sda9\n"), "sda9"),
    "foreign part": (Disk(sums=()), lambda path: (path / "parts").write_text("sdb1\n"), "sdb1"),
    "part twice": (Disk(sums=()), lambda path: (path / "parts").write_text("sda1 sda1\n"), "twice"),
    "no table": (Disk(sums=()), lambda path: (path / "sda-pt.sf").unlink(), "sda-pt.sf is missing"),
    "table is junk": (Disk(sums=()), lambda path: (path / "sda-pt.sf").write_bytes(b"\xff\0junk"), "sda-pt.sf"),
    "huge text": (Disk(sums=()), lambda path: os.truncate(path / "parts", 2**40), "far too large"),
    "odd name": (Disk(sums=()), lambda path: (path / "a\nb").touch(), "odd name"),
    "link out": (
        Disk([Part(1)], sums=()),
        lambda path: [(path / ZST).rename(path.with_name("elsewhere")), (path / ZST).symlink_to("../elsewhere")],
        "leads out",
    ),
    "a pipe": (Disk([Part(1)], sums=()), lambda path: [(path / ZST).unlink(), os.mkfifo(path / ZST)], "regular file"),
    "luks": (Disk(), lambda path: (path / "luks-dev.list").touch(), "LUKS"),
    "ecryptfs": (Disk(), lambda path: (path / "ecryptfs.info").touch(), "encrypted"),
    "ntfsclone": (Disk(), lambda path: (path / "sda1.ntfs-img.aa").touch(), "ntfsclone"),
    "swap junk": (Disk(sums=()), lambda path: (path / "swappt-sda4.info").write_text('UUID="$(x)"\n'), "swappt-sda4"),
    "short mbr": (Disk(sums=()), lambda path: cut(path, "sda-mbr"), "sda-mbr is too short"),
    "gap too large": (
        Disk([Part(1)], label="dos", sums=()),
        lambda path: (path / "sda-hidden-data-after-mbr").write_bytes(bytes(2**20)),
        "hidden-data",
    ),
}


@pytest.mark.wire  # a whole import for each
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage(kind: str, store: ImageStore, memory: Path) -> None:
    disk, damage, named = DAMAGE[kind]
    path = disk.write(memory / "image")
    damage(path)
    refused(store, path, named)


def test_not_a_directory(store: ImageStore, memory: Path) -> None:
    refused(store, memory / "nothing", "not a directory", "image")


def lying(store: ImageStore, memory: Path, change: Callable[[bytearray], object], named: str) -> None:
    """An image whose uncompressed stream was changed before it was compressed and its sums taken."""
    part = Part(1, comp="zst")
    stream = bytearray(part.stream())
    change(stream)
    path = Disk([part], sums=()).write(memory / "image")
    (path / ZST).write_bytes(PACK["zst"](bytes(stream)))
    refused(store, path, named)


def head(stream: bytearray, **changes: int) -> None:
    """Change header fields and mend the header's checksum."""
    from dataclasses import replace

    stream[:110] = pack_header(replace(parse_header(bytes(stream[:110])), **changes))  # type: ignore[arg-type]


def bitmap(stream: bytearray, at: int, value: int) -> None:
    """Change a byte of the bitmap and mend its checksum."""
    stream[110 + at] = value
    stream[366:370] = struct.pack("<I", zlib.crc32(stream[110:366]) ^ 0xFFFFFFFF)


@pytest.mark.wire
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda stream: stream.__setitem__(110, 0), "bitmap has a wrong checksum"),
        (lambda stream: bitmap(stream, 0, 0x07), "wrong checksum"),
        (lambda stream: bitmap(stream, 0, 0x1F), "cut short"),
        (lambda stream: stream.__setitem__(20, 9), "header has a wrong checksum"),
        (lambda stream: stream.__setitem__(0, 0), "not a partclone image"),
        (lambda stream: stream.__setitem__(slice(30, 34), b"0003"), "format"),
        (lambda stream: head(stream, blocks=2**40), "larger than its partition"),
        (lambda stream: head(stream, blocks=0), "impossible"),
        (lambda stream: head(stream, block_size=0), "impossible"),
        (lambda stream: head(stream, block_size=2**31), "impossible"),
        (lambda stream: head(stream, bitmap_mode=5), "bitmap mode"),
        (lambda stream: head(stream, strip=0), "impossible"),
        (lambda stream: head(stream, checksum_size=9), "impossible"),
        (lambda stream: stream.__setitem__(-1, stream[-1] ^ 1), "wrong checksum"),
    ],
    ids=range(14),
)
def test_lies(store: ImageStore, memory: Path, change: Callable[[bytearray], object], named: str) -> None:
    lying(store, memory, change, named)


@pytest.mark.wire
def test_a_bomb_stays_small(store: ImageStore, memory: Path) -> None:
    """4 GiB of zeros after a good stream: refused after the first byte too many."""
    import zstandard

    part = Part(1)
    path = Disk([part], sums=()).write(memory / "image")
    packer = zstandard.ZstdCompressor().compressobj()
    data = packer.compress(part.stream())
    zeros = bytes(16 * 1024 * 1024)
    for _ in range(16):
        data += packer.compress(zeros)
    (path / ZST).write_bytes(data + packer.flush())
    refused(store, path, "more data")


@pytest.mark.wire
def test_full_disk(store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Disk([Part(1), Part(2, seed=2)]).write(memory / "image")
    add, count = Pieces.add, iter(range(100))

    def full(self: Pieces, data: memoryview) -> Stored:
        if next(count) >= 1:
            raise OSError(28, "No space left on device")
        return add(self, data)

    monkeypatch.setattr(Pieces, "add", full)
    assert isinstance(refused(store, path, "no space left"), MissingError)


def test_random_flips_in_files(store: ImageStore, memory: Path) -> None:
    """A bit flipped anywhere in the data files is caught, also without checksum files."""
    rand = random.Random(7)
    disk = Disk([Part(1, comp="uncomp", blocks=64, used=((0, 20), (40, 9)))], sums=())
    path = disk.write(memory / "image")
    file = path / "sda1.ext4-ptcl-img.uncomp"
    good = file.read_bytes()
    for _ in range(60):
        data = bytearray(good)
        data[rand.randrange(len(data))] ^= 1 << rand.randrange(8)
        file.write_bytes(data)
        with pytest.raises(ImageError):
            store.import_image(path)
    file.write_bytes(good)
    store.import_image(path)


def test_pieces_of_a_read_error_are_named(memory: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        Pieces(memory).frame(bytes(32))


def test_bitmap_memory_is_bounded(memory: Path) -> None:
    assert partclone._BITMAP_CHUNK <= 1024 * 1024
