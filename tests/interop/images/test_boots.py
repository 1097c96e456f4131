"""An MBR disk whose system lies in a logical partition: saved by ocs-sr, restored by our agent, started by a BIOS."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cloned import processes
from cloned.disk.layout import Layout
from cloned.images.samples import clonezilla
from cloned.images.store import ImageStore
from cloned.lab import stock
from tests.images import MIB
from tests.interop.images.test_every_file_system import SAVE, restored
from tests.lab.bootables import mbr_disk

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]


def started(disk: Path, device: list[str], folder: Path) -> str:
    """The line that the system on `disk` prints when a virtual laptop with that device has started it."""
    serial = folder / "serial"
    serial.unlink(missing_ok=True)
    command = [
        "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "Nehalem", "-m", "512", "-nodefaults", "-display",
        "none", "-serial", f"file:{serial}", "-drive", f"if=none,id=disk,file={disk},format=raw,snapshot=on", *device,
    ]  # fmt: skip
    machine = processes.spawn(command)
    try:
        for _ in range(1200):
            said = serial.read_text(errors="replace") if serial.exists() else ""
            if "cloned-sample: booted" in said and said.endswith("console. "):
                return next(line for line in said.splitlines() if "booted" in line)
            time.sleep(0.2)
    finally:
        machine.kill()
        machine.wait()
    raise AssertionError(said[-1000:])


async def test_a_system_in_a_logical_partition(store: ImageStore, tmp_path: Path) -> None:
    stock.prepare("sample", print)
    disk, repository = mbr_disk(tmp_path), tmp_path / "saved"
    repository.mkdir()
    said = clonezilla(disk, repository, *SAVE, "savedisk", "mbr")
    manifest = store.import_image(repository / "mbr")
    assert [part.number for part in Layout.parse(manifest.plan.layout).partitions] == [1, 2, 5, 6], said
    assert (manifest.os, manifest.firmware) == ("cloned sample system", ("bios",))
    target = tmp_path / "target"
    server = await restored(store, "mbr", target, disk.stat().st_size + 32 * MIB)
    assert [verdict["verdict"] for verdict in server.verdicts] == ["verified"], server.verdicts
    for device, name in (
        (["-device", "nvme,drive=disk,serial=N1"], "nvme0n1p"),
        (["-device", "ide-hd,bus=ide.0,drive=disk"], "sda"),
    ):
        assert f"root=/dev/{name}5 swap=/dev/{name}6 firmware=bios" in started(target, device, tmp_path)
