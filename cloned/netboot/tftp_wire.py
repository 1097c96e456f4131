"""TFTP requests and answers on the wire (RFC 1350, 2347, 2348, 2349, 7440), and files cut into packets. Pure.

Requests are taken apart by hand: names that firmware mangled hold any byte, and must be served or at least told as
they came. tftpy's packet class writes the option acknowledgement; blocks, acknowledgements and errors with words of
their own are a few bytes of struct.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from tftpy.TftpPacketTypes import TftpPacketOACK

DATA, ACK, ERROR = 3, 4, 5
DEFAULT_BLOCK = 512
LARGEST_REQUEST = 1500
_READ, _WRITE = 1, 2
_ROLLOVER = 0x10000


class Code(IntEnum):
    """Error codes (RFC 1350 §5, RFC 2347)."""

    UNDEFINED = 0
    NOT_FOUND = 1
    ACCESS = 2
    ILLEGAL = 4
    UNKNOWN_ID = 5
    OPTIONS = 8


class TftpError(Exception):
    """The request gets an error packet with this code and these words; `name` is what it asked for, as far as known."""

    def __init__(self, code: Code, words: str, name: str = "") -> None:
        super().__init__(words)
        self.code, self.words, self.name = code, words, name

    def encode(self) -> bytes:
        """The error packet."""
        return struct.pack("!HH", ERROR, self.code) + self.words.encode("ascii", "replace") + b"\0"


@dataclass(frozen=True)
class Request:
    """A read request."""

    name: str
    """Each byte as one character: see `read_request`."""
    netascii: bool = False
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What was agreed on."""

    block: int = DEFAULT_BLOCK
    window: int = 1
    timeout: float = 0.0
    """Seconds the client asked for between retransmissions; 0: our own rule."""
    accepted: dict[str, str] = field(default_factory=dict)
    """Options to acknowledge; empty: no OACK at all (RFC 2347)."""

    def oack(self) -> bytes:
        """The option acknowledgement."""
        packet = TftpPacketOACK()
        packet.options = self.accepted
        return bytes(packet.encode().buffer)


def read_request(data: bytes) -> Request | None:
    """Understand what came to port 69. None: not a request, say nothing. Raises TftpError for what gets an error.

    A name goes on to its NUL, whatever bytes firmware put there (RFC 1350 knows no character set); one that ends in
    0xFF comes from firmware that read DHCP's option 67 on to the end of all options. Options cut short are left out.
    """
    if len(data) < 4 or data[0] != 0 or data[1] not in (_READ, _WRITE):
        return None
    raw, _, rest = data[2:].partition(b"\0")
    name = raw.rstrip(b"\xff").decode("latin-1")
    mode, ended, options = rest.partition(b"\0")
    if len(data) > LARGEST_REQUEST:
        raise TftpError(Code.ILLEGAL, "request too long", name)
    if not name or not ended:
        raise TftpError(Code.ILLEGAL, "malformed request", name)
    if data[1] == _WRITE:
        raise TftpError(Code.ACCESS, "this server is read only", name)
    word = mode.decode("latin-1").lower()
    if word not in ("octet", "netascii"):
        raise TftpError(Code.ILLEGAL, "only the modes octet and netascii are known", name)
    return Request(name, word == "netascii", _options(options))


def _options(data: bytes) -> dict[str, str]:
    words = [word.decode("latin-1") for word in data.split(b"\0")[:-1]]
    return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=False)}


def agree(options: dict[str, str], size: int, largest: int) -> Terms:
    """Settle the options for a file of `size` bytes; no block is larger than `largest`.

    What is unknown or cannot be granted is left out of the acknowledgement (RFC 2347), never refused: firmware that
    asks for something absurd boots without it. So is a block so small that its numbers would not last for the file.
    """
    accepted: dict[str, str] = {}
    block = _number(options, "blksize", 8)
    window = _number(options, "windowsize", 1)
    timeout = _number(options, "timeout", 1)
    if block is not None and block < DEFAULT_BLOCK and size // block >= _ROLLOVER - 1:
        block = None
    if block is not None:
        block = min(block, largest)
        accepted["blksize"] = str(block)
    if "tsize" in options and _number(options, "tsize", 0) is not None:
        accepted["tsize"] = str(size)
    if timeout is not None and timeout <= 255:
        accepted["timeout"] = str(timeout)
    if window is not None:
        window = min(window, 64)
        accepted["windowsize"] = str(window)
    return Terms(block or DEFAULT_BLOCK, window or 1, float(accepted.get("timeout", 0)), accepted)


def _number(options: dict[str, str], name: str, low: int) -> int | None:
    """A decimal number of at least `low`, or None: not there, or not one."""
    text = options.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return int(text) if int(text) >= low else None


def netascii(content: bytes) -> bytes:
    """Text as RFC 764's network virtual terminal has it: CR LF for LF, CR NUL for CR."""
    return content.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


class Blocks:
    """A file as data packets. They are cut while they are sent: every transfer of a file shares its one copy.

    Blocks are numbered from 1; on the wire the number rolls over to 0 after 65535.
    """

    __slots__ = ("block", "content", "count", "segment", "size")

    def __init__(self, content: bytes, block: int) -> None:
        self.content = memoryview(content)
        self.block, self.segment = block, block + 4
        self.size = len(content)
        self.count = self.size // block + 1

    def packet(self, number: int) -> tuple[bytes, memoryview]:
        """Head and bytes of block `number`; all but the very last have `segment` bytes together."""
        start = (number - 1) * self.block
        return struct.pack("!HH", DATA, number & 0xFFFF), self.content[start : start + self.block]


def read_answer(data: bytes, expected: int) -> int | TftpError | None:
    """What a client says in a transfer: the block it acknowledges, its error, or None for nonsense.

    `expected` (the newest block sent, from 1 on) resolves the rollover: the result is the nearest number not
    above it. 0 acknowledges the options.
    """
    if len(data) < 4 or data[0] != 0:
        return None
    if data[1] == ERROR:
        words = data[4:].split(b"\0", 1)[0][:80].decode("latin-1")
        code = int.from_bytes(data[2:4], "big")
        return TftpError(Code(code) if code in Code.__members__.values() else Code.UNDEFINED, words)
    if data[1] != ACK:
        return None
    return expected - (expected - int.from_bytes(data[2:4], "big")) % _ROLLOVER
