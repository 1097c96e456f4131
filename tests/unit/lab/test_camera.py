"""The lab's camera, spoken to as QEMU does."""

from __future__ import annotations

import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.lab.camera import CONFIGURATION, LabCamera


@pytest.fixture
def link() -> Iterator[socket.socket]:
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:  # a short path: it is a socket's
        camera = LabCamera(Path(folder) / "camera")
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(30)
            made.connect(str(camera.path))
            yield made
        camera.close()
        assert not camera.path.exists()


def said(link: socket.socket) -> tuple[int, int, bytes]:
    kind, length, number = struct.unpack("<III", read(link, 12))
    return kind, number, read(link, length)


def read(link: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += link.recv(length - len(data))
    return data


def asks(link: socket.socket, kind: int, request: int, value: int, length: int) -> tuple[int, bytes]:
    """A control transfer in: status and data."""
    body = struct.pack("<BBBBHHH", 0x80, request, kind, 0, value, 0, length)
    link.sendall(struct.pack("<III", 100, len(body), 7) + body)
    answered, number, answer = said(link)
    assert (answered, number) == (100, 7)
    return answer[3], answer[10:]


def test_it_plugs_itself_in_and_tells_that_it_is_a_camera(link: socket.socket) -> None:
    assert said(link)[0] == 0
    link.sendall(struct.pack("<III", 0, 64, 0) + b"qemu".ljust(64, b"\0"))
    assert [said(link)[0] for _ in range(3)] == [4, 5, 1]
    status, head = asks(link, 0x80, 6, 0x0200, 9)
    assert (status, len(head)) == (0, 9)
    total = struct.unpack("<H", head[2:4])[0]
    whole = asks(link, 0x80, 6, 0x0200, total)[1]
    assert whole == CONFIGURATION
    assert [each[5] for each in descriptors(whole) if each[1] == 4] == [0x0E, 0x0E]
    assert asks(link, 0x80, 6, 0x0302, 255)[1][2:].decode("utf-16-le") == "Camera of the lab"
    assert asks(link, 0xA1, 0x81, 0, 26)[0] == 2, "what it does not know it refuses"
    link.sendall(struct.pack("<IIIB", 6, 1, 8, 1))
    assert said(link) == (8, 8, b"\0\1")


def descriptors(data: bytes) -> Iterator[bytes]:
    """Each has its length first; together they are as long as is said."""
    while data:
        yield data[: data[0]]
        data = data[data[0] :]
