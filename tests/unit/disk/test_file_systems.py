"""Files read out of ext and NTFS that their own tools made, by every way in which they keep them."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from cloned.disk.extfs import Ext, ExtError
from cloned.disk.ntfs import Ntfs, NtfsError, _attributes, _entries, _runs
from cloned.disk.sizes import size_of_file_system

pytestmark = pytest.mark.wire
MIB = 1 << 20
RANDOM = random.Random(7)
LARGEST = RANDOM.randbytes(MIB)
Read = Callable[[int, int], bytes]


def reading(data: bytes) -> Read:
    """Zeros where there is nothing, as of an image."""
    return lambda offset, length: data[offset : offset + length].ljust(length, b"\0")


# -- ext ---------------------------------------------------------------------------------------------

LINK = "x/" * 24 + "../" * 24
"""A way that leads back to where it began; with a name of 11 characters behind it a link of 131."""


def tree(folder: Path, small: int) -> None:
    """Folders, links and files of `small` bytes and of the largest that is read."""
    (folder / "etc/deep/er").mkdir(parents=True)
    (folder / "x").mkdir()
    (folder / "etc/os-release").write_bytes(b"NAME=Debian\n")
    (folder / "etc/deep/er/file").write_bytes(LARGEST[:small])
    (folder / "etc/empty").write_bytes(b"")
    (folder / "largest").write_bytes(LARGEST)
    for number in range(120):  # more names than one block of a folder holds, more inodes than one group has
        (folder / f"etc/a rather long name of a file, number {number}").write_bytes(str(number).encode() * 9)
    for name, to in (
        ("relative", "deep/er/file"),
        ("up", "deep/../deep/./er/file"),
        ("absolute", "/etc/deep/er/file"),
        ("over-a-link", "/folder/er/file"),
        ("short", "/" * (59 - 16) + "etc/deep/er/file"),
        ("just-long", "/" * (60 - 16) + "etc/deep/er/file"),
        ("long", "/" * (200 - 16) + "etc/deep/er/file"),
        ("round", "round"),
        ("nowhere", "/etc/nothing"),
    ):
        (folder / "etc" / name).symlink_to(to)
    (folder / "folder").symlink_to("etc/deep")


def ext(folder: Path, *options: str, small: int = 20_000, extra: Callable[[Path], object] = lambda _: None) -> bytes:
    (folder / "tree").mkdir()
    tree(folder / "tree", small)
    extra(folder / "tree")
    disk = folder / "disk"
    command = ["mke2fs", "-q", "-F", "-d", folder / "tree", *options, disk, "16M"]
    subprocess.run(command, check=True, capture_output=True)
    return disk.read_bytes()


KINDS = {
    "ext2 of 1 KiB": ("-t", "ext2", "-b", "1024", "-I", "128", "-g", "1024", "-N", "512"),
    "ext3": ("-t", "ext3", "-b", "4096", "-I", "256", "-N", "512"),
    "ext4": ("-t", "ext4", "-b", "4096", "-O", "64bit,metadata_csum", "-g", "1024", "-N", "512"),
    "ext4 of 1 KiB": ("-t", "ext4", "-b", "1024", "-O", "^64bit,^metadata_csum", "-g", "1024", "-N", "512"),
}


@pytest.fixture(scope="module", params=KINDS)
def linux(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return ext(tmp_path_factory.mktemp("ext"), *KINDS[request.param])


def test_an_ext_file_is_read_by_any_way_that_leads_to_it(linux: bytes) -> None:
    found = Ext(reading(linux))
    assert found.read_file("/etc/os-release") == b"NAME=Debian\n"
    assert found.read_file("etc/empty") == b""
    for name in ("deep/er/file", "relative", "up", "absolute", "over-a-link", "short", "just-long", "long"):
        assert found.read_file(f"/etc/{name}") == LARGEST[:20_000], name
    assert found.read_file("folder/er/file") == LARGEST[:20_000]
    for number in (0, 60, 119):
        name = f"etc/a rather long name of a file, number {number}"
        assert found.read_file(name) == str(number).encode() * 9
    assert size_of_file_system(reading(linux)) == 16 * MIB


def test_the_beginning_of_an_ext_file_is_read_however_large_it_is(linux: bytes) -> None:
    found = Ext(reading(linux))
    for size in (1, 1000, 1024, 4097, 12_288):
        assert found.read_head("largest", size) == LARGEST[:size], size
    assert found.read_head("etc/relative", 5) == LARGEST[:5]
    assert found.read_head("etc/empty", 8) == bytes(8)


@pytest.mark.parametrize(
    "path", ["etc/nothing", "etc/nowhere", "etc/round", "etc/os-release/x", "etc/deep/er/fil", "Etc"]
)
def test_what_is_not_in_an_ext_file_system(linux: bytes, path: str) -> None:
    with pytest.raises(ExtError):
        Ext(reading(linux)).read_file(path)


def test_descriptors_of_64_bytes_say_where_inodes_lie_beyond_16_tib(tmp_path: Path) -> None:
    disk, places = bytearray(ext(tmp_path, *KINDS["ext4"])), []

    def read(offset: int, length: int) -> bytes:
        places.append(offset)
        return reading(bytes(disk))(offset, length)

    found = Ext(read)
    struct.pack_into("<I", disk, 4096 + 40, 1)  # bg_inode_table_hi of the first group
    with pytest.raises(ExtError):
        found.read_file("etc/os-release")
    assert places[-1] >= 2**32 * 4096


def test_a_file_of_holes_and_many_stretches_is_read_whole_up_to_a_mebibyte(tmp_path: Path) -> None:
    block = 4096

    def holes(tree: Path) -> None:
        with (tree / "holes").open("wb") as file:
            for at in range(0, MIB, 4 * block):
                file.seek(at)
                file.write(LARGEST[at : at + block])
            file.truncate(MIB)
        (tree / "too-large").write_bytes(LARGEST + b"x")

    found = Ext(reading(ext(tmp_path, *KINDS["ext4"], extra=holes)))
    data = found.read_file("holes")
    assert len(data) == MIB
    for at in range(0, MIB, block):
        assert data[at : at + block] == (bytes(block) if at % (4 * block) else LARGEST[at : at + block]), at
    assert found.read_file("largest") == LARGEST
    with pytest.raises(ExtError, match="too large"):
        found.read_file("too-large")
    assert found.read_head("too-large", 9) == LARGEST[:9]


def test_no_ext(linux: bytes) -> None:
    with pytest.raises(ExtError, match="no ext"):
        Ext(reading(bytes(1 << 16)))
    damaged = bytearray(linux)
    damaged[1024 + 56] ^= 1
    with pytest.raises(ExtError, match="no ext"):
        Ext(reading(bytes(damaged)))


# -- NTFS --------------------------------------------------------------------------------------------


def ntfs(path: Path, files: Iterable[tuple[str, bytes]], cluster: int = 4096) -> bytes:
    def write(place: Path) -> None:
        for name, data in files:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)

    return ntfs_by(path, write, cluster, 16 * MIB)


def ntfs_by(path: Path, write: Callable[[Path], object], cluster: int, size: int) -> bytes:
    """What is there once `write` is through with it, mounted."""
    with path.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkfs.ntfs", "-q", "-F", "-f", "-c", str(cluster), path], check=True, capture_output=True)
    place = path.with_name(f"{path.name}.mounted")
    place.mkdir()
    subprocess.run(["ntfs-3g", path, place], check=True)
    try:
        write(place)
    finally:
        subprocess.run(["umount", place], check=True)
    return path.read_bytes()


def windows_files() -> Iterator[tuple[str, bytes]]:
    yield "Windows/System32/Config/small", b"resident"
    yield "Windows/System32/Config/large", LARGEST[:300_000]
    yield "largest", LARGEST
    yield "too-large", LARGEST + b"x"
    yield "empty", b""
    for number in range(400):  # more than the folder's own record holds, more records than lie together
        yield f"Many/a rather long name of a file, number {number}", str(number).encode()
        yield f"root {number}", b""
    yield "hiberfil.sys", b"wake" + bytes(5000)


needs_ntfs = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ntfs-3g") is None or not Path("/dev/fuse").exists(), reason="no ntfs-3g"
)


@pytest.fixture(scope="module", params=[512, 4096, 65536])
def windows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return ntfs(tmp_path_factory.mktemp("ntfs") / "disk", windows_files(), request.param)


@needs_ntfs
def test_an_ntfs_file_is_read_whatever_the_case_and_named_as_it_is_written(windows: bytes) -> None:
    found = Ntfs(reading(windows))
    assert found.read_file("windows/SYSTEM32/config/Small") == ("Windows/System32/Config/small", b"resident")
    assert found.read_file("Windows/System32/Config/large")[1] == LARGEST[:300_000]
    assert found.read_file("largest")[1] == LARGEST
    assert found.read_file("empty")[1] == b""
    for number in (0, 199, 399):
        name = f"Many/a rather long name of a file, number {number}"
        assert found.read_file(name) == (name, str(number).encode())
    for missing in ("nothing", "Windows/nothing", "Many/a rather long name of a file, number 400", "empty/x"):
        with pytest.raises((FileNotFoundError, NtfsError)):
            found.read_file(missing)
    with pytest.raises(NtfsError, match="too large"):
        found.read_file("too-large")


@needs_ntfs
def test_names_of_the_root_and_whether_windows_sleeps(windows: bytes) -> None:
    found = Ntfs(reading(windows))
    names = list(found.root_names())
    assert {"Windows", "Many", "hiberfil.sys", "$MFT", *(f"root {number}" for number in range(400))} <= set(names)
    assert not found.hibernated()
    assert size_of_file_system(reading(windows)) == pytest.approx(16 * MIB, abs=1 << 17)


@needs_ntfs
@pytest.mark.parametrize(
    ("begins", "sleeps"), [(b"hibr", True), (b"HIBR", True), (b"RSTR", True), (b"wake", False), (b"\0" * 4, False)]
)
def test_it_sleeps_where_its_file_begins_so(tmp_path: Path, begins: bytes, sleeps: bool) -> None:
    found = Ntfs(reading(ntfs(tmp_path / "disk", [("HiberFil.sys", begins + bytes(9000)), ("other", b"hibr" * 999)])))
    assert found.hibernated() is sleeps


def attribute(kind: int, body: bytes, *, resident: bool, first: int = 0, size: int = 0) -> bytes:
    """One of a record, as layout.h's ATTR_RECORD has it: bytes of its own, or where its clusters lie."""
    made = bytearray(64)
    struct.pack_into("<IIB", made, 0, kind, len(made) + len(body), not resident)
    if resident:
        struct.pack_into("<IH", made, 16, len(body), 64)
    else:
        struct.pack_into("<Q", made, 16, first)
        struct.pack_into("<H", made, 32, 64)
        struct.pack_into("<Q", made, 48, size)
    return bytes(made) + body


def record(*attributes: bytes) -> bytes:
    head = bytearray(56)
    struct.pack_into("<H", head, 20, 56)
    return bytes(head) + b"".join(attributes) + b"\xff\xff\xff\xff"


def test_a_file_in_so_many_stretches_that_other_records_tell_of_them_is_read_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a large hiberfil.sys on a full disk is: its record has only a list of those that say where it lies."""
    listed = b"".join(struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, number, 0) for number in (30, 31, 30, 29))
    records = {
        29: record(attribute(0x80, b"\x11\x02\x40\0", resident=False, first=0, size=2048)),
        30: record(attribute(0x80, b"\x11\x01\x08\0", resident=False, first=3)),
        31: record(attribute(0x80, b"\x11\x01\x10\0", resident=False, first=2)),
        7: record(attribute(0x20, listed, resident=True)),
        8: record(attribute(0x20, listed[:32] + bytes(64), resident=True), attribute(0x80, b"own", resident=True)),
    }
    found = object.__new__(Ntfs)
    found._read, found._cluster = reading(LARGEST), 512
    monkeypatch.setattr(found, "_file_record", records.__getitem__)
    whole = LARGEST[64 * 512 : 66 * 512] + LARGEST[16 * 512 : 17 * 512] + LARGEST[8 * 512 : 9 * 512]
    assert found._contents(7) == whole
    assert found._head(7) == whole[:512]
    assert [kind for kind, _ in found._parts(8)] == [0x20, 0x80, 0x80], "what follows the end of a list is none of it"


@needs_ntfs
def test_a_log_is_empty_where_every_byte_of_it_is(tmp_path: Path) -> None:
    data = ntfs(tmp_path / "disk", [])
    looked: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        looked.append((offset, length))
        return data[offset : offset + length]

    Ntfs(read).log_is_empty()
    at, length = looked[-1]
    for log, empty in ((b"\xff" * length, True), (b"RSTR" + b"\xff" * (length - 4), False), (bytes(length), False)):
        told = data[:at] + log + data[at + length :]
        assert Ntfs(reading(told)).log_is_empty() is empty
    assert not Ntfs(lambda offset, size: data[offset : offset + size][: 100 if offset == at else size]).log_is_empty()


@needs_ntfs
def test_no_ntfs(tmp_path: Path) -> None:
    data = ntfs(tmp_path / "disk", [("a", b"b")])
    with pytest.raises(NtfsError, match="no NTFS"):
        Ntfs(reading(bytes(512)))
    for at, value in ((13, 0), (64, 0x7F), (64, 0x80 + 100)):  # clusters of nothing, records too large or too small
        damaged = bytearray(data)
        damaged[at] = value
        with pytest.raises(NtfsError, match="impossible"):
            Ntfs(reading(bytes(damaged)))
    mft = int.from_bytes(data[48:56], "little") * 4096
    damaged = bytearray(data)
    damaged[mft : mft + 4] = b"BAAD"
    with pytest.raises(NtfsError, match="does not begin"):
        Ntfs(reading(bytes(damaged))).read_file("a")


def test_a_damaged_record_or_index_comes_to_an_end() -> None:
    own = attribute(0x80, b"own", resident=True)
    for after in (b"\xff\xff\xff\xff" + bytes(40), b"\xff\xff\xff\xff" + struct.pack("<I", 64) + bytes(60),
                  struct.pack("<II", 0x90, 0) + bytes(40), struct.pack("<II", 0x90, 23) + bytes(40), b""):  # fmt: skip
        head = bytearray(56)
        struct.pack_into("<H", head, 20, 56)
        assert [kind for kind, _ in _attributes(bytes(head) + own + after)] == [0x80]

    def entry(name: str, *, length: int | None = None, flags: int = 0) -> bytes:
        body = bytes(64) + bytes((len(name), 0)) + name.encode("utf-16-le")
        size = 16 + len(body) if length is None else length
        return struct.pack("<QHHHH", 7, size, len(body), flags, 0) + body

    def index(*entries: bytes) -> bytes:
        return struct.pack("<IIII", 16, 16 + sum(map(len, entries)), 0, 0) + b"".join(entries)

    assert list(_entries(index(entry("a"), entry("b"), entry("c", flags=2)))) == [("a", 7), ("b", 7)]
    assert list(_entries(index(entry("a"), entry("b", length=15), entry("c")))) == [("a", 7)]
    assert list(_entries(index(entry("a"), entry("b", length=0), entry("c")))) == [("a", 7)]
    assert list(_entries(index(entry("a")) + entry("behind it"))) == [("a", 7)]


def test_a_record_is_found_in_whichever_stretch_of_the_table_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    found = object.__new__(Ntfs)
    found._cluster = found._record = 1024
    table = record(attribute(0x80, b"\x11\x02\x04\x11\x03\x08\0", resident=False))
    monkeypatch.setattr(found, "_root_record", lambda number: table)

    def read(offset: int, length: int) -> bytes:
        return b"FILE" + struct.pack("<HH", 48, 1) + struct.pack("<Q", offset // 1024) + bytes(length - 16)

    found._read = read
    places = [struct.unpack_from("<Q", found._file_record(number), 8)[0] for number in range(5)]
    assert places == [4, 5, 12, 13, 14]
    with pytest.raises(NtfsError, match="no record 5"):
        found._file_record(5)


def test_stretches_without_an_end_mark_come_to_an_end() -> None:
    assert list(_runs(b"\x11\x01\x08\x11\x02\x01")) == [(8, 1), (9, 2)]
    assert list(_runs(b"\x11\x01\x08\0\x11\x02\x01")) == [(8, 1)]


def test_extents_that_are_damaged_are_told() -> None:
    found = object.__new__(Ext)
    found._block, found._read = 1024, lambda offset, length: bytes(length)
    whole = struct.pack("<HHHHI", 0xF30A, 1, 4, 0, 0) + struct.pack("<IHHI", 0, 1, 0, 77)
    assert list(found._extents(whole, 0)) == list(found._extents(whole, 6)) == [(0, 77, 1)]
    for node, depth in ((b"\0\0" + whole[2:], 0), (whole, 7)):
        with pytest.raises(ExtError, match="damaged"):
            list(found._extents(node, depth))


def test_so_many_links_are_followed_and_not_one_more(tmp_path: Path) -> None:
    def links(tree: Path) -> None:
        for number in range(1, 10):
            (tree / f"l{number}").symlink_to(f"l{number - 1}" if number > 1 else "etc/os-release")

    found = Ext(reading(ext(tmp_path, *KINDS["ext4"], extra=links)))
    assert found.read_file("l8") == b"NAME=Debian\n"
    with pytest.raises(ExtError, match="too many links"):
        found.read_file("l9")


@pytest.mark.parametrize(("power", "right"), [(-8, False), (-9, True), (-16, True), (-17, False)])
def test_records_of_ntfs_have_512_bytes_to_64_kib(power: int, right: bool) -> None:
    boot = bytearray(512)
    struct.pack_into("<8sHB", boot, 3, b"NTFS    ", 512, 8)
    struct.pack_into("<b", boot, 64, power)
    with nullcontext() if right else pytest.raises(NtfsError, match="impossible sizes"):
        Ntfs(lambda at, size: bytes(boot)[at : at + size])
