"""A real PostgreSQL of Debian's, in a folder of its own, for tests and benchmarks: started, killed, started again."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cloned.errors import ClonedError, MissingError
from cloned.processes import run, spawn


def programs() -> Path | None:
    """Where the newest version's programs are; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgreSql:
    """One server on a Unix socket. PostgreSQL does not run as root: then it runs as Debian's user for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._numbers = folder, itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        root = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]
        self._as = root if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, name: str, *arguments: str) -> str:
        return run([*self._as, _program(name), *arguments], timeout=120).stdout.decode()

    def start(self) -> None:
        """Start it and wait until it answers. Raises ClonedError where it does not come up."""
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            command = [*self._as, _program("postgres"), "-D", str(self._data), *options]
            self._process = spawn(command, stdout=log, stderr=log)
        while run([_program("pg_isready"), "-q", "-h", str(self.folder)], check=False).returncode:
            if self._process.poll() is not None:
                raise ClonedError("PostgreSQL did not start", (self.folder / "log").read_text()[-300:])
            time.sleep(0.05)

    def kill(self) -> None:
        """Nothing is ended in order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + 30
        while (self._data / "postmaster.pid").exists() and self._children() and time.monotonic() < deadline:
            time.sleep(0.05)  # its children notice that their parent is gone

    def freeze(self) -> None:
        """It accepts, and never answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, which)

    def _children(self) -> bool:
        return any(str(self._data) in _command(entry) for entry in Path("/proc").glob("[0-9]*"))

    def stop(self) -> None:
        """End it at once: nobody needs its data any more."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def psql(self, database: str, query: str) -> str:
        """What a person sees who looks in."""
        return self._run("psql", "-h", str(self.folder), "-U", "postgres", "-d", database, "-At", "-c", query).strip()

    def database(self) -> str:
        """A new, empty database; returns its URL."""
        name = f"ledger{next(self._numbers)}"
        self._run("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return f"postgresql://postgres@/{name}?host={self.folder}"


def _program(name: str) -> str:
    found = programs()
    if found is None:
        raise MissingError("PostgreSQL is not installed", "apt-get install postgresql")
    return str(found / name)


def _command(entry: Path) -> str:
    with contextlib.suppress(OSError):
        return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


@contextlib.contextmanager
def running() -> Iterator[PostgreSql]:
    """A server for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as place:
        server = PostgreSql(Path(place))
        server.start()
        try:
            yield server
        finally:
            server.stop()
