"""An image of a disk with LVM, made and saved by real tools in a virtual machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.classic import vm

DISK_MIB, REPOSITORY_MIB = 400, 300

SCRIPT = """
cat > /tmp/table <<END
label: gpt
start=2048, size=40960, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=boot
start=43008, size=737280, type=E6D6D379-F507-44C2-A23C-238F2A3DF928, name=lvm
END
sfdisk /dev/vdb < /tmp/table
mkfs.ext4 -q -F -L boot /dev/vdb1
pvcreate -y /dev/vdb2
vgcreate -s 4m vg-0 /dev/vdb2
lvcreate -y -Wn -L 120m -n root vg-0
lvcreate -y -Wn -L 40m -n swap vg-0
lvcreate -y -Wn -L 40m -n home vg-0
lvextend -y -L +40m vg-0/root
mkfs.ext4 -q -L root /dev/vg-0/root
mkfs.ext4 -q -L home /dev/vg-0/home
mkswap -L swap /dev/vg-0/swap
mkdir -p /tmp/m
mount /dev/vg-0/root /tmp/m
cp -a /usr/share/drbl /tmp/m/
head -c 20000000 /dev/urandom > /tmp/m/noise
umount /tmp/m
mount /dev/vg-0/home /tmp/m
echo hello > /tmp/m/file
umount /tmp/m
mkdir -p /home/partimag
mount -t ext4 /dev/vdc /home/partimag
ocs-sr -or /home/partimag -l en_US.UTF-8 -nogui -batch -q2 -j2 -z9p -i 4096 -gm \\
    -sfsck -senc -scs -p true savedisk lvm vdb
ls -l /home/partimag/lvm
test -s /home/partimag/lvm/lvm_logv.list
test -s /home/partimag/lvm/MD5SUMS
umount /home/partimag
"""


def make(live: Path, scratch: Path, into: Path) -> Path:
    """The Clonezilla directory `into`/lvm; AssertionError with the machine's last words if it was not made."""
    disk, repository = scratch / "disk", scratch / "repository"
    for path, mib in ((disk, DISK_MIB), (repository, REPOSITORY_MIB)):
        with path.open("wb") as file:
            file.truncate(mib << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", repository], check=True)
    said = vm.run(live, scratch, SCRIPT, [disk, repository])
    assert vm.OK in said, said[-3000:]
    subprocess.run(["debugfs", "-R", f"rdump /lvm {into}", repository], check=True, capture_output=True)
    return into / "lvm"
