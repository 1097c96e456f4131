"""Which image a lab clones: known by what it holds, whatever its directory is called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cloned.errors import UsageError
from cloned.images.store import ImageStore
from cloned.lab.stock import _fingerprint, _image
from tests.images import Disk, Part

pytestmark = pytest.mark.wire  # real programs


def other(path: Path, seed: int) -> str:
    """A Clonezilla directory `path`, its content by `seed`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(Disk([Part(1, seed=seed)], sums=(), swap=False).write(path))


def test_two_directories_of_one_name(tmp_path: Path) -> None:
    store, said = ImageStore(tmp_path / "store", level=1), list[str]()
    first = _image(store, tmp_path / "notes", other(tmp_path / "a" / "school", 1), said.append)
    second = _image(store, tmp_path / "notes", other(tmp_path / "b" / "school", 2), said.append)
    assert first.name == "school"
    assert second.name.startswith("school-")
    assert first.image_hash != second.image_hash
    assert said[-1].startswith(f"the lab has another image called school ({first.image_hash[:12]}); this one is called")
    said.clear()
    for folder, manifest in (("a", first), ("b", second)):
        assert _image(store, tmp_path / "notes", str(tmp_path / folder / "school"), said.append) == manifest
    assert said == []  # nothing was read again


def test_the_same_image_twice_is_one(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", level=1)
    first = _image(store, tmp_path / "notes", other(tmp_path / "a" / "school", 1), print)
    shutil.copytree(tmp_path / "a" / "school", tmp_path / "b" / "school")
    assert _image(store, tmp_path / "notes", str(tmp_path / "b" / "school"), print) == first
    assert store.names() == ["school"]


def test_a_directory_that_changed_is_taken_in_again(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", level=1)
    first = _image(store, tmp_path / "notes", other(tmp_path / "a" / "school", 1), print)
    shutil.rmtree(tmp_path / "a")
    second = _image(store, tmp_path / "notes", other(tmp_path / "a" / "school", 2), print)
    assert second.image_hash != first.image_hash


def test_a_file_that_was_put_there_with_the_date_and_size_of_the_old_one(tmp_path: Path) -> None:
    data = tmp_path / "sda1.dd-img"
    data.write_bytes(b"one")
    date, mark = data.stat().st_mtime_ns, _fingerprint(tmp_path)
    assert _fingerprint(tmp_path) == mark
    tick = data.stat().st_ctime_ns
    while data.stat().st_ctime_ns == tick:  # until the file system's clock has moved
        data.write_bytes(b"two")
    os.utime(data, ns=(date, date))
    assert _fingerprint(tmp_path) != mark


def test_a_directory_is_known_without_a_slash_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ImageStore(tmp_path / "store", level=1)
    first = _image(store, tmp_path / "notes", other(tmp_path / "a" / "school", 1), print)
    other(tmp_path / "b" / "school", 2)
    monkeypatch.chdir(tmp_path / "b")
    assert _image(store, tmp_path / "notes", "school", print).image_hash != first.image_hash
    monkeypatch.chdir(tmp_path)
    assert _image(store, tmp_path / "notes", "school", print) == first


def test_what_is_not_there(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", level=1)
    for name in ("school", str(tmp_path / "school")):
        with pytest.raises(UsageError, match="there is no image"):
            _image(store, tmp_path / "notes", name, print)
