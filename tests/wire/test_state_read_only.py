"""`cloned serve` over a state that it may not write: one line, and nothing of it is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloned.errors import Exit
from cloned.journal import Journal

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")]
SERVE = "from cloned.cli.main import main; main()"
CLOSED = 'ip link set lo up; mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@pytest.mark.parametrize("used", [False, True])
def test_a_state_that_is_mounted_read_only_ends_it_in_one_line(tmp_path: Path, *, used: bool) -> None:
    state = tmp_path / "state"
    state.mkdir()
    if used:
        Journal(state / "journal.sqlite").close()
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    config = tmp_path / "cloned.toml"
    config.write_text(f'[workshop]\nstate = "{state}"\nruntime = "{tmp_path}/run"\n[network]\ninterfaces = ["lo"]\n')
    serve = [sys.executable, "-c", SERVE, "serve", "--config", str(config)]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", "-c", CLOSED, "-", str(state), *serve],
        capture_output=True, timeout=120, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    [line] = done.stderr.decode().splitlines()
    assert (done.returncode, line.startswith("cloned: ")) == (Exit.MISSING, True)
    assert "Read-only file system" in line
    assert "not mounted read-only" in line
    assert {path.name: path.read_bytes() for path in state.iterdir()} == before
