"""HTTP to the daemon: one connection that stays open, JSON both ways, and no giving up.

Written on plain sockets: the standard library's client takes 0.8 s to import on an emulated laptop, most of
it for e-mail headers. What of HTTP/1.1 (RFC 9112) is needed: status line, headers, Content-Length, chunks.
"""

from __future__ import annotations

import io
import json
import math
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING

from cloned.agent.options import AgentOptions
from cloned.json_data import JsonObject
from cloned.saying import Phrase, sentence, spoken

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PATIENCE_SECONDS = 60.0
"""Seconds to wait for an answer before the connection is taken for dead."""
PAUSE_SECONDS = 1.0
"""Seconds between tries."""
_MOST_BYTES = 256 * 1024 * 1024
"""Bytes of an answer, and of what it unpacks to: the plan of a large fragmented disk has some ten million."""
_MOST_CHUNKS = 100_000
_MOST_LINES = 100
"""Of the head of an answer, and behind its body."""
_LEAST_BYTES_A_SECOND = 10_000
"""Bytes a second of an answer: one that drips byte by byte is none."""


class Revoked(Exception):  # noqa: N818 - a state of affairs
    """The token is no longer valid: this boot was replaced by a newer one, or was never known."""


class DaemonRefused(Exception):  # noqa: N818
    """The daemon does not do this now; `status` and its own words."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(Phrase("{error} ({hint})", error=error, hint=hint) if hint else error)
        self.status = status


class DaemonClient:
    """One connection; use one per thread."""

    def __init__(self, options: AgentOptions, patience: float = PATIENCE_SECONDS, token: str = "") -> None:
        """`token` opens something else than this boot's calls do."""
        self._host, self._port, self._token = options.host, options.port, token or options.token
        self._patience = patience
        self._socket: socket.socket | None = None
        self._file: IO[bytes] | None = None
        self._incoming: _Incoming | None = None

    def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        *,
        waiting: Callable[[str], None] = lambda _: None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> JsonObject:
        """Call until there is an answer; its JSON. Revoked or Refused if the daemon says no.

        `waiting` is told why there is none yet; a true `give_up` ends the tries with Refused(0).
        """
        while not give_up():
            try:
                return self.once(method, path, body)
            except (OSError, ValueError) as error:
                self.close()
                waiting(spoken(error))
            time.sleep(PAUSE_SECONDS)
        raise DaemonRefused(0, "given up", "")

    def once(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """One try; OSError or ValueError if there is no (usable) answer."""
        return self.send(method, path, b"" if body is None else json.dumps(body).encode())

    def send(self, method: str, path: str, data: bytes) -> JsonObject:
        """As `once`, with any bytes."""
        status, answer = self._exchange(method, path, data)
        if status == 401:
            raise Revoked
        if status >= 500 or status == 404:  # restarting, or not yet ready: it will come
            raise OSError(Phrase("the server answers {code}", code=status))
        parsed = _object(answer) if answer else {}
        if status != 200:
            raise DaemonRefused(status, *_refusal(parsed, status))
        return parsed

    def connect(self, waiting: Callable[[str], None]) -> None:
        """Connect, however long it takes, to know our own address."""
        while self._socket is None:
            try:
                self._open()
            except OSError as error:
                waiting(spoken(error))
                time.sleep(PAUSE_SECONDS)

    def local_address(self) -> str:
        """Our own address as the server sees it; empty while there is no connection."""
        return str(self._socket.getsockname()[0]) if self._socket else ""

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._file is not None:
            self._file.close()
        if self._socket is not None:
            self._socket.close()
        self._file = self._socket = None

    def _exchange(self, method: str, path: str, data: bytes) -> tuple[int, bytes]:
        """Send a request and read the answer, on a fresh connection if the old one was closed meanwhile."""
        kept = self._socket is not None
        try:
            return self._try(method, path, data)
        except (ConnectionError, EOFError):
            self.close()
            if not kept:
                raise
            return self._try(method, path, data)

    def _open(self) -> None:
        self._socket = socket.create_connection((self._host, self._port), timeout=self._patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = _Incoming(self._socket, self._patience)
        self._file = io.BufferedReader(self._incoming, 64 * 1024)

    def _try(self, method: str, path: str, data: bytes) -> tuple[int, bytes]:
        if self._socket is None or self._file is None:
            self._open()
        assert self._socket is not None
        assert self._file is not None
        assert self._incoming is not None
        self._incoming.begin()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Accept-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + data)
        status, headers = _read_head(self._file)
        body = _read_body(self._file, headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, body


def length(told: str | None) -> int:
    """Bytes that a server says it sends; OSError where it does not say, or makes no sense: that is tried again."""
    if told is None or not (told.isascii() and told.isdigit() and len(told) < 19):
        raise OSError("the server does not say how long it is")
    return int(told)


class _Incoming(io.RawIOBase):
    """What comes on a connection: an answer has `patience` seconds, and more only as long as it comes at some pace."""

    def __init__(self, sock: socket.socket, patience: float) -> None:
        super().__init__()
        self._sock, self._patience = sock, patience
        self.begin()

    def begin(self) -> None:
        """Another answer is awaited from now on."""
        self._until = time.monotonic() + self._patience
        self._sock.settimeout(self._patience)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: WriteableBuffer) -> int:
        """Wait for something; TimeoutError where the answer has had its time."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(Phrase("the answer comes too slowly"))
        self._sock.settimeout(min(left, self._patience))
        count = self._sock.recv_into(into)
        self._until += count / _LEAST_BYTES_A_SECOND
        return count


def _object(answer: bytes) -> JsonObject:
    """The JSON object of an answer; ValueError for anything else, such as numbers without end."""
    try:
        found = json.loads(answer, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")
    return found


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError("a number has no end")
    return number


def _read_head(file: IO[bytes]) -> tuple[int, dict[str, str]]:
    line = file.readline(4096)
    if not line:
        raise ConnectionError(Phrase("the server closed the connection"))
    parts = line.split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise ValueError(Phrase("this is no HTTP server"))
    headers: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = file.readline(8192).strip()
        if not line:
            return int(parts[1]), headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ValueError("the head of the answer does not end")


def _read_body(file: IO[bytes], headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _read_chunks(file)
    else:
        body = _read_exactly(file, int(headers.get("content-length", "0")))
    coding = headers.get("content-encoding", "").lower()
    return _unpacked(body) if coding in ("gzip", "deflate") else body


def _unpacked(body: bytes) -> bytes:
    """ValueError for what unpacks to more than any answer has, or is cut short."""
    unpacker = zlib.decompressobj(47)  # gzip or zlib, as the head says
    try:
        data = unpacker.decompress(body, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"the answer is damaged: {error}") from error
    if not unpacker.eof:
        raise ValueError("the answer is too large, or cut short")
    return data


def _refusal(answer: JsonObject, status: int) -> tuple[str, str]:
    """What the server says and what to do next: as sentences where it tells of what they were made."""
    told = answer.get("told")
    if isinstance(told, list) and len(told) == 2:
        return sentence(told[0]), sentence(told[1])
    plain = answer.get("error")
    said = Phrase("the server answers {code}", code=status) if plain is None else str(plain)
    return said, str(answer.get("hint", ""))


def _read_chunks(file: IO[bytes]) -> bytes:
    chunks: list[bytes] = []
    left = _MOST_BYTES
    while size := int(file.readline(64).split(b";")[0], 16):
        left -= size
        if size < 0 or left < 0 or len(chunks) >= _MOST_CHUNKS:
            raise ValueError(Phrase("the answer is too large"))
        chunks.append(_read_exactly(file, size))
        file.readline(4)
    for _ in range(_MOST_LINES):  # trailers
        if not file.readline(4096).strip():
            return b"".join(chunks)
    raise ValueError("the answer does not end")


def _read_exactly(file: IO[bytes], size: int) -> bytes:
    if not 0 <= size <= _MOST_BYTES:
        raise ValueError(Phrase("the answer is too large"))
    data = file.read(size)
    if len(data) < size:
        raise ConnectionError(Phrase("the answer was cut short"))
    return data
