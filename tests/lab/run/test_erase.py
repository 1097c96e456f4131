"""Whole labs that erase: disks full of old data, the files behind them read from outside afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloned.lab.media import MARK, find

pytestmark = [pytest.mark.lab]
PROGRAM = [sys.executable, "-c", "from cloned.cli.main import main; main()", "lab", "run"]


def lab(tmp_path: Path, *words: str, code: int = 0) -> dict[str, Any]:
    report = tmp_path / "report.json"
    done = subprocess.run([*PROGRAM, *words, "--json", str(report)], capture_output=True, text=True, timeout=900)
    assert done.returncode == code, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    return told


def test_laptops_are_erased_and_then_cloned(tmp_path: Path) -> None:
    told = lab(tmp_path, "--laptops", "2", "--kind", "thin", "--erase", "always")
    assert told["ok"]
    for laptop in told["laptops"]:
        assert laptop["erasure"]["result"] == "erased"
        assert laptop["verdict"] == "verified"
        assert [disk["verified"] for disk in laptop["erasure"]["disks"]] == [True]
    assert [row.get("kind") for row in told["ledger"]].count("erasure") == 2


def test_a_disk_of_ones_own_is_erased_and_kept(tmp_path: Path) -> None:
    disk = tmp_path / "donor.img"
    with disk.open("wb") as file:
        file.truncate(700 << 20)
        for offset in (0, 300 << 20, (700 << 20) - 4096):
            file.seek(offset)
            file.write(MARK * 100)
    told = lab(tmp_path, "--laptops", "1", "--kind", "thin", "--erase", "only", "--disk-image", f"1:{disk}")
    assert told["laptops"][0]["state"] == "erased"
    assert disk.stat().st_size == 700 << 20
    assert find(disk) == []


@pytest.mark.slow
def test_every_kind_of_disk_of_qemu(tmp_path: Path) -> None:
    told = lab(tmp_path, "--laptops", "2", "--kind", "vm", "--firmware", "bios", "--disks", "sata+nvme,virtio4k+scsi4k+nvme4k",
               "--erase", "only")  # fmt: skip
    methods = {disk["method"] for laptop in told["laptops"] for disk in laptop["erasure"]["disks"]}
    assert methods == {"overwrite", "nvme-format"}
    assert all(laptop["state"] == "erased" for laptop in told["laptops"])
