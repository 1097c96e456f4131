"""Sends files to the server's write-once channel, in chunks that are taken up again after a broken connection."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable

from cloned.agent.client import PAUSE_SECONDS, DaemonClient, DaemonRefused
from cloned.agent.failures import AgentError
from cloned.agent.options import AgentOptions
from cloned.agent.verify import Stopped
from cloned.json_data import JsonObject, as_int
from cloned.saying import Phrase

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes of a request."""
SPLIT_BYTES = 4096 * 10**6
"""Bytes of a file, as Clonezilla's `-i 4096` splits."""


class CaptureUpload:
    """One capture's channel. Every method raises Stopped once `withdrawn`, AgentError where the server says no."""

    def __init__(self, options: AgentOptions, opened: JsonObject, withdrawn: Callable[[], bool]) -> None:
        self._client = DaemonClient(options, token=str(opened["token"]))
        self._base = str(opened["upload"])
        self._withdrawn = withdrawn
        self.sums: dict[str, str] = {}
        """File name to MD5 (hex) of what was sent."""

    def put(self, name: str, data: bytes) -> None:
        """Send a small file whole."""
        with UploadFile(self, name) as sink:
            sink.write(data)

    def put_all(self, name: str, chunks: Iterable[bytes]) -> None:
        """Send a file that comes in chunks."""
        with UploadFile(self, name) as sink:
            for chunk in chunks:
                sink.write(chunk)

    def finish(self) -> None:
        """Everything was sent."""
        try:
            self._client.call("POST", f"{self._base}/finish", {}, give_up=self._withdrawn)
        except DaemonRefused as refused:
            raise self._no(refused) from refused

    def abort(self, why: str) -> None:
        """Nothing more will come; says why, once, if the server listens."""
        try:
            self._client.send("POST", f"{self._base}/abort", why.encode())
        except (OSError, ValueError, DaemonRefused):
            self._client.close()  # it finds out by itself

    def send(self, name: str, offset: int, data: bytes) -> None:
        """Have the server append `data` at `offset` of a file, however often the connection breaks."""
        end, at = offset + len(data), -1
        while at < end:
            if self._withdrawn():
                raise Stopped
            start = max(at, offset)
            try:
                answer = self._client.send("PUT", f"{self._base}/{name}?offset={start}", data[start - offset :])
                at = as_int(answer["size"])
            except (OSError, ValueError, DaemonRefused):
                self._client.close()
                time.sleep(PAUSE_SECONDS)
                at = self._there(name)
            if not offset <= at <= end:
                raise AgentError(
                    "capture-failed",
                    Phrase(
                        "the server has {at} bytes of {name}, not {offset} to {end}",
                        at=at,
                        name=name,
                        offset=offset,
                        end=end,
                    ),
                )
            if at == end == offset:
                return

    def _there(self, name: str) -> int:
        """Bytes of a file that the server has."""
        try:
            return as_int(self._client.call("GET", f"{self._base}/{name}", give_up=self._withdrawn)["size"])
        except DaemonRefused as refused:
            raise self._no(refused) from refused

    def _no(self, refused: DaemonRefused) -> Exception:
        return AgentError("capture-failed", str(refused)) if refused.status else Stopped()


class UploadFile:
    """One file, sent as it is written. A context manager; what leaves it by an exception stays unfinished."""

    def __init__(self, upload: CaptureUpload, name: str) -> None:
        self._upload, self._name = upload, name
        self._held, self._offset = bytearray(), 0
        self._sum = hashlib.md5(usedforsecurity=False)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._offset + len(self._held)

    def __enter__(self) -> UploadFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._held += data
        self._sum.update(data)
        while len(self._held) >= CHUNK_BYTES:
            self._flush(CHUNK_BYTES)

    def close(self) -> None:
        """Send the rest."""
        if self._held or not self._offset:
            self._flush(len(self._held))
        self._upload.sums[self._name] = self._sum.hexdigest()

    def _flush(self, size: int) -> None:
        self._upload.send(self._name, self._offset, bytes(self._held[:size]))
        self._offset += size
        del self._held[:size]


class SplitSink:
    """A stream as files STEM.aa, STEM.ab … of a set size, as split(1) names them."""

    def __init__(self, upload: CaptureUpload, stem: str, size: int = SPLIT_BYTES) -> None:
        self._upload, self._stem, self._size = upload, stem, size
        self._count = 0
        self._sink: UploadFile | None = None

    def write(self, data: bytes) -> None:
        """Add bytes."""
        view = memoryview(data)
        while view:
            sink = self._current()
            part, view = view[: self._size - sink.size], view[self._size - sink.size :]
            sink.write(bytes(part))

    def close(self) -> None:
        """Send the rest."""
        self._current().close()

    def _current(self) -> UploadFile:
        if self._sink is None or self._sink.size >= self._size:
            if self._sink is not None:
                self._sink.close()
            self._sink = UploadFile(self._upload, f"{self._stem}.{suffix(self._count)}")
            self._count += 1
        return self._sink


def suffix(count: int) -> str:
    """aa, ab … zz; AgentError beyond."""
    first, second = divmod(count, 26)
    if first > 25:
        raise AgentError("capture-failed", "a partition needs more than 676 files")
    return chr(97 + first) + chr(97 + second)
