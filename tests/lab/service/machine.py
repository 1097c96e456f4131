"""A virtual machine of Debian 12 with real systemd, both packages beside it, and no network card at all."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloned import processes
from cloned.assets import root
from tests.images import Disk

TOP = root("systemd").parent
HERE = Path(__file__).parent
PACKAGES = (
    "systemd-sysv,dbus,udev,kmod,linux-image-amd64,initramfs-tools,apt-utils,python3,python3-scapy,bzip2,fdisk,gdisk,"
    "iproute2,lrzip,lz4,lzip,lzop,nftables,partclone,procps,udpcast,xz-utils,zstd,tzdata,nfs-kernel-server"
)
"""What the packages depend on is there already: bare roots without it are `make deb-check`'s."""
LAN = """[Unit]
Description=A switch for the thin laptops
Before=cloned.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/sbin/modprobe -a loop bridge veth
ExecStart=/usr/sbin/ip link add lan0 address 02:77:00:00:00:01 type bridge mcast_snooping 0
ExecStart=/usr/sbin/ip address add 10.77.0.1/24 brd + dev lan0
ExecStart=/usr/sbin/ip link set lan0 up
ExecStart=/usr/sbin/ip link add keep type dummy
ExecStart=/usr/sbin/ip link set keep master lan0 up
[Install]
WantedBy=multi-user.target
"""
TRIAL = """[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/bin/sh /root/trial.sh
[Install]
WantedBy=graphical.target
"""
SLOW = "[Service]\nTimeoutStartSec=900\n"
"""An emulated processor takes its time; the watchdog's seconds stay as they are."""
LONGEST = 3300.0


def caches() -> Path:
    """Where what takes long to make is kept."""
    folder = Path(os.environ.get("CLONED_DEB_CACHE") or Path(os.environ.get("CLONED_CACHE", TOP / "var")) / "deb")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def packages() -> Path:
    """The folder with both packages and `repo/`: CLONED_DEB_OUT where it is there, else built now."""
    given = Path(os.environ.get("CLONED_DEB_OUT", TOP / "dist"))
    if not (given / "repo" / "Packages").exists() or "CLONED_DEB_OUT" not in os.environ:
        environment = {**os.environ, "CLONED_DEB_OUT": str(given)}
        processes.run([TOP / "systemd" / "packaging" / "build", "--repo"], env=environment)
    return given


def system() -> Path:
    """A tar of Debian with systemd and a kernel."""
    made = caches() / f"guest-{zlib.crc32(PACKAGES.encode()):08x}.tar"
    if not made.exists():
        words = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={PACKAGES}", "bookworm"]
        processes.run([*words, made.with_suffix(".new")])
        made.with_suffix(".new").rename(made)
    return made


class Machine:
    """Its disk and kernel in `folder`; `boot` runs it until it ends or `until_told` is left."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.disk, self.told = folder, folder / "disk.img", folder / "told.log"
        self.console = folder / "console.log"
        self._build(folder / "root")

    def _build(self, tree: Path) -> None:
        tree.mkdir()
        processes.run(["tar", "-xf", system(), "-C", tree])
        for name in ("vmlinuz", "initrd"):
            [file] = (tree / "boot").glob(f"{name}*-amd64")
            file.rename(self.folder / name.partition(".")[0])
        processes.run(["cp", "-r", packages() / "repo", tree / "repo"])
        (tree / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/repo ./\n")
        for file in (tree / "etc/apt/sources.list.d").iterdir():
            file.unlink()
        (tree / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
        (tree / "etc/hostname").write_text("workshop\n")
        Disk().write(tree / "root" / "tiny")
        for name in ("guest.py", "trial.sh"):
            (tree / "root" / name).write_bytes((HERE / name).read_bytes())
        self._units(tree / "etc/systemd/system")
        processes.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, self.disk, "3G"])
        processes.run(["rm", "-rf", "--one-file-system", tree])

    @staticmethod
    def _units(folder: Path) -> None:
        for name, text, target in (("lan", LAN, "multi-user"), ("trial", TRIAL, "graphical")):
            (folder / f"{name}.service").write_text(text)
            wants = folder / f"{target}.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / f"{name}.service").symlink_to(f"../{name}.service")
        (folder / "cloned.service.d").mkdir()
        (folder / "cloned.service.d" / "slow.conf").write_text(SLOW)

    @contextmanager
    def boot(self) -> Iterator[subprocess.Popen[bytes]]:
        """Power on; leaving cuts the power."""
        words = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048"]
        words += ["-nic", "none", "-display", "none", "-no-reboot", "-monitor", "none"]
        words += ["-kernel", str(self.folder / "vmlinuz"), "-initrd", str(self.folder / "initrd")]
        words += ["-append", "root=/dev/vda rw console=ttyS0 panic=-1 systemd.show_status=0 quiet"]
        words += ["-drive", f"file={self.disk},if=virtio,format=raw"]
        for path in (self.console, self.told):
            words += ["-chardev", f"file,id={path.stem},path={path},append=on", "-serial", f"chardev:{path.stem}"]
        with self.told.open("a") as told:
            told.write("\n")  # the power may have been cut in the middle of a line
        running = processes.spawn(words)
        try:
            yield running
        finally:
            running.kill()
            running.wait()

    def steps(self) -> list[dict[str, Any]]:
        """What it has told so far, in whole lines."""
        *lines, _ = self.told.read_text().split("\n") if self.told.exists() else [""]
        return [json.loads(line) for line in map(str.strip, lines) if line.startswith("{")]

    def until_told(self, step: str, running: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Wait until it tells `step`; AssertionError if it fails, ends, or takes too long."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            ended = running.poll() is not None
            for told in self.steps():
                assert told["ok"], told["said"] or self.console.read_text("utf-8", "replace")[-3000:]
                if told["step"] == step:
                    return told
            assert not ended, self.console.read_text("utf-8", "replace")[-3000:]
            time.sleep(0.5)
        raise AssertionError(f"{step} did not come: {self.steps()}")
