"""Debian's real CUPS, in a folder of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
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
