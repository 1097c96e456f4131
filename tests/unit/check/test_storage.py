"""What a state directory lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.check import storage
from cloned.config import Config
from cloned.errors import ClonedError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "my state").mkdir()
    return Config.model_validate({"workshop": {"state": tmp_path / "my state"}})


def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """What /proc/self/mounts says (fstab(5): spaces as \\040)."""
    (tmp_path / "mounts").write_text("".join(f"{line}\n" for line in ("/dev/sda1 / ext4 rw 0 0", *lines)))
    monkeypatch.setattr(storage, "MOUNTS", tmp_path / "mounts")


@pytest.mark.parametrize("kind", sorted(storage.NETWORK_FILE_SYSTEMS))
def test_a_state_on_another_machines_disk_is_wrong(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    here = str(config.workshop.state).replace(" ", "\\040")
    mounts(tmp_path, monkeypatch, f"nas:/export {here} {kind} rw 0 0")
    [told] = [each for each in storage.state(config) if isinstance(each, ClonedError)]
    assert told.message == f"{config.workshop.state} is on {kind}"
    assert "local disk" in told.hint


def test_a_share_beside_or_above_a_local_disk_is_none_of_it(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = str(config.workshop.state).replace(" ", "\\040")
    mounts(
        tmp_path,
        monkeypatch,
        f"nas:/a {state}s nfs4 rw 0 0",
        f"nas:/b {tmp_path} nfs4 rw 0 0",
        f"/dev/sdb {state} ext4 rw 0 0",
    )
    found = list(storage.state(config))
    assert not [each for each in found if isinstance(each, ClonedError)]
