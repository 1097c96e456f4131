"""One order `capture`: read this laptop's disk and send it to the server as a Clonezilla image. Only reads."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import IO

import zstandard

from cloned.agent.client import DaemonRefused
from cloned.agent.failures import AgentError
from cloned.agent.job import Job
from cloned.agent.master import HIDDEN_BYTES, Master, MasterPart, files, gap_chunks, md5sums, read_master, used_bytes
from cloned.agent.upload import CaptureUpload, SplitSink
from cloned.agent.verify import Stopped
from cloned.saying import Phrase

READ = 1024 * 1024
HEAD_BYTES = 4096
"""Bytes of a partclone stream that hold its header."""


class CaptureJob(Job):
    """Carries out one order; `run` returns when the server has the image, or raises AgentError or Stopped."""

    _done = 0
    _began = 0.0
    _expected: Mapping[str, int] = {}

    @property
    def _image(self) -> str:
        return str(self._order["image"])

    def run(self) -> None:
        """Measure, send everything, and wait for the server's word."""
        self._status.set("preparing", session=None, round=0, reason=None)
        try:
            master = read_master(self._disk())
            self._expected = {part.name: self._measure(part) for part in master.data}
            upload = self._open(master.gap if master.gap < HIDDEN_BYTES else 0)
            self._send_all(master, upload)
        except AgentError:
            self._reporter.fresh()
            if self._withdrawn():  # the server knows, and better than we why
                raise Stopped from None
            raise
        self._wait()

    def _open(self, gap: int) -> CaptureUpload:
        """Ask for the channel; the server looks whether there is room for it all."""
        body = {"image": self._image, "expected": sum(self._expected.values()) + gap}
        try:
            answer = self._client.call("POST", "/agent/v1/capture", body, give_up=self._withdrawn)
        except DaemonRefused as refused:
            if not refused.status:
                raise Stopped from refused
            raise AgentError("capture-failed", str(refused)) from refused
        return CaptureUpload(self._options, answer, self._withdrawn)

    def _send_all(self, master: Master, upload: CaptureUpload) -> None:
        self._began = time.monotonic()
        try:
            for name, data in files(master, self._options.live):
                upload.put(name, data)
            if 0 < master.gap < HIDDEN_BYTES:
                upload.put_all(f"{master.name}-hidden-data-after-mbr", gap_chunks(master))
            for part in master.data:
                self._save(part, upload)
            upload.put("MD5SUMS", md5sums(upload.sums))
            upload.finish()
        except AgentError as error:
            upload.abort(error.detail or error.code)
            raise

    def _save(self, part: MasterPart, upload: CaptureUpload) -> None:
        """Stream one partition, compressed on all cores."""
        sink = SplitSink(upload, f"{part.name}.{part.saved_as}-ptcl-img.zst")
        packer = zstandard.ZstdCompressor(level=3, threads=-1, write_checksum=True).compressobj()
        before = self._done
        with reading(part) as stream:
            while data := stream.read(READ):
                sink.write(packer.compress(data))
                self._done = min(self._done + len(data), before + self._expected[part.name])
                self._progress()
        sink.write(packer.flush())
        sink.close()

    def _progress(self) -> None:
        if self._withdrawn():
            raise Stopped
        total = sum(self._expected.values())
        rate = int(self._done / max(time.monotonic() - self._began, 0.1))
        self._status.set_once("capturing")
        self._status.progress({"bytes": self._done, "total": total, "rate": rate, "held_by": None})

    def _measure(self, part: MasterPart) -> int:
        """Bytes of a partition that are to be read."""
        if part.saved_as == "dd":
            return part.bytes
        with reading(part, whole=False) as stream:
            used = used_bytes(stream.read(HEAD_BYTES))
        if used is None:
            raise AgentError(
                "capture-failed", Phrase("{node}: partclone says nothing of its {fs}", node=part.node, fs=part.fs)
            )
        return used

    def _wait(self) -> None:
        """Until the server has proven the image, or says that it is none."""
        self._status.set("proving")
        number = self._reporter.number
        while not self._withdrawn():
            self._reporter.next(number, 60)
            number = self._reporter.number

    def _withdrawn(self) -> bool:
        order = self._reporter.order
        return self._reporter.revoked or order.get("do") != "capture" or order.get("image") != self._image


@contextlib.contextmanager
def reading(part: MasterPart, *, whole: bool = True) -> Iterator[IO[bytes]]:
    """The stream of a partition; AgentError if what reads it fails. With `whole` false it is ended early."""
    with tempfile.TemporaryDirectory() as scratch, open(f"{scratch}/said", "wb") as said:
        command = part.command(f"{scratch}/log")
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, bufsize=READ, env=env
            )
        except OSError as error:
            raise AgentError("capture-failed", Phrase("{command}: {error}", command=command[0], error=error)) from error
        assert process.stdout is not None
        try:
            yield process.stdout
            if whole and process.wait() != 0:
                words = _last_words(f"{scratch}/log") or _last_words(f"{scratch}/said")
                raise AgentError(
                    _code(words),
                    Phrase("{node}: {command} failed: {words}", node=part.node, command=command[0], words=words),
                )
            if not whole and process.poll() not in (None, 0):
                raise AgentError(
                    "capture-failed",
                    Phrase(
                        "{node}: {command} failed: {last_words}",
                        node=part.node,
                        command=command[0],
                        last_words=_last_words(f"{scratch}/log"),
                    ),
                )
        finally:
            process.stdout.close()
            process.kill()
            process.wait()


def _code(words: str) -> str:
    """Whether the disk or something else is to blame, by what partclone and dd say."""
    lower = words.lower()
    return "disk-read-error" if "input/output error" in lower or "read error" in lower else "capture-failed"


def _last_words(path: str) -> str:
    """The last lines of a log, as one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file.read()[-4000:].replace("\r", "\n").split("\n")]
    except OSError:
        return ""
    return " / ".join([line for line in lines if line and set(line) - set("=-*")][-3:])[-250:]
