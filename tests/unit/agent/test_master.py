"""The small files of a captured image, and how much there is to send."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import pytest

from cloned.agent.failures import AgentError
from cloned.agent.master import (
    Master,
    MasterPart,
    file_systems,
    geometry,
    md5sums,
    node_of,
    refused_content,
    used_bytes,
)
from cloned.agent.upload import CaptureUpload, SplitSink, UploadFile, suffix
from cloned.disk.layout import parse_dump
from cloned.images.partclone import Header, pack_header

DUMP = """label: gpt
label-id: 2077A0EF-FDAF-4799-9C9F-3D760BE2651B
device: /dev/vda
unit: sectors
sector-size: 512

/dev/vda1 : start=        2048, size=       81920, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
"""
PARTS = (
    MasterPart("/dev/vda1", 1, 40 << 20, "vfat"),
    MasterPart("/dev/vda2", 2, 250 << 20, "ext4"),
    MasterPart("/dev/vda3", 3, 1 << 20, "swap"),
)
MASTER = Master("/dev/vda", 400 << 20, DUMP, parse_dump(DUMP), PARTS)


class Server(CaptureUpload):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sums: dict[str, str] = {}
        self.files: dict[str, bytearray] = {}

    def send(self, name: str, offset: int, data: bytes) -> None:
        assert offset == len(self.files.setdefault(name, bytearray()))
        self.files[name] += data


@pytest.mark.parametrize(("disk", "node"), [("/dev/sda", "/dev/sda3"), ("/dev/nvme0n1", "/dev/nvme0n1p3")])
def test_partition_nodes(disk: str, node: str) -> None:
    assert node_of(disk, 3) == node


def test_what_is_saved_and_how() -> None:
    assert [part.name for part in MASTER.data] == ["vda1", "vda2"]
    assert PARTS[1].command("/l")[0] == "partclone.extfs"
    assert PARTS[0].command("/l")[0] == "partclone.fat"
    for fs in ("", "BitLocker", "zfs_member"):
        unknown = replace(PARTS[0], fs=fs)
        assert (unknown.saved_as, unknown.command("/l")[:2]) == ("dd", ["dd", "if=/dev/vda1"])


def test_used_bytes_of_a_partclone_header() -> None:
    head = pack_header(Header(2, "0.3.23", "EXTFS", 250 << 20, 256000, 8000, 7777, 1024, 32, 4, 10240, True, 1))
    assert used_bytes(head) == 7777 * 1024
    assert used_bytes(head[:60]) is None
    assert used_bytes(bytes(200)) is None


def test_words_as_clonezilla_writes_them() -> None:
    told = "/dev/vda: 812 cylinders, 16 heads, 63 sectors/track\n"
    assert geometry(told) == "cylinders=812\nheads=16\nsectors=63\n"
    listed = file_systems(MASTER, "/dev/vda 400M\n/dev/vda1 40M\n/dev/vda2 250M\n")
    assert listed.splitlines()[2:] == ["/dev/vda1 vfat 40M", "/dev/vda2 ext4 250M", f"/dev/vda3 swap {1 << 20}B"]
    assert (
        md5sums({"disk": "b", "Info-dmi.txt": "c", "clonezilla-img": "d", "blkid.list": "a"})
        == b"a  blkid.list\nb  disk\n"
    )


def test_files_are_split_as_split_does() -> None:
    server = Server()
    sink = SplitSink(server, "vda1.vfat-ptcl-img.zst", size=1000)
    data = bytes(range(256)) * 10
    for at in range(0, len(data), 700):
        sink.write(data[at : at + 700])
    sink.close()
    names = sorted(server.files)
    assert [name[-3:] for name in names] == [".aa", ".ab", ".ac"]
    assert b"".join(server.files[name] for name in names) == data
    assert [len(server.files[name]) for name in names] == [1000, 1000, 560]
    assert server.sums[names[0]] == hashlib.md5(data[:1000]).hexdigest()


def test_an_empty_file_is_sent_too() -> None:
    server = Server()
    with UploadFile(server, "blkid.list"):
        pass
    assert server.files == {"blkid.list": b""}


def test_suffixes() -> None:
    assert [suffix(count) for count in (0, 25, 26, 675)] == ["aa", "az", "ba", "zz"]
    with pytest.raises(AgentError, match="676"):
        suffix(676)


@pytest.mark.parametrize(
    ("state", "said"), [(0, "was not unmounted properly: start the master"), (1, ""), (3, "has errors")]
)
def test_an_ext4_that_needs_its_check_is_refused_with_the_next_step(state: int, said: str) -> None:
    disk = bytearray(1 << 16)
    disk[1024 + 56 : 1024 + 60] = struct.pack("<HH", 0xEF53, state)
    why = refused_content("ext4", lambda offset, length: bytes(disk[offset : offset + length]))
    assert (said in why) if said else not why
    assert not said or "e2fsck -f" in why
