"""The name of a disk means one disk of its laptop, whatever its maker put into it."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.agent.disks import choose
from cloned.core.disk_meant import disk_meant
from cloned.core.disk_names import named, tells_itself, usable_wwn
from cloned.core.disks import Disk
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State

A = Disk("/dev/sda", 10**11, serial="A", wwn="naa.5002538e40a0b0c0")
B = replace(A, path="/dev/sdb", serial="B")


def test_a_wwn_of_its_own_is_the_name() -> None:
    assert named([A])[0].key == A.wwn


def test_two_disks_with_one_wwn_have_two_names() -> None:
    assert [disk.key for disk in named([A, B])] == [f"{A.wwn}/A", f"{A.wwn}/B"]


@pytest.mark.parametrize("wwn", ["naa.0000000000000000", "naa.5000000000000000", "eui.0123456789abcdef", "0x0"])
def test_a_wwn_that_says_nothing_is_no_name(wwn: str) -> None:
    assert not usable_wwn(wwn)
    assert named([replace(A, wwn=wwn)])[0].key == f"{wwn}/A"


def test_namespaces_of_one_serial_are_told_apart_by_place_and_size() -> None:
    first = Disk("/dev/nvme0n1", 10**11, serial="N")
    found = named([first, replace(first, path="/dev/nvme0n2", size=2 * 10**11)])
    assert [disk.key for disk in found] == ["/dev/nvme0n1:100000000000", "/dev/nvme0n2:200000000000"]
    assert all(disk.eligible for disk in found)


def test_disks_that_nothing_tells_apart_are_no_targets() -> None:
    found = named([A, replace(A, path="/dev/sdb")])
    assert not any(disk.eligible for disk in found)
    assert "take one of them out" in found[0].why_not


DISKS = st.builds(
    Disk,
    st.sampled_from([f"/dev/sd{letter}" for letter in "abcdef"]),
    st.sampled_from([10**11, 2 * 10**11, 3 * 10**11]),
    serial=st.sampled_from(["", "0", "A", "B", "Default string", "naa.5002538e40a0b0c0"]),
    wwn=st.sampled_from(["", "naa.5002538e40a0b0c0", "naa.0000000000000000", "eui.0025385b91b1f5b5"]),
)


@given(st.lists(DISKS, max_size=6, unique_by=lambda disk: disk.path))
def test_no_two_disks_share_a_name_and_laptop_and_agent_mean_one_by_it(disks: list[Disk]) -> None:
    found = named(disks)
    keys = [disk.key for disk in found]
    assert len(keys) == len(set(keys))
    laptop = Laptop(LaptopId("l"), 1, Facts(Identity(), disks=found), State.ASKING, since=0.0, first_seen=0.0)
    here = [asdict(disk) for disk in found]
    for disk in laptop.eligible():
        assert laptop.disk_called(disk.key) in (disk, None)  # None: it was another's name in 0.1
        wanted = {"serial": disk.serial, "wwn": disk.wwn, "path": disk.path, "size": disk.size}
        assert choose(wanted, here)["path"] == disk.path


def test_what_two_disks_have_is_nobodys_name_though_one_of_them_is_no_target() -> None:
    disks = named([A, replace(A, path="/dev/sdb"), replace(B, path="/dev/sdc")])
    laptop = Laptop(LaptopId("l"), 1, Facts(Identity(), disks=disks), State.ASKING, since=0.0, first_seen=0.0)
    assert [disk.path for disk in laptop.eligible()] == ["/dev/sdc"]
    assert disk_meant(laptop, A.wwn) is None
    assert disk_meant(laptop, "A") is None
    assert disk_meant(laptop, "B") == disks[2]


def test_only_a_serial_number_shows_that_a_disk_is_the_one_of_before() -> None:
    batch = "naa.5002538e40a0b0c0"
    for serial, tells in (("S4EVNX0R", True), ("", False), ("0123456789ABCDEF", False), ("000000000000", False)):
        assert tells_itself(Disk("/dev/sda", 10**11, serial=serial, wwn=batch)) is tells


def test_a_disk_without_a_serial_number_goes_by_its_place() -> None:
    assert named([replace(A, serial="", wwn="0x0")])[0].key == f"{A.path}:{A.size}"
