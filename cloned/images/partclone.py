"""partclone's image formats 0001 and 0002, read as a stream and checked to the end.

Source: partclone's IMAGE_FORMATS.md, and what partclone 0.3.23 writes. All numbers are little-endian; CRC-32 has no
final inversion: `zlib.crc32(x) ^ 0xffffffff`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cloned.disk.extents import Extents
from cloned.errors import ImageError
from cloned.images.bitmap import Runs, TooFragmentedError
from cloned.images.doubts import several_devices
from cloned.saying import Phrase

MAGIC = b"partclone-image"
HEADER_SIZE = 110
_V1_HEADER_SIZE = 4160
_V2 = struct.Struct("<16s14s4sH16sQQQQIIHHHHIBB")
_V1 = struct.Struct("<15s15s4s2xIQQQ")
_U32 = struct.Struct("<I")
_BITMAP_CHUNK = 1024 * 1024
_BLOCK_SIZES = range(512, 64 * 1024 * 1024 + 1)
CHECKSUM_NONE, CHECKSUM_CRC32 = 0, 32


class Bytes(Protocol):
    """An uncompressed stream (streams.ImageStream)."""

    def readinto(self, view: memoryview) -> int:
        """Fill as much of `view` as there is; 0 only at the end."""

    def damaged(self, what: str) -> ImageError:
        """An error that names the file and how far it was read."""


@dataclass(frozen=True)
class Header:
    """What a partclone image says of itself."""

    version: int
    """1 or 2."""
    tool: str
    """Version of partclone that wrote it; empty in format 0001."""
    fs: str
    device_size: int
    blocks: int
    used_superblock: int
    used: int
    """Used blocks as the writer counted them; the bitmap itself decides."""
    block_size: int
    checksum: int
    """0 none, 32 CRC-32, others are newer than we are."""
    checksum_size: int
    strip: int
    """Blocks per checksum; 0 if there are none."""
    reseed: bool
    bitmap_mode: int
    """0 every block is used, 1 a bit a block, 8 a byte a block."""


def pack_header(header: Header) -> bytes:
    """The 110 bytes of a format 0002 header."""
    body = _V2.pack(
        MAGIC,
        header.tool.encode(),
        b"0002",
        0xC0DE,
        header.fs.encode(),
        header.device_size,
        header.blocks,
        header.used_superblock,
        header.used,
        header.block_size,
        18,
        2,
        64,
        header.checksum,
        header.checksum_size,
        header.strip,
        header.reseed,
        header.bitmap_mode,
    )
    return body + _U32.pack(zlib.crc32(body) ^ 0xFFFFFFFF)


def parse_header(data: bytes) -> Header:
    """From the first 110 bytes; ValueError says what is wrong with them."""
    if len(data) < HEADER_SIZE or data[:15] != MAGIC:
        raise ValueError("this is not a partclone image")
    if data[30:34] == b"0001":
        _, fs, _, block, device, blocks, used = _V1.unpack_from(data)
        return _sane(
            Header(
                version=1,
                tool="",
                fs=_text(fs),
                device_size=device,
                blocks=blocks,
                used_superblock=used,
                used=used,
                block_size=block,
                checksum=CHECKSUM_CRC32,
                checksum_size=4,
                strip=1,
                reseed=False,
                bitmap_mode=8,
            )
        )
    if data[30:34] != b"0002":
        raise ValueError(f"partclone image format {data[30:34]!r} is not known")
    if _U32.unpack_from(data, 106)[0] != zlib.crc32(data[:106]) ^ 0xFFFFFFFF:
        raise ValueError("the partclone header has a wrong checksum")
    fields = _V2.unpack_from(data)
    _, tool, _, endian, fs, device, blocks, used_sb, used, block, features = fields[:11]
    mode, size, strip, reseed, bitmap = fields[13:]
    if endian != 0xC0DE or features != 18:
        raise ValueError("the partclone header is of a kind that is not known")
    sizes = (device, blocks, used_sb, used, block)
    return _sane(Header(2, _text(tool), _text(fs), *sizes, mode, size, strip, bool(reseed), bitmap))


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii", "replace")


def _sane(header: Header) -> Header:
    if header.block_size not in _BLOCK_SIZES or not header.blocks:
        raise ValueError(f"the partclone header gives an impossible block size of {header.block_size}")
    if header.bitmap_mode not in (0, 1, 8):
        raise ValueError(f"the bitmap mode {header.bitmap_mode} is not known")
    if header.checksum == CHECKSUM_CRC32 and (header.checksum_size != 4 or not header.strip):
        raise ValueError("the partclone header gives an impossible checksum size")
    if header.checksum_size > 64:
        raise ValueError("the partclone header gives an impossible checksum size")
    return header


def read_exact(stream: Bytes, size: int, what: str) -> bytes:
    """Exactly `size` bytes, or the stream's error that `what` is cut short."""
    data = bytearray(size)
    if read_into(stream, memoryview(data)) < size:
        raise stream.damaged(Phrase("it ends within {what}", what=what))
    return bytes(data)


def read_into(stream: Bytes, view: memoryview) -> int:
    """Fill `view`; fewer bytes only at the end of the stream."""
    done = 0
    while done < len(view):
        count = stream.readinto(view[done:])
        if not count:
            break
        done += count
    return done


class PartcloneReader:
    """The used bytes of one partition, in order. Every checksum in the stream is compared on the way.

    `limit` is the partition's size in bytes: an image that claims more is refused before anything is allocated.
    """

    def __init__(self, stream: Bytes, limit: int, name: str = "") -> None:
        self._stream = stream
        try:
            self.header = parse_header(read_exact(stream, HEADER_SIZE, Phrase("the partclone header")))
        except ValueError as error:
            raise stream.damaged(str(error)) from error
        if self.header.blocks * self.header.block_size > limit:
            if self.header.fs.upper() == "BTRFS":
                raise several_devices(
                    Phrase("{name} holds a btrfs larger than itself: it lies", name=name or "a partition")
                )
            raise stream.damaged(
                Phrase(
                    "its file system of {blocks} blocks of {block_size} bytes is larger than its partition "
                    "of {limit} bytes",
                    blocks=self.header.blocks,
                    block_size=self.header.block_size,
                    limit=limit,
                )
            )
        if self.header.version == 1:
            read_exact(stream, _V1_HEADER_SIZE - HEADER_SIZE, Phrase("the partclone header"))
        try:
            self.extents = self._read_bitmap()
        except TooFragmentedError as error:
            raise stream.damaged(str(error)) from error
        self._left = sum(self.extents.lengths)
        self._body = _BlocksV1(self) if self.header.version == 1 else _Strips(self)

    def fill(self, view: memoryview) -> int:
        """Fill `view` with the next used bytes; fewer only after the last. ImageError for what is damaged or cut."""
        take = min(len(view), self._left)
        self._body.fill(view[:take])
        self._left -= take
        return take

    def finish(self) -> None:
        """After the last used byte: check that the stream ends where it should."""
        self._body.finish()
        if self._stream.readinto(memoryview(bytearray(1))):
            raise self._stream.damaged(Phrase("there is more data in it than its bitmap tells of"))

    @property
    def stream(self) -> Bytes:
        """What it reads from."""
        return self._stream

    def _read_bitmap(self) -> Extents:
        header = self.header
        if header.bitmap_mode == 0:
            return Extents([(0, header.blocks * header.block_size)])
        runs = Runs()
        if header.bitmap_mode == 1:
            crc = self._chunks(-(-header.blocks // 8), runs.feed)
        else:
            crc = self._chunks(header.blocks, lambda chunk: runs.feed(_pack_bits(chunk)))
        self._end_bitmap(crc)
        return runs.extents(header.blocks, header.block_size)

    def _chunks(self, size: int, feed: Callable[[bytes], None]) -> int:
        """Hand `size` bytes of bitmap to `feed`; their CRC."""
        crc = 0
        for at in range(0, size, _BITMAP_CHUNK):
            chunk = read_exact(self._stream, min(_BITMAP_CHUNK, size - at), Phrase("its bitmap"))
            crc = zlib.crc32(chunk, crc)
            feed(chunk)
        return crc

    def _end_bitmap(self, crc: int) -> None:
        if self.header.version == 1:
            if read_exact(self._stream, 8, Phrase("its bitmap")) != b"BiTmAgIc":
                raise self._stream.damaged(Phrase("the mark after its bitmap is missing"))
        elif _U32.unpack(read_exact(self._stream, 4, Phrase("its bitmap")))[0] != crc ^ 0xFFFFFFFF:
            raise self._stream.damaged(Phrase("its bitmap has a wrong checksum"))


def _pack_bits(chunk: bytes) -> bytes:
    """A byte a block as a bit a block; partclone takes 1 for used and everything else for free."""
    text = chunk.translate(_ONE)[::-1]
    return int(text, 2).to_bytes(-(-len(chunk) // 8), "little")


_ONE = bytes(0x31 if byte == 1 else 0x30 for byte in range(256))


class _Strips:
    """Format 0002: strips of blocks, each followed by its checksum."""

    def __init__(self, reader: PartcloneReader) -> None:
        header = reader.header
        self._stream = reader.stream
        self._size = header.strip * header.block_size if header.checksum else 0
        self._tail = header.checksum_size if header.checksum else 0
        self._check = header.checksum == CHECKSUM_CRC32
        self._reseed = header.reseed
        self._in_strip = 0
        self._crc = 0
        self._done = 0

    def fill(self, view: memoryview) -> None:
        while view:
            take = min(len(view), self._size - self._in_strip) if self._size else len(view)
            part = view[:take]
            if read_into(self._stream, part) < take:
                raise self._stream.damaged(Phrase("it is cut short after {done} bytes of used blocks", done=self._done))
            if self._check:
                self._crc = zlib.crc32(part, self._crc)
            self._done += take
            self._in_strip += take
            if self._in_strip == self._size:
                self._end_strip()
            view = view[take:]

    def finish(self) -> None:
        if self._size and self._in_strip:
            self._end_strip()

    def _end_strip(self) -> None:
        stored = read_exact(self._stream, self._tail, "a checksum")
        if self._check and _U32.unpack(stored)[0] != self._crc ^ 0xFFFFFFFF:
            first = self._done - self._in_strip
            raise self._stream.damaged(
                Phrase("used bytes {first} to {done} have a wrong checksum", first=first, done=self._done - 1)
            )
        self._in_strip = 0
        if self._reseed:
            self._crc = 0


class _BlocksV1:
    """Format 0001: every block is followed by a CRC, taken by mistake over its first byte again and again.

    Some 64-bit writers stored the CRC in 8 bytes; which kind it is shows with the second block.
    """

    def __init__(self, reader: PartcloneReader) -> None:
        self._stream = reader.stream
        self._block = reader.header.block_size
        self._crc = 0
        self._wide: bool | None = None
        self._done = 0
        self._rest = b""
        self._ahead = b""

    def fill(self, view: memoryview) -> None:
        while view:
            if not self._rest:
                self._rest = self._next()
            take = min(len(view), len(self._rest))
            view[:take] = self._rest[:take]
            self._rest, view = self._rest[take:], view[take:]

    def finish(self) -> None:
        if self._wide is None or self._wide:
            self._read(4, optional=True)

    def _next(self) -> bytes:
        if self._wide:
            self._read(4)
        data = self._read(self._block + 4)
        if self._wide is None and self._done and not self._matches(data):
            data = data[4:] + self._read(4)
            self._wide = True
        elif self._done:
            self._wide = bool(self._wide)
        if not self._matches(data):
            last = self._done + self._block - 1
            raise self._stream.damaged(
                Phrase("used bytes {done} to {last} have a wrong checksum", done=self._done, last=last)
            )
        self._crc = self._next_crc(data)
        self._done += self._block
        return data[: self._block]

    def _matches(self, data: bytes) -> bool:
        return bool(_U32.unpack_from(data, self._block)[0] == self._next_crc(data) ^ 0xFFFFFFFF)

    def _next_crc(self, data: bytes) -> int:
        return zlib.crc32(data[:1] * self._block, self._crc)

    def _read(self, size: int, *, optional: bool = False) -> bytes:
        data = bytearray(size)
        if read_into(self._stream, memoryview(data)) < size and not optional:
            raise self._stream.damaged(Phrase("it is cut short after {done} bytes of used blocks", done=self._done))
        return bytes(data)


class DdReader:
    """A partition saved by dd: every byte is used, there is no header. The size must be the partition's."""

    def __init__(self, stream: Bytes, size: int) -> None:
        self._stream = stream
        self._left = self._size = size
        self.header = None
        self.extents = Extents([(0, size)])

    def fill(self, view: memoryview) -> int:
        """Fill `view` with the next bytes; fewer only after the last. ImageError if the stream is too short."""
        take = min(len(view), self._left)
        if read_into(self._stream, view[:take]) < take:
            raise self._stream.damaged(Phrase("it is shorter than its partition of {size} bytes", size=self._size))
        self._left -= take
        return take

    def finish(self) -> None:
        """After the last byte: check that there is no more."""
        if self._stream.readinto(memoryview(bytearray(1))):
            raise self._stream.damaged(Phrase("it is longer than its partition of {size} bytes", size=self._size))
