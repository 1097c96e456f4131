"""Debian's real CUPS, in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
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
    """Where the files lie that a network printer called Office got: Debian's ippeveprinter, kept to paper.

    Told not to announce itself it still wants a message bus, on which nobody listens.
    """
    out, bus = queue.parent / "printed", queue.parent / "bus"
    out.mkdir()
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
        options = ["-r", "off", "-k", "-p", port, "-d", str(out), "-f", "application/pdf", "-s", "99"]
        around = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}", "TMPDIR": str(queue.parent)}
        printer = start(["ippeveprinter", *options, "Office"], **around)
        block_until(
            lambda: _answers(socket.AF_INET, ("127.0.0.1", int(port))) or printer.poll() is not None, "the printer"
        )
        assert printer.poll() is None, "ippeveprinter ended"
        where = f"ipp://127.0.0.1:{port}/ipp/print"
        subprocess.run(["lpadmin", "-p", "Office", "-E", "-v", where, "-m", "raw"], check=True)
        yield out


def _answers(family: socket.AddressFamily, where: str | tuple[str, int]) -> bool:
    with socket.socket(family) as asking:
        return asking.connect_ex(where) == 0
