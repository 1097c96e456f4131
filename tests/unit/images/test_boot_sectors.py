"""Boot code and tables of the field's images: the protective MBR, the gap behind it, extended partitions."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import pytest

from cloned.disk.layout import Layout, MbrEntry
from cloned.disk.manifest import GAP_LAYER, image_hash
from cloned.errors import ImageError
from cloned.images import boot_sectors
from cloned.images.export import export
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from tests.images import MIB, Disk, Part, put, read_back
from tests.unit.images.test_field import warned

pytestmark = pytest.mark.wire  # real programs


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


@pytest.mark.parametrize(("content", "sector", "lost"), [
    (b"", 1, True), (b"core", 1, False), (bytes(512) + b"core", 1, True), (bytes(512) + b"core", 2, False),
    (b"core", 900, True), (b"core", 0, False),
])  # fmt: skip
def test_a_gap_that_was_saved_without_what_grub_looks_for(
    content: bytes, sector: int, lost: bool, store: ImageStore, memory: Path
) -> None:
    """Cut short, or zeros: as good as not saved."""
    boot = b"\xeb\x63".ljust(0x5C, b"\0") + sector.to_bytes(8, "little") + b"GRUB "
    path = dos(memory, gap=63 * 512, boot=boot)
    (path / "sda-hidden-data-after-mbr").write_bytes(content.ljust(63 * 512, b"\0"))
    store.import_image(path)
    assert list(warned(store, "image")) == (["grub-gap"] if lost else [])


def test_a_gap_too_large_for_the_plan_is_sent_in_pieces(
    store: ImageStore, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_sectors, "GAP_INLINE_BYTES", 1 << 20)
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
    monkeypatch.setattr(boot_sectors, "GAP_INLINE_BYTES", 100)
    monkeypatch.setattr(boot_sectors, "GAP_LIMIT_BYTES", 1000)
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
