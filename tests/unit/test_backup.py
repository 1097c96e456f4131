"""A backup brings the same workshop back, and overwrites nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from cloned.backup import backup, missing, restore
from cloned.core.events import Configured, Settings
from cloned.errors import ClonedError, UsageError
from cloned.journal import Journal, JournalEntry


@pytest.fixture
def state(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "state" / "journal.sqlite")
    journal.append([JournalEntry(1.0, "00", Configured(Settings(confirm="auto")))])
    journal.close()
    (tmp_path / "state" / "pin").write_text("123456")
    return tmp_path / "state"


def test_there_and_back(state: Path, tmp_path: Path) -> None:
    assert backup(state, tmp_path / "b.tgz") == ["journal.sqlite", "pin"]
    assert (tmp_path / "b.tgz").stat().st_mode & 0o777 == 0o600
    restore(tmp_path / "new", tmp_path / "b.tgz")
    journal = Journal(tmp_path / "new" / "journal.sqlite")
    assert [entry.event for entry in journal.entries()] == [Configured(Settings(confirm="auto"))]
    journal.close()


def test_a_restore_says_which_images_and_keys_are_missing(state: Path, tmp_path: Path) -> None:
    for name, digest in (("school-2026", "ab" * 32), ("old", "cd" * 32)):
        folder = state / "images" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"image_hash": digest, "pieces": []}))
    (state / "site.key").write_text("key")
    assert backup(state, tmp_path / "b.tgz")[-2:] == ["manifests/old.json", "manifests/school-2026.json"]
    new = tmp_path / "new"
    restore(new, tmp_path / "b.tgz")
    (new / "images" / "old").mkdir(parents=True)
    shutil.copy(new / "manifests" / "old.json", new / "images" / "old" / "manifest.json")
    told = [str(text) for text, _ in missing(new)]
    assert told == [
        f"image school-2026 is missing, of the hash {'ab' * 32}",
        "the page's key is not in the backup",
    ]
    assert not list(new.glob("images/school-2026"))


def test_nothing_is_overwritten(state: Path, tmp_path: Path) -> None:
    backup(state, tmp_path / "b.tgz")
    with pytest.raises(UsageError, match="exists already"):
        backup(state, tmp_path / "b.tgz")
    with pytest.raises(UsageError, match="holds a workshop already"):
        restore(state, tmp_path / "b.tgz")


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(ClonedError, match="could not be read"):
        restore(tmp_path / "new", tmp_path / "junk")
    with tarfile.open(tmp_path / "evil.tgz", "w:gz") as tar:
        tar.add(tmp_path / "junk", "../../evil")
    with pytest.raises(UsageError, match="no backup"):
        restore(tmp_path / "new", tmp_path / "evil.tgz")
    assert not (tmp_path / "new").exists()


def test_what_is_brought_back_is_ours_alone(tmp_path: Path) -> None:
    state, file, again = tmp_path / "state", tmp_path / "b.tar.gz", tmp_path / "again"
    state.mkdir()
    with sqlite3.connect(state / "journal.sqlite") as db:
        db.execute("CREATE TABLE t (a)")
    db.close()
    (state / "pin").write_text("123456\n")
    for path in state.iterdir():
        path.chmod(0o666)
    backup(state, file)
    restore(again, file)
    assert {path.stat().st_mode & 0o777 for path in again.iterdir()} == {0o600}
