"""What the files of a Clonezilla directory mean."""

import hashlib
from pathlib import Path

import pytest

from cloned.errors import ImageError
from cloned.images.saved import read_image
from cloned.images.store import ImageStore
from tests.images import Disk, Part

GROUP = """
vg-0 {
id = "rHMSA4-mtgM-sqVk-AyFR-Ky5L-Ola3-7IMfVh"
extent_size = 8192
physical_volumes {
pv0 { id = "QIoD6M-RlPr-Oc4W-S5ay-3fvp-dQSF-j3wCJH" device = "/dev/sda2" pe_start = 2048 pe_count = 8 }
}
logical_volumes {
root.1 { id = "Ej4kSZ-cGuW-3bzf-eGjU-9GqW-BnB4-tJLiJn" segment_count = 1
segment1 { start_extent = 0 extent_count = 2 type = "striped" stripe_count = 1 stripes = ["pv0", 0] } }
swap { id = "Ej4kSZ-cGuW-3bzf-eGjU-9GqW-BnB4-tJLiJm" segment_count = 1
segment1 { start_extent = 2 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 2] } }
}
}
"""


def lvm(path: Path) -> Path:
    """The second partition becomes a physical volume; its data, a volume's."""
    Disk([Part(1), Part(2, seed=2)], sums=()).write(path)
    (path / "sda2.ext4-ptcl-img.zst").rename(path / "vg-0-root.1.ext4-ptcl-img.zst")
    (path / "lvm_vg_dev.list").write_text("vg-0 /dev/sda2 QIoD6M-RlPr-Oc4W-S5ay-3fvp-dQSF-j3wCJH\n")
    (path / "lvm_logv.list").write_text(
        "/dev/vg-0/swap  Linux swap file, 4k page size\n/dev/vg-0/root.1  Linux rev 1.0 ext4 filesystem data\n"
    )
    (path / "lvm_vg-0.conf").write_text(GROUP)
    (path / "swappt-vg-0-swap.info").write_text('UUID="806b6356-742b-4168-9791-ce1c1eecefe9"\nLABEL=""\n')
    return path


@pytest.mark.wire
def test_lvm(store: ImageStore, memory: Path) -> None:
    manifest = store.import_image(lvm(memory / "image"))
    one, volume = manifest.plan.layers
    assert (one.number, volume.name, volume.number, volume.start) == (1, "vg-0/root.1", 0, None)
    assert volume.size == 8 * 1024 * 1024
    assert manifest.plan.classic
    assert "volume-swap 1 806b6356-742b-4168-9791-ce1c1eecefe9 -\n" in manifest.plan.layout
    assert store.details("image")["classic"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda path: (path / "lvm_vg-0.conf").unlink(), r"lvm_vg-0\.conf is missing"),
        (lambda path: (path / "lvm_vg-0.conf").write_text("vg-0 {"), r"lvm_vg-0\.conf"),
        (lambda path: (path / "vg-0-root.1.ext4-ptcl-img.zst").unlink(), r"the data of vg-0/root\.1 is missing"),
        (lambda path: (path / "lvm_logv.list").write_text("/dev/vg-0/home  ext4\n"), "/dev/vg-0/home"),
        (lambda path: (path / "lvm_logv.list").write_text("/dev/../../x  ext4\n"), "no device name"),
    ],
    ids=range(5),
)
def test_lvm_that_is_not_whole(memory: Path, change: object, named: str) -> None:
    path = lvm(memory / "image")
    change(path)  # type: ignore[operator]
    with pytest.raises(ImageError, match=named):
        read_image(path)


def test_where_it_comes_from(memory: Path) -> None:
    path = Disk(sums=()).write(memory / "image")
    (path / "Info-dmi.txt").write_text(
        "# dmidecode\nBIOS Information\n\tVendor: X\n\nSystem Information\n\tManufacturer: LENOVO\n"
        "\tProduct Name: 20L5\n\tSerial Number: PF1\n\tUUID: 1-2\n\nBase Board Information\n\tManufacturer: Other\n"
    )
    (path / "Info-OS-prober.txt").write_text("Linux\n/dev/sda2:Debian GNU/Linux 12 (bookworm):Debian:linux\n")
    image = read_image(path)
    assert image.source == {"vendor": "LENOVO", "product": "20L5", "serial": "PF1", "uuid": "1-2"}
    assert image.os == "Debian GNU/Linux 12 (bookworm)"
    assert image.firmware == ("bios",)
    assert image.disk_size == 204800 * 512


def test_nvme_names(memory: Path) -> None:
    path = Disk([Part(1), Part(2)], sums=()).write(memory / "image")
    for file in list(path.iterdir()):
        target = path / file.name.replace("sda-", "nvme0n1-").replace("sda", "nvme0n1p")
        file.rename(target)
    for name, text in (("disk", "nvme0n1\n"), ("parts", "nvme0n1p1 nvme0n1p2\n")):
        (path / name).write_text(text)
    table = (path / "nvme0n1-pt.sf").read_text().replace("/dev/sda", "/dev/nvme0n1p")
    (path / "nvme0n1-pt.sf").write_text(table)
    (path / "swappt-nvme0n1p4.info").write_text('UUID="806b6356-742b-4168-9791-ce1c1eecefe8"\nLABEL="swp"\n')
    image = read_image(path)
    assert [part.number for part in image.parts] == [1, 2]
    assert image.layout == Disk([Part(1), Part(2)]).layout


SAMPLE = Path(__file__).parents[4] / "shared" / "clonezilla-image-sample"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample that ocs-sr saved is not beside this checkout")
def test_the_real_sample_is_incomplete() -> None:
    with pytest.raises(ImageError, match=r"the data of vda2 is missing|vda2\.ext4-ptcl-img"):
        read_image(SAMPLE)


@pytest.mark.wire
@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample that ocs-sr saved is not beside this checkout")
def test_the_whole_part_of_the_real_sample(store: ImageStore, memory: Path) -> None:
    path = memory / "image"
    path.mkdir()
    for file in SAMPLE.iterdir():
        if file.name != "MD5SUMS":
            (path / file.name).write_bytes(file.read_bytes())
    (path / "parts").write_text("vda1\n")
    manifest = store.import_image(path)
    (esp,) = manifest.plan.layers
    assert esp.fs == "vfat"
    assert manifest.disk_size == 400 * 1024 * 1024
    assert manifest.firmware == ("uefi",)
    assert "swap 3 1 806b6356-742b-4168-9791-ce1c1eecefe8 swp\n" in manifest.plan.layout


@pytest.mark.wire
@pytest.mark.parametrize(("file", "kind"), [
    ("SHA224SUMS", "sha224"), ("SHA256SUMS", "sha256"), ("SHA512SUMS", "sha512"), ("B2SUMS", "blake2b"),
])  # fmt: skip
def test_every_kind_of_sums_is_compared(file: str, kind: str, store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)], sums=((file, kind),)).write(memory / "image")
    store.import_image(path)
    (path / "sda-mbr").write_bytes(bytes(512))
    with pytest.raises(ImageError, match="sda-mbr does not have the checksum"):
        store.import_image(path, "again")


@pytest.mark.wire
@pytest.mark.parametrize("line", [
    "{sum}  {name}", "{sum} *./{name}", "{sum}  /home/partimag/image/{name}", "{sum}  image/{name}",
    "MD5 ({name}) = {sum}", "\ufeff\n# by me\n{sum}  {name}\r", "{sum}  {name}\n" + "0" * 32 + "  MD5SUMS",
])  # fmt: skip
def test_sums_however_people_made_them(line: str, store: ImageStore, memory: Path) -> None:
    path = Disk([Part(1)], sums=()).write(memory / "image")
    digest = hashlib.md5((path / "sda-mbr").read_bytes()).hexdigest()
    (path / "MD5SUMS").write_text(line.format(sum=digest, name="sda-mbr") + "\n")
    store.import_image(path)
    (path / "sda-mbr").write_bytes(bytes(512))
    with pytest.raises(ImageError, match="sda-mbr does not have the checksum"):
        store.import_image(path, "again")


@pytest.mark.wire
def test_sums_of_unknown_kinds_are_named(store: ImageStore, memory: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = Disk([Part(1)]).write(memory / "image")
    (path / "XXH128SUMS").write_text("99aa06d3014798d86001c324468d497f  sda-mbr\n")
    (path / "sda-mbr.xxh").write_text("99aa06d3014798d86001c324468d497f  sda-mbr\n")
    store.import_image(path)
    assert "XXH128SUMS, sda-mbr.xxh not compared" in caplog.text
