"""Debian's real CUPS, in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cloned import processes
from tests.waiting import block_until

CONF = """
Listen {folder}/cups.sock
WebInterface No
Browsing Off
<Location />
Order allow,deny
Allow all
</Location>
<Policy default>
<Limit All>
Order deny,allow
</Limit>
</Policy>
"""
FILES = """
FileDevice Yes
ServerRoot {folder}
StateDir {folder}/state
CacheDir {folder}/cache
RequestRoot {folder}/spool
TempDir {folder}/spool
ErrorLog {folder}/error
AccessLog {folder}/access
PageLog {folder}/pages
"""

EMPTY = """#!/bin/sh
echo STATE: +media-empty-error >&2
until [ -e {paper} ]; do sleep 0.2; done
echo STATE: -media-empty-error >&2
"""
"""What a printer does with a job while its tray is empty (ippeveprinter(8), `STATE:`)."""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of jobs of a printer called QL-820 that is switched off."""
    folder = tmp_path
    for parent in [folder, *folder.parents][:3]:
        parent.chmod(0o755)
    for name in ("state", "cache", "spool"):
        (folder / name).mkdir()
    (folder / "cupsd.conf").write_text(CONF.format(folder=folder))
    (folder / "cups-files.conf").write_text(FILES.format(folder=folder))
    daemon = processes.spawn(["cupsd", "-f", "-c", folder / "cupsd.conf", "-s", folder / "cups-files.conf"])
    try:
        block_until((folder / "cups.sock").exists, "cupsd does not listen")
        monkeypatch.setenv("CUPS_SERVER", str(folder / "cups.sock"))
        subprocess.run(["lpadmin", "-p", "QL-820", "-E", "-v", f"file://{folder}/paper", "-m", "raw"], check=True)
        subprocess.run(["cupsdisable", "QL-820"], check=True)
        yield folder / "spool"
    finally:
        daemon.terminate()
        daemon.wait(20)


@pytest.fixture
def printed(queue: Path) -> Iterator[Path]:
    """Where the files lie that a network printer called Office got: Debian's ippeveprinter, kept to paper."""
    out = queue.parent / "printed"
    out.mkdir()
    with _office(queue.parent, "-k", "-d", str(out)):
        yield out


@pytest.fixture
def tray(queue: Path) -> Iterator[Path]:
    """A network printer called Office says that it has no paper, and prints nothing, until this file is there."""
    paper, prints = queue.parent / "tray", queue.parent / "print.sh"
    prints.write_text(EMPTY.format(paper=paper))
    prints.chmod(0o755)
    with _office(queue.parent, "-c", str(prints)):
        yield paper


@contextmanager
def _office(folder: Path, *options: str) -> Iterator[None]:
    """Told not to announce itself the printer still wants a message bus, on which nobody listens."""
    bus = folder / "bus"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with ExitStack() as running:

        def start(command: list[str], **env: str) -> subprocess.Popen[bytes]:
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **env})
            running.callback(process.wait, 20)
            running.callback(process.terminate)
            return process

        start(["dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}"])
        block_until(lambda: _answers(socket.AF_UNIX, str(bus)), "the message bus")
        asked = ["-r", "off", "-p", port, "-f", "application/pdf", "-s", "99", *options]
        around = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}", "TMPDIR": str(folder)}
        printer = start(["ippeveprinter", *asked, "Office"], **around)
        block_until(
            lambda: _answers(socket.AF_INET, ("127.0.0.1", int(port))) or printer.poll() is not None, "the printer"
        )
        assert printer.poll() is None, "ippeveprinter ended"
        where = f"ipp://127.0.0.1:{port}/ipp/print"
        subprocess.run(["lpadmin", "-p", "Office", "-E", "-v", where, "-m", "raw"], check=True)
        yield


def _answers(family: socket.AddressFamily, where: str | tuple[str, int]) -> bool:
    with socket.socket(family) as asking:
        return asking.connect_ex(where) == 0
