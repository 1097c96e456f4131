"""What people's images were like where the first version failed (tests/data/field), and their kin."""

from __future__ import annotations

import os
import struct
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from cloned.cli.image import import_image
from cloned.disk.layout import Layout, MbrEntry, check_layout, parse_dump
from cloned.disk.manifest import GAP_LAYER, image_hash
from cloned.errors import ImageError
from cloned.images import boot_sectors
from cloned.images.export import export
from cloned.images.folder import Folder, open_file
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from cloned.languages import language
from tests.images import MIB, Disk, Part, put, read_back
from tests.unit.images.test_saved import GROUP, lvm

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


# -- the protective MBR ---------------------------------------------------------------------------------


def mbr(*entries: tuple[int, int, int, int], ident: int = 0) -> bytes:
    """A first sector with these (flag, type, start, size)."""
    table = b"".join(struct.pack("<B3sB3sII", flag, b"", kind, b"", start, size) for flag, kind, start, size in entries)
    return struct.pack("<440sIH", b"\xebboot", ident, 0) + table.ljust(64, b"\0") + b"\x55\xaa"


def with_mbr(memory: Path, head: bytes) -> Path:
    path = Disk([Part(1), Part(2, seed=2)], sums=()).write(memory / "image")
    (path / "sda-mbr").write_bytes(head)
    return path


PLAIN = mbr((0, 0xEE, 1, 204799))
ACTIVE = mbr((0x80, 0xEE, 1, 204799))
HYBRID = mbr((0, 0xEE, 1, 2047), (0x80, 0x83, 2048, 16384), (0, 0xEE, 18432, 186368), ident=0x1234)


@pytest.mark.parametrize("grown", [0, 30 * MIB])
@pytest.mark.parametrize(("head", "entries"), [
    (PLAIN, ()), (ACTIVE, (MbrEntry(1, 1, 0, "ee", "active"),)),
    (HYBRID, (MbrEntry(1, 1, 2047, "ee"), MbrEntry(2, 2048, 16384, "83", "active"), MbrEntry(3, 18432, 0, "ee"))),
    (mbr((0, 0, 0, 0), (0, 0xEE, 1, 5)), (MbrEntry(2, 1, 0, "ee"),)),
], ids=["plain", "active", "hybrid", "second slot"])  # fmt: skip
def test_the_protective_mbr_is_written_as_it_was(
    head: bytes, entries: tuple[MbrEntry, ...], grown: int, store: ImageStore, memory: Path
) -> None:
    manifest = store.import_image(with_mbr(memory, head))
    layout = Layout.parse(manifest.plan.layout)
    assert layout.mbr == entries
    assert layout.mbr_id == (f"0x{int.from_bytes(head[440:444], 'little'):08x}" if entries else "")
    disk, size = memory / "disk", 100 * MIB + grown
    put(store, "image", disk, size)
    assert image_hash(manifest.plan, read_back(manifest.plan, disk)) == manifest.image_hash
    with disk.open("rb") as file:
        written = file.read(512)
    for at in range(446, 510, 16):
        assert (written[at], written[at + 4], written[at + 8 : at + 12]) == (
            head[at], head[at + 4], head[at + 8 : at + 12]
        )  # fmt: skip
    assert ("hybrid-mbr" in warned(store, "image")) == (head == HYBRID)


def test_a_lost_active_flag_is_a_difference(store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(with_mbr(memory, ACTIVE))
    put(store, "image", memory / "disk", 100 * MIB)
    with (memory / "disk").open("r+b") as file:
        file.seek(446)
        file.write(b"\0")
    assert read_back(manifest.plan, memory / "disk").layout != manifest.plan.layout


def test_a_plain_image_keeps_the_hash_and_format_it_had(store: ImageStore, memory: Path) -> None:
    """Also one whose MBR was not saved, or is none."""
    hashes = {head: store.import_image(with_mbr(Path(tempfile.mkdtemp(dir=memory)), head), name).image_hash
              for name, head in {"a": PLAIN, "b": PLAIN[:446] + bytes(66)}.items()}  # fmt: skip
    assert len(set(hashes.values())) == 1
    assert '"format":1' in (store.root / "a" / "manifest.json").read_text()


def test_an_image_of_format_1_is_replaced_by_itself_with_its_flag(store: ImageStore, memory: Path) -> None:
    """Imported again, it is the same image, and now whole; another image stays another."""
    path = with_mbr(memory, PLAIN)
    before = store.import_image(path).image_hash  # as the first version took every MBR in
    (path / "sda-mbr").write_bytes(ACTIVE)
    after = store.import_image(path)
    assert after.image_hash != before
    assert '"format":2' in (store.root / "image" / "manifest.json").read_text()
    assert store.manifest("image") == after


@pytest.mark.parametrize(("head", "said"), [
    (mbr((0, 0xEE, 1, 2047), (0, 5, 2048, 16384)), "hybrid MBR with an extended partition"),
    (mbr((0, 0xEE, 1, 2047), (0, 7, 1 << 31, 16384)), "entry 2 of the hybrid MBR does not fit"),
    (mbr((0, 0xEE, 1, 2047), (0, 7, 2048, 0)), "entry 2 of the hybrid MBR is empty"),
])  # fmt: skip
def test_hybrids_that_cannot_be_kept_are_refused(head: bytes, said: str, memory: Path) -> None:
    with pytest.raises(ImageError, match=said):
        read_image(with_mbr(memory, head))


def test_an_mbr_that_is_not_the_gpts(store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(with_mbr(memory, mbr((0x80, 7, 2048, 1000))))
    assert Layout.parse(manifest.plan.layout).mbr == ()
    assert list(warned(store, "image")) == ["mbr-not-protective"]


# -- boot code outside the MBR --------------------------------------------------------------------------


def dos(memory: Path, *, gap: int | None = None, boot: bytes = b"GRUB") -> Path:
    """An MBR disk with a gap of so many bytes, or none that was saved, before partitions far behind it."""
    path = Disk([Part(1)], label="dos", sums=(), swap=False).write(memory / "image")
    (path / "sda-mbr").write_bytes(boot.ljust(510, b"\0") + b"\x55\xaa")
    dump = (path / "sda-pt.sf").read_text()
    (path / "sda-pt.sf").write_text(dump.replace("start=2048", "start=143360"))
    with (path / "sda-hidden-data-after-mbr").open("r+b") as file:
        file.truncate(gap or 0)
    if gap is None:
        (path / "sda-hidden-data-after-mbr").unlink()
    return path


@pytest.mark.parametrize("grub", [True, False])
def test_a_gap_that_was_not_saved(grub: bool, store: ImageStore, memory: Path) -> None:
    store.import_image(dos(memory, boot=b"GRUB" if grub else b"other"))
    assert list(warned(store, "image")) == (["grub-gap"] if grub else [])


def test_a_gap_too_large_for_the_plan_is_sent_in_pieces(
    store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_sectors, "GAP_INLINE", 1 << 20)
    path = dos(memory, gap=5 * MIB)
    manifest = store.import_image(path)
    gap = manifest.plan.layers[0]
    assert (gap.name, gap.number, gap.start) == (GAP_LAYER, 0, 512)
    assert manifest.plan.gap is None
    put(store, "image", memory / "disk", 100 * MIB)
    assert image_hash(manifest.plan, read_back(manifest.plan, memory / "disk")) == manifest.image_hash
    assert [name for name, _ in store.saved_parts("image")] == ["sda1"]
    again = export(store, "image", memory / "again")
    name = "sda-hidden-data-after-mbr"
    assert (again / name).read_bytes() == (path / name).read_bytes()
    assert list(warned(store, "image")) == ["not-for-classic"]


def test_a_gap_beyond_clonezillas_own_limit(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_sectors, "GAP_INLINE", 100)
    monkeypatch.setattr(boot_sectors, "GAP_LIMIT", 1000)
    with pytest.raises(ImageError, match="larger than Clonezilla saves"):
        read_image(dos(memory, gap=2000))


EXTENDED = (
    "label: dos\nlabel-id: 0xc10edc10\nunit: sectors\n\n/dev/sda1 : start=2048, size=16384, type=83\n"
    "/dev/sda2 : start=20480, size=20480, type=5\n/dev/sda5 : start=22528, size=16384, type=83\n"
)


def extended(memory: Path, code: bytes) -> Path:
    path = Disk([Part(1), Part(5, seed=5)], label="dos", sums=(), swap=False).write(memory / "image")
    (path / "sda-pt.sf").write_text(EXTENDED)
    (path / "sda2-ebr").write_bytes(code.ljust(446, b"\0") + bytes(64) + b"\x55\xaa")
    return path


def test_the_boot_code_of_the_extended_partition(store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(extended(memory, b"LILO in an EBR"))
    put(store, "image", memory / "disk", 100 * MIB)
    with (memory / "disk").open("rb") as file:
        file.seek(20480 * 512)
        assert file.read(14) == b"LILO in an EBR"
    found = read_back(manifest.plan, memory / "disk")
    assert image_hash(manifest.plan, found) == manifest.image_hash
    with (memory / "disk").open("r+b") as file:
        file.seek(20480 * 512)
        file.write(b"x")
    assert read_back(manifest.plan, memory / "disk").layout != manifest.plan.layout


def test_an_extended_partition_without_boot_code_is_as_before(store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(extended(memory, b""))
    assert "ebr-code" not in manifest.plan.layout
    assert '"format":1' in (store.root / "image" / "manifest.json").read_text()


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


# -- what it is called ----------------------------------------------------------------------------------


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


# -- what a classic session sends -----------------------------------------------------------------------


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


# -- links, windows, petabytes --------------------------------------------------------------------------


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
