"""The files of one saved partition as one uncompressed stream; their checksums are taken on the way."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cloned.errors import ImageError
from cloned.images.folder import open_file
from cloned.processes import spawn
from cloned.saying import Phrase

_CHUNK = 1024 * 1024
_LINUX_F_SETPIPE_SZ = 1031

WINDOW_MIB = 640
"""Memory that a decompressor may take: xz -9 needs 65 MiB, zstd --ultra -22 130, --long=29 516; a file that asks for
gigabytes was made to."""

DECOMPRESSORS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "gz": (("pigz", "-dc"), ("gzip", "-dc")),
    "bz2": (("lbzip2", "-dc"), ("pbzip2", "-dc"), ("bzip2", "-dc")),
    "xz": (("xz", "-dc", "-T0", f"--memlimit-decompress={WINDOW_MIB}MiB"),),
    "lzma": (("xz", "-dc", "--format=lzma", f"--memlimit-decompress={WINDOW_MIB}MiB"),),
    "lzo": (("lzop", "-dc"),),
    "lz4": (("lz4", "-dc"),),
    "zst": (("zstd", "-dcq", "--long=31", f"--memory={WINDOW_MIB}MB"),),
    "lzip": (("plzip", "-dc"), ("lzip", "-dc")),
    "lrz": (("lrzip", "-q", "-d", "-o", "-"),),
    "uncomp": (),
}
"""By Clonezilla's suffix: programs from standard input to standard output, the first that is installed counts."""


class ImageStream:
    """Decompressed bytes of `files`, one after the other, read through `readinto`.

    `sums` gives (algorithm, hex digest) pairs by file name; `on_read` hears of every stretch of bytes read from the
    files; `limit` is the most bytes that lrzip, which needs files for it, may write to one. A context manager;
    leaving it ends the decompressor. Errors are ImageErrors that name the file.
    """

    def __init__(
        self,
        files: Sequence[Path],
        compressor: str,
        sums: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        on_read: Callable[[int], None] = lambda count: None,
        limit: int = 1 << 62,
    ) -> None:
        self._limit = limit
        self._files, self._sums, self._on_read = files, sums or {}, on_read
        self._position = 0
        self._error: ImageError | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the decompressor
        self._process = self._start(compressor)
        self._feeder = threading.Thread(target=self._feed, name=f"feed {files[0].name}", daemon=True)
        self._feeder.start()

    def __enter__(self) -> ImageStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readinto(self, view: memoryview) -> int:
        """Some of the next bytes; 0 only at the end, if the decompressor and every checksum are content."""
        count = os.readv(self._output, [view])
        self._position += count
        if not count and len(view):
            self._end()
        return count

    def damaged(self, what: str) -> ImageError:
        """An error about what was just read: the culprit among the files, and the place in the stream."""
        wrong = self._wrong_file()
        if wrong:
            return ImageError(Phrase("{wrong} does not have the checksum it should have", wrong=wrong), _AGAIN)
        where = Phrase("byte {position} of its uncompressed data", position=self._position)
        return ImageError(
            Phrase("{name} is damaged: {what} (at {where})", name=self._name(), what=what, where=where), _AGAIN
        )

    def close(self) -> None:
        """End the decompressor and the feeding thread, wherever they are."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        os.close(self._output)
        self._feeder.join()
        if self._process is not None:
            self._process.wait()
        self._stderr.close()

    def _start(self, compressor: str) -> subprocess.Popen[bytes] | None:
        out, write = os.pipe()
        for end in (out, write):
            with suppress(OSError):
                fcntl.fcntl(end, _LINUX_F_SETPIPE_SZ, _CHUNK)
        self._output = out
        if compressor == "uncomp":
            self._input = write
            return None
        words: tuple[str, ...] = command(compressor)
        if compressor == "lrz":
            words = ("prlimit", f"--fsize={max(self._limit, *(file.stat().st_size for file in self._files))}", *words)
        try:
            env = {**os.environ, "TMPDIR": tempfile.gettempdir()}  # lrzip's files: not where the daemon stands
            process = spawn(words, stdin=subprocess.PIPE, stdout=write, stderr=self._stderr, env=env)
        except BaseException:
            os.close(out)
            raise
        finally:
            os.close(write)
        assert process.stdin is not None
        self._input = os.dup(process.stdin.fileno())
        process.stdin.close()
        return process

    def _feed(self) -> None:
        """In a thread: push the files into the decompressor, taking their checksums."""
        try:
            for file in self._files:
                self._feed_file(file)
        except BrokenPipeError:
            pass  # the decompressor gave up, or nobody reads on; the reader finds out why
        except ImageError as error:
            self._error = error
        except OSError as error:
            self._error = ImageError(
                Phrase("{filename} cannot be read: {error}", filename=error.filename or self._name(), error=error),
                _AGAIN,
            )
        finally:
            os.close(self._input)

    def _feed_file(self, path: Path) -> None:
        hashes = [(hashlib.new(kind), digest) for kind, digest in self._sums.get(path.name, ())]
        with open_file(path) as file:
            while chunk := file.read(_CHUNK):
                for taken, _ in hashes:
                    taken.update(chunk)
                self._on_read(len(chunk))
                write_all(self._input, chunk)
        for taken, digest in hashes:
            if taken.hexdigest() != digest and self._error is None:
                self._error = ImageError(
                    Phrase("{name} does not have the checksum it should have", name=path.name), _AGAIN
                )

    def _end(self) -> None:
        """At the end of the output: raise what went wrong on the way to it."""
        self._feeder.join()
        if self._process is not None and self._process.wait() != 0:
            self._stderr.seek(0)
            text = self._stderr.read(2000).decode("utf-8", "replace").strip().splitlines()
            raise self._error or self.damaged(text[-1] if text else Phrase("the decompressor failed"))
        if self._error:
            raise self._error

    def _wrong_file(self) -> str | None:
        """The first file that has not the checksum it should have; only asked when something is wrong already."""
        for path in self._files:
            for kind, digest in self._sums.get(path.name, ()):
                with suppress(OSError, ImageError), open_file(path) as file:
                    if hashlib.file_digest(file, kind).hexdigest() != digest:
                        return path.name
        return None

    def _name(self) -> str:
        first = self._files[0].name
        return first if len(self._files) == 1 else f"{first} … {self._files[-1].name}"


_AGAIN = Phrase("copy the image again from where it was saved, or save it again")


def command(compressor: str) -> tuple[str, ...]:
    """The decompressor to use; the last known one if none is installed, so that the error names its package."""
    known = DECOMPRESSORS[compressor]
    return next((args for args in known if shutil.which(args[0])), known[-1])


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything; BrokenPipeError if nobody reads."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
