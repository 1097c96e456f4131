from pathlib import Path

import pytest

from cloned.agent.efi import entries
from cloned.agent.finish import host_keys, host_name, hosts_text, new_identity, stamp
from cloned.agent.grow import grow
from cloned.agent.target import Skipped, VerifiedDisk, put_file, release_name
from cloned.agent.tools import ToolError, run
from cloned.disk.layout import Layout, Partition, table_writes
from tests.unit.disk.test_lvm_map import PV
from tests.unit.disk.test_lvm_map import disk as physical_volume


def test_the_old_name_goes_out_of_hosts() -> None:
    text = "127.0.0.1\tlocalhost\n127.0.1.1\tmaster.lan master\n192.0.2.7 masterful\n"
    assert hosts_text(text, "master", "d-12") == "127.0.0.1\tlocalhost\n127.0.1.1\td-12.lan d-12\n192.0.2.7 masterful\n"


def test_a_name_that_was_nowhere_gets_a_line() -> None:
    assert hosts_text("127.0.0.1 localhost\n", "", "d-12") == "127.0.0.1 localhost\n127.0.1.1\td-12\n"


def test_a_link_never_leads_out_of_the_restored_system(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "etc").mkdir(parents=True)
    outside.write_text("mine")
    (root / "etc/hostname").symlink_to(outside)
    put_file(root, "etc/hostname", "new\n")
    assert (outside.read_text(), (root / "etc/hostname").read_text()) == ("mine", "new\n")
    (root / "var").symlink_to(tmp_path)
    with pytest.raises(ToolError, match="/var is a link"):
        put_file(root, "var/lib/x", "")


def test_the_name_of_the_system(tmp_path: Path) -> None:
    assert release_name(tmp_path) == ""
    put_file(tmp_path, "usr/lib/os-release", 'ID=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert release_name(tmp_path) == "Debian GNU/Linux 12 (bookworm)"


def test_entries_of_one_name() -> None:
    listing = (
        "BootCurrent: 0001\nBootOrder: 0001,0003,000A\nBoot0001* Debian\tHD(1,GPT,…)/File(…)\n"
        "Boot0003  Debian\nBoot000A* Debian old\tHD(…)\n"
    )
    assert entries(listing, "Debian") == ["0001", "0003"]


@pytest.mark.wire
def test_a_tool_that_fails_says_why() -> None:
    with pytest.raises(ToolError, match=r"sh failed \(3\): one / two"):
        run(["sh", "-c", "echo one >&2; echo two >&2; exit 3"])
    with pytest.raises(ToolError, match="no-such-tool"):
        run(["no-such-tool"])
    assert run(["sh", "-c", "echo yes; exit 2"], accept=(0, 2)) == "yes\n"


LUKS = (b"LUKS\xba\xbe\0\x01" + b"aes".ljust(32, b"\0") + b"xts-plain64".ljust(32, b"\0")).ljust(592, b"\0")


def target_of(disk: Path, content: bytes) -> VerifiedDisk:
    """A disk with one partition that begins so."""
    size = 18 << 20
    guid = "ABCDEF00-1111-2222-3333-00000000000{}".format
    place = Partition(1, 2048, 32768, "0FC63DAF-8483-4772-8E79-3D69D8477DE4", guid(1))
    with disk.open("wb") as file:
        file.truncate(size)
        for offset, data in [*table_writes(Layout("gpt", guid(0), 512, (place,)), size), (1 << 20, content)]:
            file.seek(offset)
            file.write(data)
    return VerifiedDisk({"path": str(disk), "size": size, "sector_size": 512}, live=False)


@pytest.mark.wire
@pytest.mark.parametrize(("content", "why"), [
    (bytes(physical_volume()[PV:]), "partition 1 holds LVM"), (LUKS, "partition 1 holds a closed LUKS"),
    (b"", "there is no Linux system on the disk"),
    (b"\xebX\x90-FVE-FS-".ljust(512, b"\0"), "there is no Linux system"),
], ids=["lvm", "luks", "nothing", "bitlocker"])  # fmt: skip
def test_a_system_out_of_reach_is_said_to_be(content: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(Skipped, match=why), target_of(tmp_path / "disk", content).root():
        pass


SLEEPING = bytes(4086) + b"S1SUSPEND\0"


def test_nothing_is_changed_while_a_system_sleeps(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    target = target_of(disk, SLEEPING)
    before = disk.read_bytes()
    assert target.asleep() == "partition 1 holds a hibernated Linux"
    for step in (grow, lambda target: host_name(target, "x"), new_identity, host_keys, lambda t: stamp(t, {}, {})):
        with pytest.raises(Skipped, match="partition 1 holds a hibernated Linux; the master should be shut down"):
            step(target)
    assert disk.read_bytes() == before


def test_a_swap_area_that_is_awake(tmp_path: Path) -> None:
    assert target_of(tmp_path / "disk", bytes(4086) + b"SWAPSPACE2").asleep() == ""
