"""TFTP requests and answers on the wire (RFC 1350, 2347, 2348, 2349, 7440), and files cut into packets. Pure.

tftpy's packet classes read requests and write option acknowledgements; blocks, acknowledgements and errors
with words of their own are a few bytes of struct.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass, field
from enum import IntEnum

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import TftpPacketOACK, TftpPacketRRQ, TftpPacketWRQ
from tftpy.TftpShared import TftpException

logging.getLogger("tftpy").setLevel(logging.CRITICAL)  # it logs each hostile packet as an error of its own

DATA, ACK, ERROR = 3, 4, 5
DEFAULT_BLOCK = 512
LARGEST_REQUEST = 1500
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
    """The request gets an error packet with this code and these words."""

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words

    def encode(self) -> bytes:
        """The error packet."""
        return struct.pack("!HH", ERROR, self.code) + self.words.encode("ascii", "replace") + b"\0"


@dataclass(frozen=True)
class Request:
    """A read request, its options checked."""

    name: str
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
    """Understand what came to port 69. None: not a request, say nothing. Raises TftpError for what gets an error."""
    if len(data) < 4 or data[0] != 0 or data[1] not in (1, 2):
        return None
    if len(data) > LARGEST_REQUEST:
        raise TftpError(Code.ILLEGAL, "request too long")
    try:
        packet = TftpPacketFactory().parse(data)
    except (TftpException, UnicodeDecodeError, struct.error, AssertionError) as error:
        raise TftpError(Code.ILLEGAL, "malformed request") from error
    if isinstance(packet, TftpPacketWRQ):
        raise TftpError(Code.ACCESS, "this server is read only")
    if not isinstance(packet, TftpPacketRRQ) or packet.mode not in ("octet", "netascii"):
        raise TftpError(Code.ILLEGAL, "only the modes octet and netascii are known")
    options = {name.lower(): value for name, value in packet.options.items()}
    return Request(packet.filename, packet.mode == "netascii", options)


def agree(options: dict[str, str], size: int, largest: int) -> Terms:
    """Settle the options for a file of `size` bytes; no block is larger than `largest`.

    Unknown options are left out of the acknowledgement (RFC 2347); values out of range are an error 8.
    """
    accepted: dict[str, str] = {}
    block = _number(options, "blksize", 8, 65464)
    window = _number(options, "windowsize", 1, 65535)
    timeout = _number(options, "timeout", 1, 255)
    if block is not None:
        block = min(block, largest)
        accepted["blksize"] = str(block)
    if "tsize" in options:
        _number(options, "tsize", 0, 1 << 62)
        accepted["tsize"] = str(size)
    if timeout is not None:
        accepted["timeout"] = str(timeout)
    if window is not None:
        window = min(window, 64)
        accepted["windowsize"] = str(window)
    return Terms(block or DEFAULT_BLOCK, window or 1, float(timeout or 0), accepted)


def _number(options: dict[str, str], name: str, low: int, high: int) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise TftpError(Code.OPTIONS, f"{name} must be {low} to {high}")
    return int(text)


def netascii(content: bytes) -> bytes:
    """Text as RFC 764's network virtual terminal has it: CR LF for LF, CR NUL for CR."""
    return content.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


class Blocks:
    """A file cut into data packets, ready to be sent.

    Blocks are numbered from 1 here; on the wire the number rolls over to 0 after 65535.
    """

    def __init__(self, content: bytes | memoryview, block: int) -> None:
        self.block = block
        self.segment = block + 4
        self.size = len(content)
        self.count = self.size // block + 1
        self.packets = _packets(memoryview(content), block, self.count)
        """Every packet, the one with block 1 first; all but the very last have `segment` bytes."""


def _packets(content: memoryview, block: int, count: int) -> list[bytes]:
    head = struct.Struct("!HH").pack
    return [head(DATA, (at + 1) % _ROLLOVER) + content[at * block : (at + 1) * block] for at in range(count)]


def read_answer(data: bytes, expected: int) -> int | TftpError | None:
    """What a client says in a transfer: the block it acknowledges, its error, or None for nonsense.

    `expected` (the newest block sent, from 1 on) resolves the rollover: the result is the nearest number not
    above it. 0 acknowledges the options.
    """
    if len(data) < 4 or data[0] != 0:
        return None
    if data[1] == ERROR:
        words = data[4:].split(b"\0", 1)[0][:80].decode("ascii", "replace")
        code = int.from_bytes(data[2:4], "big")
        return TftpError(Code(code) if code in Code.__members__.values() else Code.UNDEFINED, words)
    if data[1] != ACK:
        return None
    return expected - (expected - int.from_bytes(data[2:4], "big")) % _ROLLOVER
