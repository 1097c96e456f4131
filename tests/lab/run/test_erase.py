"""Whole labs that erase: disks full of old data, the files behind them read from outside afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cloned.lab.media import MARK, find
from tests.lab.run import labs

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


@pytest.mark.slow
def test_named_laptops_are_erased_while_the_others_are_cloned(tmp_path: Path) -> None:
    told = lab(tmp_path, "--laptops", "2", "--kind", "thin", "--erase", "only:2")
    cloned_one, erased_one = told["laptops"]
    assert (cloned_one["state"], cloned_one["verdict"], cloned_one["erasure"]) == ("done", "verified", None)
    assert (erased_one["state"], erased_one["erasure"]["result"]) == ("erased", "erased")
    assert [row.get("kind") for row in told["ledger"]].count("erasure") == 1


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
def test_a_disk_of_ones_own_that_takes_no_write_is_named_and_what_lies_on_it_is_found(tmp_path: Path) -> None:
    disk = tmp_path / "donor.img"
    with disk.open("wb") as file:
        file.truncate(700 << 20)
        file.seek(300 << 20)
        file.write(b"a letter of the donor's " * 200)
    words = (
        "--laptops",
        "1",
        "--kind",
        "thin",
        "--erase",
        "only",
        "--fault",
        "dead-disk:1",
        "--disk-image",
        f"1:{disk}",
    )
    told = lab(tmp_path, *words, code=1)
    [laptop] = told["laptops"]
    assert (laptop["state"], laptop["erasure"]["result"]) == ("aside", "not-erased")
    assert not told["ok"]
    [left] = [each for each in told["checks"] if "old data" in each["what"]]
    assert (left["ok"], f"donor.img at {300 << 20}" in left["detail"]) == (False, True)


def test_a_certificate_is_fetched_checked_anywhere_and_refused_once_it_was_edited(tmp_path: Path) -> None:
    with labs.start(tmp_path, "up", "--laptops", "1", "--kind", "thin", "--erase", "only") as process:
        process.wait(300)
    try:
        config = re.search(r"--config (\S+?)`", (tmp_path / labs.LOG).read_text())
        assert config
        told = until_erased(config[1])
        assert told["erasure"]["result"] == "erased"
        paper, key = tmp_path / "paper.pdf", tmp_path / "site.pem"
        code, said = cloned("erase", "certificate", told["id"], "-o", str(paper), "--lang", "nl", "--config", config[1])
        assert (code, "certificate, signed" in said) == (0, True), said
        code, said = cloned("erase", "certificate", "--donation", "nobody", "-o", str(paper), "--config", config[1])
        assert (code, "nothing of delivery" in said) == (2, True), said
        code, pem = cloned("erase", "key", "--config", config[1])
        assert code == 0
        key.write_text(pem[pem.index("-----BEGIN") : pem.index("END PUBLIC KEY-----") + 19] + "\n")
    finally:
        assert cloned("lab", "down")[0] == 0
    code, said = cloned("erase", "check", str(paper), "--key", str(key))
    assert (code, said.startswith("genuine: signed by")) == (0, True), said
    assert "overwritten once with zeros (clear)" in said
    data = paper.read_bytes()
    paper.write_bytes(data.replace(b"/Title", b"/Titel", 1))
    code, said = cloned("erase", "check", str(paper), "--key", str(key))
    assert (code, "CHANGED" in said) == (1, True), said


def until_erased(config: str) -> dict[str, Any]:
    """The one laptop's erasure as the command line tells it, once it is through."""
    until = time.monotonic() + 200
    while True:
        code, said = cloned("erase", "status", "--json", "--config", config)
        found: list[dict[str, Any]] = json.loads(said) if code == 0 else []
        if found and found[0]["erasure"]["result"] != "erasing":
            return found[0]
        assert time.monotonic() < until, said
        time.sleep(0.5)


def cloned(*words: str) -> tuple[int, str]:
    """Exit status and words of a command."""
    done = subprocess.run([*PROGRAM[:3], *words], capture_output=True, text=True, timeout=200, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_kind_of_disk_of_qemu(tmp_path: Path) -> None:
    told = lab(tmp_path, "--laptops", "2", "--kind", "vm", "--firmware", "bios", "--disks", "sata+nvme,virtio4k+scsi4k+nvme4k",
               "--erase", "only")  # fmt: skip
    methods = {disk["method"] for laptop in told["laptops"] for disk in laptop["erasure"]["disks"]}
    assert methods == {"overwrite", "nvme-format"}
    assert all(laptop["state"] == "erased" for laptop in told["laptops"])
