"""What root does with the command line leaves the service every file of its state, whatever the command makes anew."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.inventory.ledger import Ledger
from cloned.journal import Journal
from tests.images import Disk, Part

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")]
SERVICE = 64815
PASSWORD = "horses eat batteries"

COMMANDS = [
    "pin",
    "pin --new",
    "user add Bart",
    "user password Bart",
    "user end Bart",
    "user remove Bart",
    "token new desk",
    "token new phone",
    "token drop desk",
    "image import {folder}/school",
    "image import {folder}/other --keep copy",
    "image verify school",
    "image export school {folder}/exported",
    "image remove other --yes",
    "hooks run done",
    "inventory import {folder}/laptops.csv",
    "inventory status",
    "inventory export {folder}/out.csv",
    "inventory retry",
    "backup {folder}/backup.tar.gz",
]  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="cloned-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def state(folder: Path) -> Path:
    """A workshop of the service's, in which nothing was done yet; and what the commands are given."""
    made = folder / "state"
    made.mkdir()
    (folder / "cloned.toml").write_text(f'[workshop]\nstate = "{made}"\n[hooks]\nfolder = "{folder}/hooks"\n')
    Journal(made / "journal.sqlite").close()

    async def ledger() -> None:
        await (await Ledger.open(made / "ledger.sqlite")).close()

    asyncio.run(ledger())
    for path in (made, *made.iterdir()):
        os.chown(path, SERVICE, SERVICE)
    for name in ("school", "other"):
        Disk([Part(1, seed=len(name))]).write(folder / name)
    (folder / "laptops.csv").write_text("serial,tag\nPF0001,A-1\n")
    (folder / "hooks").mkdir()
    hook = folder / "hooks" / "note"
    hook.write_text("#!/bin/sh\nid -u > noted\n")
    hook.chmod(0o755)
    return made


def cloned(folder: Path, words: str) -> None:
    program = [sys.executable, "-c", "from cloned.cli.main import main; main()"]
    done = subprocess.run(
        [*program, *words.format(folder=folder).split(), "--config", str(folder / "cloned.toml")],
        input=PASSWORD + "\n", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_every_file_is_the_services_after_each_command(state: Path) -> None:
    for words in COMMANDS:
        cloned(state.parent, words)
        strange = [str(path) for path in state.rglob("*") if path.lstat().st_uid != SERVICE]
        assert not strange, words
    assert (state / "hooks" / "noted").read_text() == f"{SERVICE}\n"
    assert (state / "images" / "school").is_dir()


def test_a_restored_state_is_the_services(state: Path) -> None:
    cloned(state.parent, "token new desk")
    cloned(state.parent, "backup {folder}/backup.tar.gz")
    for path in state.iterdir():
        path.unlink()
    cloned(state.parent, "restore {folder}/backup.tar.gz")
    assert (state / "journal.sqlite").exists()
    assert {path.lstat().st_uid for path in state.rglob("*")} == {SERVICE}
