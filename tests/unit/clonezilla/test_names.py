"""Renaming the disk of a Clonezilla image."""

from __future__ import annotations

import pytest

from cloned.clonezilla.names import rename_disk

SAVED = {
    "disk": b"sda\n",
    "parts": b"sda1 sda12\n",
    "sda-pt.sf": b'device: /dev/sda\n\n/dev/sda1 : start= 2048, size= 4096, name="sda1"\n/dev/sda12 : start= 8192\n',
    "sda-pt.parted": b"Disk /dev/sda: 16384s\nPartition Table: gpt\n",
    "dev-fs.list": b"/dev/sda1 ext4 2M\n/dev/sda12 swap 1M\n/dev/nvme0n1p1 ext4 9G\n",
    "blkdev.list": b"KNAME NAME\nsda   sda   disk\nsda1  |-sda1  part ext4\nnvme0n1 nvme0n1 disk\nnvme0n1p1 `-nvme0n1p1 part\n",
    "blkid.list": b'/dev/sda1: LABEL="sda1" UUID="sda"\n/dev/nvme0n1p1: TYPE="ext4"\n',
    "lvm_vg_dev.list": b"sda /dev/sda12 aaaaaa-sda\n",
    "lvm_sda.conf": b'sda { device = "/dev/sda12" }\n',
    "sda1.ext4-ptcl-img.zst.aa": b"",
    "swappt-sda12.info": b'UUID="u"\n',
}


def test_sda_becomes_nvme0n1() -> None:
    made = rename_disk(SAVED, "sda", "nvme0n1")
    assert made["disk"] == b"nvme0n1\n"
    assert made["parts"] == b"nvme0n1p1 nvme0n1p12\n"
    assert b'/dev/nvme0n1p1 : start= 2048, size= 4096, name="sda1"' in made["nvme0n1-pt.sf"]
    assert made["nvme0n1-pt.parted"].startswith(b"Disk /dev/nvme0n1: ")
    assert made["dev-fs.list"] == b"/dev/nvme0n1p1 ext4 2M\n/dev/nvme0n1p12 swap 1M\n"
    assert made["blkdev.list"] == b"KNAME NAME\nnvme0n1   nvme0n1   disk\nnvme0n1p1  |-nvme0n1p1  part ext4\n"
    assert made["blkid.list"] == b'/dev/nvme0n1p1: LABEL="sda1" UUID="sda"\n'
    assert made["lvm_vg_dev.list"] == b"sda /dev/nvme0n1p12 aaaaaa-sda\n"
    assert made["lvm_sda.conf"] == SAVED["lvm_sda.conf"]
    assert {"nvme0n1p1.ext4-ptcl-img.zst.aa", "swappt-nvme0n1p12.info"} <= made.keys()


def test_there_and_back_again() -> None:
    plain = {name: data for name, data in SAVED.items() if name not in ("dev-fs.list", "blkdev.list", "blkid.list")}
    assert rename_disk(rename_disk(plain, "sda", "mmcblk0"), "mmcblk0", "sda") == plain
    assert rename_disk(SAVED, "sda", "sda") == SAVED


@pytest.mark.parametrize("name", ["", "../sda", "sda;reboot", "sd a", "SDA", "/dev/sda"])
def test_what_is_no_disk(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a disk"):
        rename_disk(SAVED, "sda", name)
