"""What root leaves in the service's folder becomes the service's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloned.ownership import hand_over

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
