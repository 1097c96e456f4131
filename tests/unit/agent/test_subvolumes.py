"""Root in any subvolume."""

from pathlib import Path

import pytest

from cloned.agent.subvolumes import Subvolume, choose, fstab_names


@pytest.mark.parametrize(("found", "default", "chosen"), [
    ([], 5, None),
    ([Subvolume(5, "")], 5, 5),
    ([Subvolume(256, "@")], 5, 256),
    ([Subvolume(256, "@rootfs", named=True)], 5, 256),
    ([Subvolume(256, "root"), Subvolume(300, "root/var/lib/machines/x")], 5, 256),
    ([Subvolume(256, "deel-it/systems/desk", named=True), Subvolume(5, "")], 5, 256),
    ([Subvolume(256, "@", named=True), Subvolume(300, "timeshift-btrfs/snapshots/2026/@")], 5, 256),
    ([Subvolume(256, "@", read_only=True), Subvolume(300, "zeta")], 5, 300),
    ([Subvolume(256, "@"), Subvolume(270, "@/.snapshots/1/snapshot")], 270, 270),
    ([Subvolume(270, ".snapshots/1/snapshot")], 5, 270),
    ([Subvolume(256, "a"), Subvolume(257, "b")], 5, 256),
])  # fmt: skip
def test_which(found: list[Subvolume], default: int, chosen: int | None) -> None:
    assert choose(found, default) == chosen


@pytest.mark.parametrize(("line", "named"), [
    ("UUID=x / btrfs defaults,subvol=@rootfs 0 0", True), ("UUID=x / btrfs subvol=/@rootfs,noatime 0 0", True),
    ("UUID=x / btrfs subvol=@ 0 0", False), ("# UUID=x / btrfs subvol=@rootfs 0 0", False),
    ("UUID=x /home btrfs subvol=@rootfs 0 0", False), ("UUID=x / btrfs defaults 0 0", False), ("", False),
])  # fmt: skip
def test_its_own_fstab(line: str, named: bool, tmp_path: Path) -> None:
    assert not fstab_names(tmp_path, "@rootfs")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(f"# a comment\n{line}\n")
    assert fstab_names(tmp_path, "@rootfs") is named


def test_an_fstab_may_name_its_subvolume_by_number(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text("UUID=1 / btrfs noatime,subvolid=256 0 0\n")
    assert fstab_names(tmp_path, "anything", 256)
    assert not fstab_names(tmp_path, "a-copy", 257)


@pytest.mark.parametrize(
    "line", ["UUID=x / btrfs subvol=/my\\040root,compress=zstd 0 0", "UUID=x / btrfs subvolid=0x100 0 0"]
)
def test_an_fstab_writes_spaces_and_numbers_in_its_own_way(line: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(line + "\n")
    assert fstab_names(tmp_path, "my root", 256)
    assert not fstab_names(tmp_path, "my", 25)
