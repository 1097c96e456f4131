"""The operating system is read out of real file systems."""

from pathlib import Path

import pytest

from cloned.agent.master import refused_content
from cloned.images.store import ImageStore
from cloned.processes import run
from tests.images import MIB
from tests.interop.images.test_partclone import clone, save

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    "options",
    [
        ["-t", "ext4"],
        ["-t", "ext4", "-O", "64bit", "-b", "4096"],
        ["-t", "ext2", "-b", "1024"],
        ["-t", "ext3"],
        ["-t", "ext4", "-I", "128", "-O", "^64bit,^metadata_csum"],
    ],
    ids=" ".join,
)
def test_os_release(options: list[str], store: ImageStore, tmp_path: Path) -> None:
    tree, file = tmp_path / "tree", tmp_path / "root.raw"
    (tree / "etc").mkdir(parents=True)
    (tree / "usr/lib").mkdir(parents=True)
    for number in range(300):
        (tree / "etc" / f"some-configuration-file-{number}").write_text("x")
    (tree / "usr/lib/os-release").write_text('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')
    (tree / "etc/os-release").symlink_to("../usr/lib/os-release")
    with file.open("wb") as made:
        made.truncate(32 * MIB)
    run(["mke2fs", "-q", *options, "-d", tree, file])
    manifest = store.import_image(save("ext4", file, clone("partclone.extfs", file), tmp_path / "image"))
    assert manifest.os == "Debian GNU/Linux 12 (bookworm)"


@pytest.mark.parametrize(("folders", "found"), [
    (["Windows", "Users"], "Windows"), (["Users", "Windows.old"], ""),
    ([f"a folder with a long name, number {number}" for number in range(800)] + ["WINDOWS"], "Windows"),
], ids=["windows", "data", "a-large-root"])  # fmt: skip
def test_windows(folders: list[str], found: str, store: ImageStore, tmp_path: Path) -> None:
    file, place = tmp_path / "ntfs.raw", tmp_path / "place"
    with file.open("wb") as made:
        made.truncate(64 * MIB)
    run(["mkfs.ntfs", "-q", "-F", "-f", file])
    place.mkdir()
    run(["ntfs-3g", file, place])
    try:
        for folder in folders:
            (place / folder).mkdir()
    finally:
        run(["umount", place])
    manifest = store.import_image(save("ntfs", file, clone("partclone.ntfs", file), tmp_path / "image"))
    assert manifest.os == found


@pytest.mark.parametrize(("head", "asleep"), [(b"HIBR", True), (b"hibr", True), (b"wake", False), (bytes(4), False)])
def test_a_windows_that_sleeps(head: bytes, asleep: bool, store: ImageStore, tmp_path: Path) -> None:
    file, hibernation = tmp_path / "ntfs.raw", tmp_path / "hiberfil.sys"
    with file.open("wb") as made:
        made.truncate(64 * MIB)
    run(["mkfs.ntfs", "-q", "-F", "-f", file])
    hibernation.write_bytes(head.ljust(300_000, b"\1" if asleep else b"\0"))
    run(["ntfscp", file, hibernation, "hiberfil.sys"])
    store.import_image(save("ntfs", file, clone("partclone.ntfs", file), tmp_path / "image"))
    assert [warning.code for warning in store.warnings("image")] == (["hibernated"] if asleep else [])
    with file.open("rb") as disk:

        def read(offset: int, length: int) -> bytes:
            disk.seek(offset)
            return disk.read(length)

        assert bool(refused_content("ntfs", read)) is asleep


def test_a_swap_file_that_a_system_sleeps_in(store: ImageStore, tmp_path: Path) -> None:
    tree, file = tmp_path / "tree", tmp_path / "root.raw"
    tree.mkdir()
    (tree / "swapfile").write_bytes((bytes(4086) + b"S1SUSPEND\0").ljust(2 * MIB, b"\1"))
    with file.open("wb") as made:
        made.truncate(32 * MIB)
    run(["mke2fs", "-q", "-t", "ext4", "-d", tree, file])
    store.import_image(save("ext4", file, clone("partclone.extfs", file), tmp_path / "image"))
    assert [warning.code for warning in store.warnings("image")] == ["hibernated"]
