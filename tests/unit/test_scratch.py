from __future__ import annotations

import fcntl
import os
import tempfile
import time
from pathlib import Path

import pytest

from cloned.scratch import OLD_SECONDS, scratch, sweep


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(place: Path, name: str, seconds: float = 2 * OLD_SECONDS) -> Path:
    """What somebody left behind so long ago."""
    folder = place / name
    folder.mkdir()
    (folder / "journal.sqlite").write_text("a copy")
    age(folder, seconds)
    return folder


def age(folder: Path, seconds: float) -> None:
    os.utime(folder, (time.time() - seconds,) * 2)


def test_a_folder_is_gone_afterwards(place: Path) -> None:
    with scratch("check") as folder:
        assert folder.parent == place
        (folder / "file").touch()
    assert list(place.iterdir()) == []


def test_what_was_left_behind_is_taken_away_by_the_next(place: Path) -> None:
    old, new, another = left(place, "cloned-check-a"), left(place, "cloned-check-b", 60), left(place, "cloned-live-c")
    with scratch("check"):
        assert [old.exists(), new.exists(), another.exists()] == [False, True, True]


def test_what_somebody_works_in_stays_however_old(place: Path) -> None:
    with scratch("check") as used:
        age(used, 2 * OLD_SECONDS)
        with scratch("check") as other:
            assert used.exists()
            assert other != used
    free = left(place, "cloned-check-a")
    held = os.open(free, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    sweep("check")
    assert free.exists()
    os.close(held)
    sweep("check")
    assert not free.exists()


def test_no_link_and_no_file_is_followed_or_taken_away(place: Path) -> None:
    (place / "elsewhere").mkdir()
    kept = left(place / "elsewhere", "kept")
    (place / "cloned-check-link").symlink_to(kept)
    (place / "cloned-check-file").write_text("mine")
    sweep("check")
    assert (kept / "journal.sqlite").exists()
    assert (place / "cloned-check-file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_is_left(place: Path) -> None:
    theirs = left(place, "cloned-check-a")
    os.chown(theirs, 64815, 64815)
    sweep("check")
    assert theirs.exists()


def test_a_temporary_folder_that_is_not_there_is_no_trouble(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place / "gone"))
    sweep("check")
