from pathlib import Path
from typing import Any

import pytest

from cloned.agent import sysfs
from cloned.agent.disks import choose, empty, transport, world_wide_name
from cloned.agent.failures import AgentError


def disk(path: str, **changes: Any) -> dict[str, Any]:
    base = {"path": path, "size": 1000, "serial": "", "wwn": "", "eligible": True, "why_not": ""}
    return {**base, **changes}


A, B = disk("/dev/sda", serial="A", wwn="naa.1"), disk("/dev/nvme0n1", serial="B")
BARE = disk("/dev/vda")


def test_chosen_by_name_wherever_it_is() -> None:
    assert choose({"serial": "B", "wwn": "", "path": "/dev/sda", "size": 1000}, [A, B]) is B
    assert choose({"serial": "A", "wwn": "naa.1", "path": "/dev/nvme0n1"}, [B, A]) is A
    assert choose({"path": "/dev/vda", "size": 1000}, [BARE, A]) is BARE


@pytest.mark.parametrize(
    ("wanted", "disks", "word"),
    [
        ({"serial": "A", "wwn": "naa.2"}, [A, B], "0 disks"),
        ({"serial": "C"}, [A, B], "0 disks"),
        ({"serial": "A"}, [A, disk("/dev/sdb", serial="A")], "2 disks"),
        ({"serial": "A", "size": 999}, [A], "1000 bytes"),
        ({"path": "/dev/vda", "size": 999}, [BARE], "0 disks"),
        ({"path": "/dev/vda"}, [BARE], "0 disks"),
        ({}, [BARE], "0 disks"),
        ({"serial": "A"}, [disk("/dev/sda", serial="A", eligible=False, why_not="USB")], "USB"),
    ],
)
def test_any_doubt_is_a_refusal(wanted: dict[str, Any], disks: list[dict[str, Any]], word: str) -> None:
    with pytest.raises(AgentError, match=word) as error:
        choose(wanted, disks)
    assert error.value.code == "wrong-disk"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host6/target6:0:0/6:0:0:0/block/sdb", "usb"),
        ("/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda", "sata"),
        ("/sys/devices/pci0000:00/0000:00:1d.0/0000:3d:00.0/nvme/nvme0/nvme0n1", "nvme"),
        ("/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme"),
        ("/sys/devices/pci0000:00/0000:00:1c.0/mmc_host/mmc0/mmc0:0001/block/mmcblk0", "mmc"),
        ("/sys/devices/pci0000:00/0000:00:04.0/virtio1/block/vda", "virtio"),
        ("/sys/devices/virtual/block/loop0", "loop"),
        ("/sys/devices/pci0000:00/0000:02:00.0/host0/target0:2:0/0:2:0:0/block/sda", "scsi"),
    ],
)
def test_how_it_is_attached(path: str, kind: str) -> None:
    assert transport(path) == kind


def test_only_a_name_that_is_unique_in_the_world_is_a_wwn() -> None:
    assert world_wide_name("naa.5002538e40a0b0c0") == "naa.5002538e40a0b0c0"
    assert world_wide_name("eui.0025385b91b1f5b5") == "eui.0025385b91b1f5b5"
    assert world_wide_name("t10.ATA     QEMU HARDDISK        QM00001") == ""
    assert world_wide_name("nvme.1b36-4449534b31-51454d55204e564d65204374726c-00000001") == ""


def test_a_disk_of_0_bytes_is_dead_and_a_reader_without_a_card_empty() -> None:
    assert empty({"removable": False, "transport": "sata"}).startswith("dead")
    assert empty({"removable": True, "transport": "nvme"}).startswith("dead")
    assert empty({"removable": True, "transport": "usb"}) == "no medium"


def test_of_two_disks_with_one_wwn_the_one_with_the_serial_is_meant() -> None:
    one, other = disk("/dev/sda", serial="A", wwn="naa.5"), disk("/dev/sdb", serial="B", wwn="naa.5")
    assert choose({"serial": "B", "wwn": "naa.5", "path": "/dev/sda", "size": 1000}, [one, other]) is other
    with pytest.raises(AgentError, match="2 disks"):
        choose({"serial": "", "wwn": "naa.5"}, [one, other])


def test_of_two_that_share_wwn_and_serial_the_one_of_its_size_is_meant() -> None:
    one, other = (disk(f"/dev/nvme0n{n}", serial="N", wwn="eui.0000000000000000", size=n * 1000) for n in (1, 2))
    wanted = {"serial": "N", "wwn": "eui.0000000000000000"}
    assert choose({**wanted, "size": 2000}, [one, other]) is other
    with pytest.raises(AgentError, match="2 disks"):
        choose({**wanted, "size": 3000}, [one, other])
    with pytest.raises(AgentError, match="2 disks"):
        choose({**wanted, "size": 1000}, [one, {**one, "path": "/dev/nvme1n1"}])


@pytest.mark.parametrize(
    ("marked", "removable"), [("", False), ("fixed", False), ("unknown", False), ("removable", True)]
)
def test_a_disk_behind_thunderbolt_says_so(marked: str, removable: bool, tmp_path: Path) -> None:
    """It is as much a stranger as one on USB may be; a person may mean it all the same."""
    block = tmp_path / "pci0000:00" / "0000:05:00.0" / "nvme" / "nvme1" / "nvme1n1"
    block.mkdir(parents=True)
    (block / "removable").write_text("0\n")
    if marked:
        (tmp_path / "pci0000:00" / "0000:05:00.0" / "removable").write_text(f"{marked}\n")
    assert sysfs.unplugs(str(block)) is removable
