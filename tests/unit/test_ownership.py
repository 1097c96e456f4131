"""What root leaves in the service's folder becomes the service's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloned.images.store import ImageStore
from cloned.ownership import hand_over, make_folder, open_again
from cloned.status.people import People
from cloned.status.tokens import Tokens

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SERVICE = 65534


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in folder.rglob("*")}


def test_everything_goes_to_the_folders_owner_and_no_link_is_followed(tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    (state / "images" / "school").mkdir(parents=True)
    (state / "images" / "school" / "manifest.json").write_text("{}")
    elsewhere.write_text("not ours")
    (state / "link").symlink_to(elsewhere)
    os.chown(state, SERVICE, SERVICE)
    assert hand_over(state) == 4
    assert owners(state) == {SERVICE}
    assert elsewhere.stat().st_uid == 0
    assert hand_over(state) == 0


def test_a_folder_of_roots_own_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert hand_over(tmp_path) == 0
    assert hand_over(tmp_path / "not there") == 0


def test_folders_of_our_home_that_we_may_not_enter_are_opened_and_no_others(tmp_path: Path) -> None:
    kept = tmp_path / ".cache" / "scapy"
    kept.mkdir(parents=True)
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "scapy").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir(mode=0o600)
    os.chown(tmp_path / ".config", SERVICE, SERVICE)
    for folder in (kept, kept.parent, tmp_path / ".config"):
        folder.chmod(0o600)
    open_again(tmp_path)
    modes = [each.stat().st_mode & 0o777 for each in (kept, kept.parent, tmp_path / ".config", tmp_path / "elsewhere")]
    assert modes == [0o700, 0o700, 0o600, 0o600]
    open_again(tmp_path / "not there")


def test_a_folder_is_of_whoever_the_one_above_is_of(tmp_path: Path) -> None:
    os.chown(tmp_path, SERVICE, SERVICE)
    make_folder(tmp_path / "hooks" / "more")
    assert owners(tmp_path) == {SERVICE}


@pytest.mark.usefixtures("cheap_hashes")
def test_what_root_does_beside_the_daemon_leaves_it_every_file(tmp_path: Path) -> None:
    os.chown(tmp_path, SERVICE, SERVICE)
    tokens = Tokens(tmp_path)
    for name in ("one", "two"):
        tokens.make(name, "read")
    assert owners(tmp_path) == {SERVICE}
    tokens.drop("one")
    assert owners(tmp_path) == {SERVICE}
    People(tmp_path).new_pin()
    assert owners(tmp_path) == {SERVICE}


def test_a_change_of_the_store_that_is_stopped_leaves_nothing_of_roots(tmp_path: Path) -> None:
    os.chown(tmp_path, SERVICE, SERVICE)
    store = ImageStore(tmp_path / "images")

    def stopped() -> None:
        with store._writing():
            (store.root / ".incoming" / "school").mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert owners(tmp_path) == {SERVICE}
    disk = tmp_path / "disk"
    disk.mkdir()
    os.chown(disk, SERVICE, SERVICE)
    (tmp_path / "linked").symlink_to(disk)  # a store on a disk of its own
    with ImageStore(tmp_path / "linked")._writing():
        (disk / "school").mkdir()
    assert owners(disk) == {SERVICE}
