"""Virtual laptops: QEMU machines that boot by PXE through their own firmware."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cloned import processes
from cloned.errors import MissingError
from cloned.lab import qmp, vm_parts
from cloned.lab.camera import LabCamera
from cloned.lab.laptops import Firmware, LabDisk, LabIdentity, LabLaptop
from cloned.lab.media import FurtherDisk, MediumKind, device
from cloned.lab.network import LabNetwork

OVMF = Path("/usr/share/OVMF")
_CODE = {Firmware.UEFI: "OVMF_CODE_4M.fd", Firmware.SECUREBOOT: "OVMF_CODE_4M.secboot.fd"}
_VARS = {Firmware.UEFI: "OVMF_VARS_4M.fd", Firmware.SECUREBOOT: "OVMF_VARS_4M.ms.fd"}
MEMORY_MB = 1024
"""What the agent promises to live in."""


def check_host(kinds: set[Firmware]) -> None:
    """Raise MissingError for what a virtual laptop of these kinds needs and the machine has not."""
    processes.need("qemu-system-x86_64")
    if Firmware.BIOS in kinds and not Path("/usr/lib/ipxe/qemu/pxe-virtio.rom").exists():
        raise MissingError("the network card's boot ROM is not installed", "apt-get install ipxe-qemu")
    for kind in kinds - {Firmware.BIOS}:
        if not (OVMF / _CODE[kind]).exists():
            raise MissingError(f"firmware for {kind} laptops is not installed", "apt-get install ovmf")
    if not Path("/dev/net/tun").exists():
        raise MissingError("/dev/net/tun is not there, virtual laptops need it", "modprobe tun")


class VirtualLaptop(LabLaptop):
    """A QEMU machine on a tap of the switch."""

    def __init__(
        self, identity: LabIdentity, disk: LabDisk, folder: Path, network: LabNetwork, qmp: Path | None = None
    ) -> None:
        super().__init__(identity, disk, folder)
        self._network = network
        self._qmp = qmp or folder / "qmp"  # the path of a Unix socket has at most 107 bytes
        self._tap = network.plug_vm(identity.number)
        self._process: subprocess.Popen[bytes] | None = None
        self._boots = 0
        self.kind = MediumKind("virtio")
        """How the disk that is cloned to is attached."""
        self.further: tuple[FurtherDisk, ...] = ()
        self._camera: LabCamera | None = None

    @property
    def screen(self) -> Path:
        """What the serial line said since it was powered on last."""
        return self.folder / f"serial-{self._boots}.txt"

    @property
    def running(self) -> bool:
        """Whether QEMU runs; it ends when the laptop switches itself off."""
        return self._process is not None and self._process.poll() is None

    def power_on(self) -> None:
        """Boot from the network card first."""
        self._start(own_disk=False)

    def boot_own_disk(self) -> None:
        """Boot from the disk alone: without a network card, nothing else can have booted it."""
        self._start(own_disk=True)

    def power_cut(self) -> None:
        """Kill QEMU."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Power off for good; its camera goes with it."""
        super().close()
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def freeze(self) -> None:
        """Stop the virtual processor."""
        qmp.command(self._qmp, "stop")

    def thaw(self) -> None:
        """Let the virtual processor run on."""
        qmp.command(self._qmp, "cont")

    def _start(self, *, own_disk: bool) -> None:
        self._boots += 1
        self._qmp.unlink(missing_ok=True)
        inside = ["ip", "netns", "exec", self._network.switch]
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = processes.spawn([*inside, *self.command(own_disk=own_disk)], stdout=log, stderr=log)

    def command(self, *, own_disk: bool) -> list[str]:
        """QEMU and its arguments."""
        return [
            processes.need("qemu-system-x86_64"), "-name", f"lab-{self.number}", "-nodefaults", "-display", "none",
            *_processor(self.identity.firmware), "-m", str(MEMORY_MB), *self._firmware(), *self._smbios(),
            "-serial", f"file:{self.screen}", "-qmp", f"unix:{self._qmp},server=on,wait=off",
            "-device", "virtio-rng-pci", *self._parts(), *self._disk(), *([] if own_disk else self._card()),
            "-boot", "strict=on",
        ]  # fmt: skip

    def _parts(self) -> list[str]:
        """Of a laptop that is to have any: what its firmware tells, a screen, USB, a camera that answers."""
        if not self.parts:
            return []
        if self.parts.get("camera") and self._camera is None:
            self._camera = LabCamera(self._qmp.with_name(f"camera-{self.number}"))
        seen = ["-vga", "none", "-device", "VGA", "-device", "usb-ehci,id=usb"]
        return seen + vm_parts.arguments(self.parts, self.folder, self._camera.path if self._camera else None)

    def _disk(self) -> Iterator[str]:
        throttle = f",throttling.bps-total={self.bytes_per_second}" if self.bytes_per_second else ""
        last = len(self.further) if self.dead_disk else -1
        yield from device(self.kind, 0, self.disk.path, self.identity.disk_serial, throttle, dead=last == 0)
        for number, each in enumerate(self.further, 1):
            yield from device(each.kind, number, each.disk.path, each.serial, dead=number == last)

    def _card(self) -> Iterator[str]:
        """BIOS boots through the card's own ROM; UEFI brings its own driver and PXE."""
        rom = "" if self.identity.firmware is Firmware.BIOS else ",romfile="
        yield from ("-netdev", f"tap,id=net,ifname={self._tap},script=no,downscript=no")
        yield from ("-device", f"virtio-net-pci,netdev=net,mac={self.identity.mac},bootindex=1{rom}")

    def _smbios(self) -> list[str]:
        who = self.identity
        fields = f"manufacturer={who.vendor},product={who.product},serial={who.serial},uuid={who.uuid}"
        return ["-smbios", f"type=1,{fields}"]

    def _firmware(self) -> Iterator[str]:
        """Code is shared and read-only; variables (boot entries, Secure Boot keys) are this laptop's own."""
        kind = self.identity.firmware
        if kind is Firmware.BIOS:
            return
        variables = self.folder / "nvram.fd"
        if not variables.exists():
            shutil.copyfile(OVMF / _VARS[kind], variables)
        yield from ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF / _CODE[kind]}")
        yield from ("-drive", f"if=pflash,unit=1,format=raw,file={variables}")
        if kind is Firmware.SECUREBOOT:
            yield from ("-global", "driver=cfi.pflash01,property=secure,value=on")


def _processor(kind: Firmware) -> list[str]:
    """Emulated, so that the lab runs anywhere; `CLONED_LAB_ACCEL=kvm` uses the real processor."""
    smm = ",smm=on" if kind is Firmware.SECUREBOOT else ""
    if os.environ.get("CLONED_LAB_ACCEL") == "kvm":
        return ["-machine", f"q35,accel=kvm{smm}", "-cpu", "host"]
    return ["-machine", f"q35,accel=tcg{smm}", "-cpu", "Nehalem"]
