"""A copy is made before another version touches the state, three are kept, and a newer state is left alone."""

from __future__ import annotations

import os
import sqlite3
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from cloned.errors import ClonedError, Exit, UsageError
from cloned.safekeeping import FILE, FOLDER, KEPT, OURS, alone, keep_safe


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("CREATE TABLE journal (id INTEGER)")
    database.close()
    (tmp_path / "page.key").write_text("secret\n")
    return tmp_path


def test_what_0_1_0_left_is_copied_once(state: Path) -> None:
    copy = keep_safe(state)
    assert copy is not None
    with tarfile.open(copy) as tar:
        assert {"journal.sqlite", "page.key"} <= set(tar.getnames())
    assert copy.stat().st_mode & 0o077 == 0
    assert keep_safe(state) is None


def test_an_empty_state_needs_no_copy(tmp_path: Path) -> None:
    assert keep_safe(tmp_path) is None
    assert (tmp_path / FILE).exists()
    assert not (tmp_path / FOLDER).exists()


def test_the_last_three_are_kept(state: Path) -> None:
    made = [keep_safe(state, replace(OURS, cloned=f"0.{number}")) for number in range(5)]
    assert sorted((state / FOLDER).iterdir()) == sorted(path for path in made[-KEPT:] if path)


@pytest.mark.parametrize("newer", [replace(OURS, journal=OURS.journal + 1), replace(OURS, ledger="9999")])
def test_a_newer_state_is_refused_with_the_version_to_install(state: Path, newer: object) -> None:
    keep_safe(state, replace(newer, cloned="7.8"))  # type: ignore[type-var]
    before = (state / FILE).read_bytes()
    with pytest.raises(UsageError, match=r"install cloned 7\.8") as caught:
        keep_safe(state)
    assert caught.value.exit is Exit.USAGE
    assert (state / FILE).read_bytes() == before


def test_a_damaged_note_is_told(state: Path) -> None:
    (state / FILE).write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        keep_safe(state)


def test_a_second_daemon_over_one_state_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    refused = pytest.raises(ClonedError, match=rf"process {os.getpid()}.*stop that one first")
    with alone(tmp_path), refused, alone(tmp_path, 0.0):
        pass
    with alone(tmp_path, 0.0):
        pass
