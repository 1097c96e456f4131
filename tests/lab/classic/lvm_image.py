"""An image of a disk with LVM that boots by itself, made and saved by real tools in a virtual machine.

GRUB and /boot lie outside the group; the initramfs is the live system's, with LVM and an init that starts the system
in the volume `root`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from cloned.live.cpio import Archive
from tests.lab import bootables
from tests.lab.classic import vm

DISK_MIB, REPOSITORY_MIB, FILES_MIB = 470, 400, 300
BOOT_UUID = "c10edc10-0007-4000-8000-c10edc10ed07"
BIOS_BOOT_SECTOR = 2048

SCRIPT = f"""
cat > /tmp/table <<END
label: gpt
start={BIOS_BOOT_SECTOR}, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=grub
start=4096, size=196608, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=boot
start=200704, size=737280, type=E6D6D379-F507-44C2-A23C-238F2A3DF928, name=lvm
END
sfdisk /dev/vdb < /tmp/table
mkdir -p /tmp/m /tmp/files
mount -t ext4 -o ro /dev/vdd /tmp/files
dd if=/tmp/files/boot.img of=/dev/vdb bs=440 count=1 conv=notrunc
dd if=/tmp/files/core.img of=/dev/vdb1
mkfs.ext4 -q -F -L boot -U {BOOT_UUID} /dev/vdb2
mount /dev/vdb2 /tmp/m
cp -a /tmp/files/boot/. /tmp/m/
umount /tmp/m
pvcreate -y /dev/vdb3
vgcreate -s 4m vg-0 /dev/vdb3
lvcreate -y -Wn -L 120m -n root vg-0
lvcreate -y -Wn -L 40m -n swap vg-0
lvcreate -y -Wn -L 40m -n home vg-0
lvextend -y -L +40m vg-0/root
mkfs.ext4 -q -L sample /dev/vg-0/root
mkfs.ext4 -q -L home /dev/vg-0/home
mkswap -L swap /dev/vg-0/swap
mount /dev/vg-0/root /tmp/m
cp -a /tmp/files/root/. /tmp/m/
head -c 8000000 /dev/urandom > /tmp/m/noise
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

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/ DM_DISABLE_UDEV=1
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
ln -sf /proc/self/fd /dev/fd
modprobe -a loop squashfs; mount -t squashfs -o ro /live.squashfs /live
cat /sys/bus/*/devices/*/modalias | sort -u | xargs modprobe -abq
cat /sys/bus/*/devices/*/modalias | sort -u | xargs modprobe -abq
modprobe -a virtio_blk nvme sd_mod dm-mod ext4
mkdir -p /sysroot
tries=0
until [ -e /dev/vg-0/root ] || [ $tries -gt 60 ]; do
    /lvm/ld-linux-x86-64.so.2 --library-path /lvm /lvm/lvm vgchange -ay
    sleep 1; tries=$((tries + 1))
done
mount -t ext4 -o ro /dev/vg-0/root /sysroot
mount --bind /dev /sysroot/dev
umount /sys
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec chroot /sysroot /sbin/init
"""


def make(live: Path, scratch: Path, into: Path) -> Path:
    """The Clonezilla directory `into`/lvm; AssertionError with the machine's last words if it was not made."""
    disk, repository, files = scratch / "disk", scratch / "repository", scratch / "files"
    for path, mib in ((disk, DISK_MIB), (repository, REPOSITORY_MIB), (files, FILES_MIB)):
        with path.open("wb") as file:
            file.truncate(mib << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", repository], check=True)
    contents = _files(live, scratch)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "root_owner=0:0", "-d", contents, files], check=True)
    said = vm.run(live, scratch, SCRIPT, [disk, repository, files])
    assert vm.OK in said, said[-3000:]
    subprocess.run(["debugfs", "-R", f"rdump /lvm {into}", repository], check=True, capture_output=True)
    return into / "lvm"


def _files(live: Path, scratch: Path) -> Path:
    """What goes onto the disk: the system, /boot, and GRUB's two images for BIOS."""
    folder = scratch / "contents"
    (folder / "boot/boot/grub").mkdir(parents=True)
    system = bootables.sample_root(scratch)
    system.rename(folder / "root")
    (folder / "root/etc/fstab").write_text("LABEL=sample / ext4 errors=remount-ro 0 1\nLABEL=swap none swap sw 0 0\n")
    boot = folder / "boot/boot"
    (folder / "root/boot/initrd.img").unlink()
    (boot / "vmlinuz").write_bytes((live / "vmlinuz").read_bytes())
    (boot / "grub/grub.cfg").write_text(bootables.grub_settings(BOOT_UUID, "root=/dev/vg-0/root"))
    _initrd(live, scratch, boot / "initrd.img")
    images = bootables.placed(*bootables.grub(scratch, ["part_gpt"], BOOT_UUID), BIOS_BOOT_SECTOR)
    for name, data in zip(("boot.img", "core.img"), images, strict=True):
        (folder / name).write_bytes(data)
    return folder


def _initrd(live: Path, scratch: Path, target: Path) -> None:
    """The live system's, with LVM and another first process behind it: later archives win."""
    tree = scratch / "lvm-initrd"
    bootables.programs(["lvm"], tree / "lvm")
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    with target.open("wb") as out:
        out.write((live / "initrd").read_bytes())
        out.write(bytes(-out.tell() % 4))
        archive = Archive(out)
        archive.tree(tree)
        archive.close()
