"""A virtual machine that runs a shell script in the Clonezilla system, on disks that are files; then it is off.

The machine these tests run on may have no device-mapper: what needs LVM is done in there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cloned import processes
from cloned.live.cpio import Archive

OK = "SCRIPT-ENDED-WELL"

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
ln -sf /proc/self/fd /dev/fd
modprobe -a loop squashfs; mount -t squashfs -o ro /live.squashfs /live
cat /sys/bus/*/devices/*/modalias | sort -u | xargs modprobe -abq
cat /sys/bus/*/devices/*/modalias | sort -u | xargs modprobe -abq
modprobe -a virtio_blk overlay dm-mod ext4
mkdir -p /run/below /run/above /run/root
mount -t squashfs -o ro /dev/vda /run/below
mount -t tmpfs above /run/above; mkdir /run/above/upper /run/above/work
mount -t overlay -o lowerdir=/run/below,upperdir=/run/above/upper,workdir=/run/above/work overlay /run/root
cd /run/root; mkdir -p proc sys dev run tmp
mount -t proc proc proc; mount -t sysfs sys sys; mount -t devtmpfs dev dev
mount -t tmpfs run run; mount -t tmpfs tmp tmp
cp /script tmp/script
[ ! -s /before ] || sh -e /before
DM_DISABLE_UDEV=1 LC_ALL=C.UTF-8 TERM=linux chroot /run/root bash -e /tmp/script </dev/null && echo SCRIPT-ENDED-"WELL"
sync
poweroff -f
"""


def run(
    live: Path,
    scratch: Path,
    script: str,
    disks: Sequence[Path],
    *,
    before: str = "",
    inside: Sequence[str] = (),
    card: Sequence[str] = (),
    seconds: float = 900,
) -> str:
    """Run `script` with `disks` as /dev/vdb, /dev/vdc …; what the console said. `live` holds both live systems.

    `before` runs in the lean system, which has the Clonezilla system at /run/root; `inside` is a command that QEMU
    is started by; `card` are QEMU's arguments for a network card.
    """
    initrd = scratch / "initrd"
    initrd.write_bytes((live / "initrd").read_bytes())
    tree = scratch / "tree"
    tree.mkdir()
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    (tree / "script").write_text(script)
    (tree / "before").write_text(before)
    with initrd.open("ab") as out:
        out.write(bytes(-out.tell() % 4))
        archive = Archive(out)
        archive.tree(tree)
        archive.close()
    drives: list[str] = []
    for number, path in enumerate([live / "clonezilla.squashfs", *disks]):
        mode = ",readonly=on" if number == 0 else ""
        drives += ["-drive", f"if=none,id=d{number},file={path},format=raw{mode}"]
        drives += ["-device", f"virtio-blk-pci,drive=d{number}"]
    command = [
        *inside, processes.need("qemu-system-x86_64"), "-nodefaults", "-display", "none", "-machine", "q35,accel=tcg",
        "-cpu", "Nehalem", "-m", "1024", "-smp", "2", "-device", "virtio-rng-pci", "-no-reboot",
        "-serial", f"file:{scratch}/serial",
        "-kernel", str(live / "vmlinuz"), "-initrd", str(initrd), "-append", "console=ttyS0 quiet", *drives, *card,
    ]  # fmt: skip
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
        preexec_fn=processes.die_with_parent,
    )
    return (scratch / "serial").read_text("utf-8", "replace")
