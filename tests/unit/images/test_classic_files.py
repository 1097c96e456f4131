"""What classic sessions take from an image's directory."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from cloned.errors import ImageError
from cloned.images.classic_files import pseudo_image
from cloned.images.store import ImageStore
from tests.images import MIB, Disk, Part
from tests.unit.images.test_saved import lvm

pytestmark = pytest.mark.wire  # real programs


def test_parts_come_in_clonezillas_order_volumes_last(store: ImageStore, memory: Path) -> None:
    store.import_image(lvm(memory / "image"))
    assert [(name, [path.name for path in files]) for name, files in store.saved_parts("image")] == [
        ("sda1", ["sda1.ext4-ptcl-img.zst"]),
        ("vg-0/root.1", ["vg-0-root.1.ext4-ptcl-img.zst"]),
    ]


def test_the_pseudo_image_has_the_targets_names_and_no_data(store: ImageStore, memory: Path) -> None:
    store.import_image(lvm(memory / "image"))
    with tarfile.open(fileobj=io.BytesIO(store.pseudo_image("image", "nvme0n1"))) as archive:
        sizes = {entry.name: entry.size for entry in archive}
        parts = archive.extractfile("image/parts")
        volumes = archive.extractfile("image/lvm_vg_dev.list")
        assert parts is not None
        assert volumes is not None
        assert parts.read().split()[0] == b"nvme0n1p1"
        assert volumes.read().startswith(b"vg-0 /dev/nvme0n1p2 QIoD6M")
    assert sizes["image/nvme0n1p1.ext4-ptcl-img.zst"] == sizes["image/vg-0-root.1.ext4-ptcl-img.zst"] == 0
    assert sizes["image/nvme0n1-pt.sf"] > 0
    assert not any("sda" in name or "SUMS" in name for name in sizes)


def test_a_directory_that_is_gone_is_said_so(store: ImageStore, memory: Path) -> None:
    Disk([Part(1)]).write(memory / "image")
    store.import_image(memory / "image")
    shutil.rmtree(memory / "image")
    with pytest.raises(ImageError, match="directory of image is gone"):
        store.saved_parts("image")


def test_what_is_no_disk_is_refused(store: ImageStore, memory: Path) -> None:
    Disk([Part(1)]).write(memory / "image")
    store.import_image(memory / "image")
    with pytest.raises(ValueError, match="no name of a disk"):
        store.pseudo_image("image", "../../etc")


@pytest.mark.parametrize(
    ("name", "size", "kept"), [("x" * 150, 1, False), ("café-" * 20, 1, False), ("notes.txt", 9, True)]
)
def test_what_else_lies_in_the_folder_keeps_no_session_from_sending(
    name: str, size: int, kept: bool, store: ImageStore, memory: Path
) -> None:
    path = Disk([Part(1)]).write(memory / "image")
    (path / name).write_bytes(bytes(size))
    store.import_image(path)
    assert not store.warnings("image")
    with tarfile.open(fileobj=io.BytesIO(pseudo_image(path, "image", "nvme0n1"))) as archive:
        assert (f"image/{name}" in archive.getnames()) is kept


def test_a_file_too_large_to_go_along_is_told_when_it_is_taken_in(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)]).write(memory / "image")
    with (path / "film.bin").open("wb") as file:
        file.truncate(70 * MIB)
    store.import_image(path)
    [found] = store.warnings("image")
    assert (found.code, "film.bin" in found.text) == ("not-for-classic", True)


def test_files_that_the_service_may_not_read_are_named_before_a_session(
    store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.import_image(Disk([Part(1)]).write(memory / "image"))
    assert store.unsendable("image") == ""
    monkeypatch.setattr("os.access", lambda path, mode: "ptcl-img" not in str(path))  # for root all can be read
    said = store.unsendable("image")
    assert "ptcl-img" in said
    assert "--keep copy" in said
