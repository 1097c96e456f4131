"""What people's images were like where the first version failed (tests/data/field), and their kin."""

from __future__ import annotations

import os
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from cloned.cli.image import import_image
from cloned.disk.layout import check_layout, parse_dump
from cloned.errors import ImageError
from cloned.images.folder import Folder, open_file
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from cloned.languages import language
from tests.images import MIB, Disk, Part
from tests.unit.images.test_saved import GROUP, lvm

pytestmark = pytest.mark.wire  # real programs

FIELD = Path(__file__).parents[2] / "data" / "field"


def unpacked(name: str, into: Path) -> Path:
    """An image of the field."""
    with zstandard.open(FIELD / f"{name}.tar.zst", "rb") as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
        archive.extractall(into, filter="data")
    return into / name


def warned(store: ImageStore, name: str) -> dict[str, str]:
    return {warning.code: str(warning) for warning in store.warnings(name)}


@pytest.mark.parametrize(("name", "code", "said"), [
    ("gap70", "grub-gap", "gap after the MBR of sda was not saved.*larger than Clonezilla's limit"),
    ("hib", "hibernated", "sda2 holds a hibernated Linux.*shut it down properly"),
    ("partial", "not-saved", r"sda1 \(vfat\), sda3 \(swap\): in the partition table, but without data"),
])  # fmt: skip
def test_taken_with_a_warning(name: str, code: str, said: str, store: ImageStore, memory: Path) -> None:
    store.import_image(unpacked(name, memory))
    assert list(warned(store, name)) == [code]
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(warned(store, name)[code])
    assert store.details(name)["warnings"][0]["code"] == code


def test_a_warning_is_kept_so_that_it_can_be_said_in_any_language(store: ImageStore, memory: Path) -> None:
    store.import_image(unpacked("hib", memory))
    [found] = store.warnings("hib")
    assert "sda2" in language("nl").say(found.text)
    assert "slaapstand" in language("nl").say(found.text)
    assert "veille prolongée" in language("fr").say(found.text)
    assert "démarrez le master" in language("fr").say(found.hint)


def test_warnings_that_an_earlier_version_kept_are_plain_texts(store: ImageStore, memory: Path) -> None:
    store.import_image(unpacked("hib", memory))
    (store.root / "hib" / "warnings.json").write_text('[{"code": "hibernated", "text": "it sleeps {", "hint": ""}]')
    [found] = store.warnings("hib")
    assert (found.code, found.text, found.hint) == ("hibernated", "it sleeps {", "")
    assert language("fr").say(found.text) == "it sleeps {"


def test_taken_without_a_warning(store: ImageStore, memory: Path) -> None:
    assert store.import_image(unpacked("ddinfo", memory)).plan.layers[0].fs == "dd"
    assert warned(store, "ddinfo") == {}


@pytest.mark.parametrize(("name", "said"), [
    ("btrfs2", "sda1 holds a btrfs larger than itself: it lies over several devices"),
    ("smallgpt", "describes no disk that can be cloned"),
])  # fmt: skip
def test_refused(name: str, said: str, store: ImageStore, memory: Path) -> None:
    with pytest.raises(ImageError, match=said):
        store.import_image(unpacked(name, memory))
    assert store.names() == []


@pytest.mark.parametrize(("name", "attrs"), [
    ("windows-oem", {1: "8000000000000001", 5: "0000000000000001"}),
    ("chromeos", {2: "01f1000000000000", 12: "0000000000000004"}),
    ("not-in-order", {1: "0000000000000001", 5: "0000000000000001", 8: "0000000000000001"}),
    ("logical-disorder", {2: "active"}), ("mbr-deleted-first", {}),
])  # fmt: skip
def test_tables(name: str, attrs: dict[int, str]) -> None:
    layout = parse_dump((FIELD / f"{name}.sf").read_text())
    check_layout(layout)
    assert {part.number: part.attrs for part in layout.partitions if part.attrs} == attrs


def test_the_command_says_the_warnings(memory: Path) -> None:
    from click.testing import CliRunner

    config = memory / "cloned.toml"
    config.write_text(f'[workshop]\nstate = "{memory}/state"\n')
    said = CliRunner().invoke(import_image, [str(unpacked("partial", memory)), "--config", str(config)])
    assert said.exit_code == 0, said.output
    assert "warning: sda1 (vfat), sda3 (swap)" in said.output


class ExtPart(Part):
    """An ext4 whose superblock says in which state it is."""

    state = 1

    @property
    def data(self) -> bytes:
        data = bytearray(super().data)
        data[1024 + 56 : 1024 + 60] = struct.pack("<HH", 0xEF53, self.state)
        return bytes(data)


@pytest.mark.parametrize(
    ("state", "said"), [(0, "was not unmounted properly"), (1, ""), (3, "has errors"), (2, "has errors")]
)
def test_an_ext4_that_needs_its_check(state: int, said: str, store: ImageStore, memory: Path) -> None:
    part = ExtPart(1)
    part.state = state
    store.import_image(Disk([part]).write(memory / "image"))
    found = warned(store, "image")
    assert list(found) == (["unclean"] if said else [])
    assert said in found.get("unclean", "")
    assert not said or "start the master so that it checks its disk" in found["unclean"]


class DdPart(ExtPart):
    """The same, saved whole."""

    def stream(self) -> bytes:
        return self.data


def test_what_is_in_a_file_system_that_was_saved_by_dd(store: ImageStore, memory: Path) -> None:
    """Partclone refuses what is not clean, so people save just that by dd."""
    part = DdPart(1, kind="dd", fs="dd", blocks=16, used=[(0, 16)])
    part.state = 0
    store.import_image(Disk([part], swap=False).write(memory / "image"))
    assert "sda1 was not unmounted properly" in warned(store, "image")["unclean"]


@pytest.mark.parametrize(("change", "said"), [
    (lambda path: (path / "lvm_vg_dev.list").write_text(
        "vg-0 /dev/sda2 QIoD6M-RlPr-Oc4W-S5ay-3fvp-dQSF-j3wCJH\nvg-0 /dev/sdb1 QIoD6M-RlPr-Oc4W-S5ay-3fvp-dQSF-j3wCJX\n"
    ), "volume group vg-0 lies on /dev/sdb1 too, which is not on sda"),
    (lambda path: (path / "lvm_vg_dev.list").write_text("vg-0 /dev/sda QIoD6M-RlPr-Oc4W-S5ay-3fvp-dQSF-j3wCJH\n"),
     "lies on the whole of /dev/sda"),
    (lambda path: (path / "lvm_vg-0.conf").write_text(GROUP.replace(
        "physical_volumes {", 'physical_volumes {\npv1 { id = "other" device = "/dev/sdb1" pe_start = 1 pe_count = 2 }'
    )), "volume group vg-0 also lies on /dev/sdb1"),
    (lambda path: (path / "blkid.list").write_text(
        '/dev/sda1: UUID="1-2" UUID_SUB="3" TYPE="btrfs"\n/dev/sda2: UUID="1-2" UUID_SUB="4" TYPE="btrfs"\n'
    ), "/dev/sda1 and /dev/sda2 are one btrfs over several devices"),
], ids=["two disks", "whole disk", "unknown volume", "btrfs"])  # fmt: skip
def test_over_several_disks(change: Callable[[Path], object], said: str, memory: Path) -> None:
    path = lvm(memory / "image")
    change(path)
    with pytest.raises(ImageError, match=said):
        read_image(path)


def test_sums_written_by_hand(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)]).write(memory / "image")
    sums = (path / "MD5SUMS").read_text()
    (path / "MD5SUMS").write_text(sums.replace("  ", "  ./"))
    store.import_image(path)
    (path / "sda-mbr").write_bytes(b"x" * 512)
    with pytest.raises(ImageError, match="sda-mbr does not have the checksum"):
        store.import_image(path, "again")


def test_what_a_nas_and_gmf_add_does_not_stop_a_classic_session(store: ImageStore, memory: Path) -> None:
    path = lvm(memory / "image")
    (path / "@eaDir").mkdir()
    (path / "sda1.files-md5sum.info.gz").write_bytes(os.urandom(2 * MIB))
    store.import_image(path)
    assert store.pseudo_image("image", "sda")
    assert warned(store, "image") == {}


def test_what_no_classic_session_can_send_is_found_at_import(store: ImageStore, memory: Path) -> None:
    path = lvm(memory / "image")
    with (path / "huge.bin").open("wb") as file:
        file.truncate(200 * MIB)
    with pytest.raises(ImageError, match=r"none can send it.*huge\.bin"):
        store.import_image(path)
    assert store.names() == []


def test_a_link_put_there_after_the_look_is_not_followed(memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    folder = Folder(path)
    file = folder.file("sda-mbr")
    secret = memory / "secret"
    secret.write_text("secret")
    file.unlink()
    file.symlink_to(secret)
    with pytest.raises(ImageError, match="a link that leads out of the image"):
        open_file(file)
    with pytest.raises(ImageError, match="a link that leads out of the image"):
        folder.data("sda-mbr")


def test_data_that_becomes_a_link_while_it_is_read(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1), Part(2, seed=2)], sums=()).write(memory / "image")
    name = "sda2.ext4-ptcl-img.zst"
    (memory / "elsewhere").write_bytes((path / name).read_bytes())

    def swap(_: object) -> None:
        (path / name).unlink(missing_ok=True)
        (path / name).symlink_to(memory / "elsewhere")

    with pytest.raises(ImageError, match="a link that leads out of the image"):
        store.import_image(path, progress=swap)
    assert store.names() == []


def test_a_window_of_gigabytes_is_refused(store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    params = zstandard.ZstdCompressionParameters(window_log=31, compression_level=1, write_content_size=False)
    packed = zstandard.ZstdCompressor(compression_params=params).compressobj()
    (path / "sda1.ext4-ptcl-img.zst").write_bytes(packed.compress(Part(1).stream()) + packed.flush())
    with pytest.raises(ImageError, match=r"sda1\.ext4-ptcl-img\.zst is damaged"):
        store.import_image(path)


@pytest.mark.parametrize("kind", ["dd", "v2"])
def test_petabytes_of_zeros(kind: str, store: ImageStore, memory: Path) -> None:
    path = Disk(
        [Part(1, kind=kind, fs="dd" if kind == "dd" else "ext4", blocks=16, used=[(0, 4)])], sums=(), swap=False
    )
    dump = (path.write(memory / "image") / "sda-pt.sf").read_text()
    (memory / "image" / "sda-pt.sf").write_text(dump.replace("size=128", f"size={1 << 42}"))
    with pytest.raises(ImageError, match="which no laptop's partition has"):
        store.import_image(memory / "image")
