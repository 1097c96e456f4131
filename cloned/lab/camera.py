"""A camera for a virtual laptop: a USB device of our own behind QEMU's usb-redir, that answers as built-in ones do.

Source: the usbredir protocol 0.7 (usb-redir-protocol.txt); descriptors from USB 2.0, §9.6, and USB Video Class 1.5, §3.
It shows no picture: what looks for a camera on the bus finds one.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

_HELLO, _CONNECT, _RESET, _INTERFACES, _ENDPOINTS = 0, 1, 3, 4, 5
_SET_CONFIG, _GET_CONFIG, _CONFIG = 6, 7, 8
_SET_ALT, _GET_ALT, _ALT = 9, 10, 11
_CONTROL = 100
_STALL = 2
"""usb_redir_stall: the device refuses a request."""
_HIGH_SPEED = 2
_NONE = 255
"""Type of an endpoint that is not there."""
_VENDOR, _PRODUCT = 0x1D6B, 0x0102
"""Linux Foundation's, as its webcam gadget has."""
_DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, _VENDOR, _PRODUCT, 0x0100, 1, 2, 0, 1)
_WORDS = ("", "Lab", "Camera of the lab")


def _configuration() -> bytes:
    """A video function: its control interface, with a terminal that is a camera, and a streaming one (UVC §3.5 ff.)."""
    function = struct.pack("<BBBBBBBB", 8, 11, 0, 2, 0x0E, 3, 0, 0)
    control = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 0, 0x0E, 1, 0, 0)
    camera = struct.pack("<BBBBHBBHHHBH", 17, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 2, 0)
    out = struct.pack("<BBBBHBBB", 9, 0x24, 3, 2, 0x0101, 0, 1, 0)
    header = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0100, 13 + len(camera) + len(out), 1_000_000, 1, 1)
    streaming = struct.pack("<BBBBBBBBB", 9, 4, 1, 0, 0, 0x0E, 2, 0, 0)
    inside = function + control + header + camera + out + streaming
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(inside), 2, 1, 0, 0x80, 250) + inside


CONFIGURATION = _configuration()


class LabCamera:
    """Listens at a Unix socket that QEMU connects to at each start of the laptop; `close` unplugs it for good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._open: socket.socket | None = None
        threading.Thread(target=self._serve, name="camera", daemon=True).start()

    def close(self) -> None:
        """Unplug it."""
        for each in (self._socket, self._open):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                self._open, _ = self._socket.accept()
            except OSError:  # closed
                return
            with suppress(OSError, EOFError), self._open:
                _Conversation(self._open).run()


class _Conversation:
    """One boot's: we are what the protocol calls the usb-host."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._configuration, self._alts = 1, {0: 0, 1: 0}

    def run(self) -> None:
        """Until QEMU ends it (EOFError, OSError)."""
        self._send(_HELLO, 0, b"cloned lab".ljust(64, b"\0"))
        while True:
            kind, length, number = struct.unpack("<III", self._read(12))
            self._heard(kind, number, self._read(length))

    def _heard(self, kind: int, number: int, body: bytes) -> None:
        match kind:
            case 0:
                self._plug_in()
            case 6 if body:
                self._configuration = body[0]
                self._send(_CONFIG, number, bytes((0, self._configuration)))
            case 7:
                self._send(_CONFIG, number, bytes((0, self._configuration)))
            case 9 if len(body) >= 2:
                self._alts[body[0]] = body[1]
                self._send(_ALT, number, bytes((0, body[0], body[1])))
            case 10 if body:
                self._send(_ALT, number, bytes((0, body[0], self._alts.get(body[0], 0))))
            case 100 if len(body) >= 10:
                self._control(number, body)

    def _plug_in(self) -> None:
        """After both said hello: interfaces, endpoints, and the device itself."""
        lists = [bytes(values).ljust(32, b"\0") for values in ((0, 1), (0x0E, 0x0E), (1, 2), (0, 0))]
        self._send(_INTERFACES, 0, struct.pack("<I", 2) + b"".join(lists))
        types = bytearray([_NONE] * 32)
        types[0] = types[16] = 0  # control, out and in
        self._send(_ENDPOINTS, 0, bytes(types) + bytes(64))
        self._send(_CONNECT, 0, struct.pack("<BBBBHH", _HIGH_SPEED, 0xEF, 2, 1, _VENDOR, _PRODUCT))

    def _control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack("<BBBBHHH", body[:10])
        data = _descriptor(value) if (kind, request) == (0x80, 6) else b"\0\0" if (kind, request) == (0x80, 0) else None
        status = _STALL if data is None else 0
        data = (data or b"")[:length]
        head = struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, len(data))
        self._send(_CONTROL, number, head + data)

    def _send(self, kind: int, number: int, body: bytes) -> None:
        self._link.sendall(struct.pack("<III", kind, len(body), number) + body)

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._link.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def _descriptor(value: int) -> bytes | None:
    """GET_DESCRIPTOR (USB 2.0, §9.4.3); None where there is no such one."""
    kind, number = value >> 8, value & 0xFF
    if kind == 1:
        return _DEVICE
    if kind == 2:
        return CONFIGURATION
    if kind == 6:  # device qualifier: of a full speed that it has not
        return struct.pack("<BBHBBBBBB", 10, 6, 0x0200, 0xEF, 2, 1, 64, 1, 0)
    if kind == 3 and number < len(_WORDS):
        text = b"\x09\x04" if number == 0 else _WORDS[number].encode("utf-16-le")
        return struct.pack("<BB", 2 + len(text), 3) + text
    return None
