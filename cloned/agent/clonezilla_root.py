"""The full Clonezilla system on a laptop: fetched, laid under a tmpfs, entered, with the one disk that is meant."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from cloned.agent import disks, sysfs
from cloned.agent.client import PAUSE_SECONDS, length
from cloned.agent.failures import AgentError
from cloned.agent.options import AgentOptions
from cloned.agent.tools import ToolError, run
from cloned.agent.verify import Stopped
from cloned.clonezilla.ocs import OcsOutput
from cloned.saying import Phrase

SQUASHFS = "/live/clonezilla.squashfs"
HOME = Path("/run/clonezilla")
_CHUNK = 1 << 18
_MOST_SMALL_BYTES = 64 << 20
"""Of the tar with an image's small files, and of what comes out of it."""
_MODULES = ("loop", "squashfs", "overlay", "dm-mod")
_FLAGS = (
    "-l", "en_US.UTF-8", "-batch", "-nogui", "-scr", "-p", "true",
    "-irhr", "-ius", "-iui", "-irvd", "-iefi",  # mount and rewrite nothing of what was restored
)  # fmt: skip
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "linux", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8",
    "DM_DISABLE_UDEV": "1",  # no udevd runs here: LVM makes its own nodes
}  # fmt: skip

Told = Callable[[int, int], None]
"""Bytes so far, bytes in all."""


class _Away(Exception):  # noqa: N818 - a state of affairs
    """The server does not answer, or stopped in the middle."""


class Clonezilla:
    """The system below `HOME`; it stays mounted until the laptop is switched off."""

    def __init__(self, options: AgentOptions, disk: str) -> None:
        """`disk`: path of the only disk that it may see."""
        self._options, self._disk = options, disk
        self.root = HOME / "root"

    def prepare(self, told: Told, stop: Callable[[], bool]) -> None:
        """Fetch and mount it, unless that was done; AgentError says what is missing, Stopped if nobody wants it."""
        if not os.path.ismount(self.root):
            HOME.mkdir(parents=True, exist_ok=True)
            with (HOME / "squashfs").open("wb") as file:
                self._fetch(SQUASHFS, file, told, stop)
            try:
                self._mount()
            except ToolError as error:
                raise AgentError(
                    "internal", Phrase("the Clonezilla system cannot be mounted: {error}", error=error)
                ) from error
        self._hide_other_disks()
        self._configure()

    def put_image(self, image: str, stop: Callable[[], bool]) -> None:
        """Fetch the image's small files, with the names that they need here; Stopped if nobody wants it."""
        files = io.BytesIO()
        self._fetch(
            f"/agent/v1/clonezilla.tar?disk={Path(self._disk).name}", files, lambda *_: None, stop, _MOST_SMALL_BYTES
        )
        folder = self.root / "home/partimag"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / image).mkdir(parents=True)
        _unpack(files, folder / image)
        if not (folder / image / "disk").is_file():
            raise AgentError("internal", Phrase("the server sent no files of image {image}", image=image))

    def restore(
        self, image: str, port: int, output: OcsOutput, tick: Callable[[], None], stop: Callable[[], bool]
    ) -> None:
        """Run ocs-sr to its end, feeding `output`; Stopped, with all of it ended, if nobody wants it any more."""
        what = ["--mcast-port", str(port), "multicast_restoredisk", image, Path(self._disk).name]
        child = self._start(["ocs-sr", "-or", "/home/partimag", *_FLAGS, *what])
        assert child.stdout is not None
        try:
            with (HOME / "ocs-sr.log").open("ab") as log:
                self._follow(child.stdout, log, output, tick, stop)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            child.stdout.close()
            self.release()

    def release(self) -> None:
        """Let go of volume groups, so that the disk is free."""
        self._inside("vgchange", "--activate", "n", "--quiet")

    # -- inside -----------------------------------------------------------------------------------

    def _chunks(self, path: str) -> Iterator[tuple[bytes, int]]:
        """A file of the server's in chunks, each with the bytes in all; _Away while it does not answer."""
        url = f"http://{self._options.host}:{self._options.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._options.token}"})
        done = 0
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - from the kernel's command line
                total = length(answer.headers["Content-Length"])
                while chunk := answer.read(_CHUNK):
                    done += len(chunk)
                    yield chunk, total
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                raise _Away from error
            said = error.read(300).decode("utf-8", "replace").strip()
            raise AgentError(
                "needs-classic",
                Phrase("{path}: the server answers {code} {said}", path=path, code=error.code, said=said),
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Away from error
        if done != total:
            raise _Away

    def _fetch(
        self, path: str, to: IO[bytes], told: Told, stop: Callable[[], bool], most: float = float("inf")
    ) -> None:
        """Write a file of the server's into `to`, again from its start where the server went away meanwhile."""
        while not stop():
            to.seek(0)
            to.truncate()
            try:
                for chunk, total in self._chunks(path):
                    if stop():
                        raise Stopped
                    if total > most:
                        raise AgentError("internal", Phrase("{path} is too large", path=path))
                    to.write(chunk)
                    told(to.tell(), total)
            except _Away:  # starting again: it will come
                time.sleep(PAUSE_SECONDS)
            else:
                return
        raise Stopped

    def _mount(self) -> None:
        """squashfs below, tmpfs above; /dev is the kernel's own, so partitions and volumes appear in it."""
        below, above = HOME / "below", HOME / "above"
        for folder in (below, above, self.root):
            folder.mkdir(exist_ok=True)
        run(["modprobe", "-a", *_MODULES])
        run(["mount", "-t", "squashfs", "-o", "ro", str(HOME / "squashfs"), str(below)])
        run(["mount", "-t", "tmpfs", "tmpfs", str(above)])
        for name in ("upper", "work"):
            (above / name).mkdir()
        layers = f"lowerdir={below},upperdir={above}/upper,workdir={above}/work"
        run(["mount", "-t", "overlay", "-o", layers, "overlay", str(self.root)])
        kinds = {"proc": "proc", "sys": "sysfs", "dev": "devtmpfs", "run": "tmpfs", "tmp": "tmpfs"}
        for name, kind in kinds.items():
            (self.root / name).mkdir(exist_ok=True)
            run(["mount", "-t", kind, name, f"{self.root}/{name}"])

    def _hide_other_disks(self) -> None:
        """Lay /dev/null over every other disk and its partitions: for Clonezilla they do not exist."""
        mine = Path(self._disk).name
        for name in sysfs.names("/sys/block"):
            if name == mine or disks.NOT_DISKS.match(name):
                continue
            for node in [name, *(part for part in sysfs.names(f"/sys/block/{name}") if part.startswith(name))]:
                path = f"{self.root}/dev/{node}"
                if Path(path).exists() and not os.path.ismount(path):
                    run(["mount", "-o", "bind", "/dev/null", path])

    def _configure(self) -> None:
        """No pause between partitions; receivers on the card that leads to the server; LVM on this disk alone."""
        config = self.root / "etc/drbl/drbl-ocs.conf"
        ours = "\n# for this session\n"
        text = config.read_text().split(ours)[0]
        interface = sysfs.text("/run/interface")
        extra = f"--interface {interface}" if re.fullmatch(r"[\w.-]+", interface) else ""
        config.write_text(f'{text}{ours}SLEEP_TIME_AFTER_PART_CLONED="0"\nudp_receiver_extra_opt_default="{extra}"\n')
        only = f'global_filter = [ "a|^{re.escape(self._disk)}p?[0-9]*$|", "r|.*|" ]'
        local = self.root / "etc/lvm/lvmlocal.conf"
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_text(f"devices {{\n\t{only}\n\tuse_devicesfile = 0\n\tobtain_device_list_from_udev = 0\n}}\n")

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """In a process namespace of its own: when its first process is killed, so is everything that it started."""
        own = ["chroot", str(self.root), "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
        return subprocess.Popen(
            [*own, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_ENVIRONMENT,
            start_new_session=True,
        )

    def _follow(
        self, stream: IO[bytes], log: IO[bytes], output: OcsOutput, tick: Callable[[], None], stop: Callable[[], bool]
    ) -> None:
        """Until the end of the output; it is silent while it waits for the server."""
        import select

        while True:
            ready, _, _ = select.select([stream], [], [], 0.5)
            if stop():
                raise Stopped
            if ready:
                data = os.read(stream.fileno(), 65536)
                if not data:
                    return
                log.write(data)
                log.flush()
                output.feed(data)
            tick()

    def _inside(self, *command: str) -> None:
        subprocess.run(
            ["chroot", str(self.root), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_ENVIRONMENT,
            check=False,
            timeout=120,
        )


def _unpack(files: IO[bytes], folder: Path) -> None:
    """The regular files of a tar, all of them directly into `folder`, whatever folders they name."""
    files.seek(0)
    left = _MOST_SMALL_BYTES
    with tarfile.open(fileobj=files) as archive:
        for entry in archive:
            name = Path(entry.name).name
            file = archive.extractfile(entry) if entry.isfile() and name else None
            if file is not None:
                left -= entry.size  # of a sparse one this is what it would become, not what came
                if left < 0:
                    raise AgentError("internal", "the image's small files are too large")
                (folder / name).write_bytes(file.read())
