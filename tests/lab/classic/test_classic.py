"""Classic sessions with virtual laptops: Clonezilla itself restores, and the verdict is read from the disk."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloned.lab import stock as stocks
from tests.lab.classic import lvm_image

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture(scope="module")
def stock() -> stocks.Stock:
    return stocks.prepare("sample", print, classic=True)


@pytest.fixture(scope="module")
def lvm(stock: stocks.Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Clonezilla directory; what the lab imports of it is removed afterwards."""
    saved = lvm_image.make(stock.live, tmp_path_factory.mktemp("vm"), tmp_path_factory.mktemp("saved"))
    named = saved.rename(saved.with_name(f"lvm-{secrets.token_hex(3)}"))
    yield named
    if named.name in stock.store.names():
        stock.store.remove(named.name)


def lab(report: Path, *words: str) -> dict[str, Any]:
    """Run `cloned lab run`; its report."""
    program = [sys.executable, "-c", "from cloned.cli.main import main; main()", "lab", "run", "--kind", "vm"]
    done = subprocess.run([*program, *words, "--json", str(report)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_a_plain_image_by_request(stock: stocks.Stock, tmp_path: Path) -> None:
    report = lab(tmp_path / "report", "--classic", "--laptops", "2", "--firmware", "bios")
    assert [laptop["verdict"] for laptop in report["laptops"]] == ["verified", "verified"]
    assert [session["laptops"] for session in report["sessions"]] == [[1, 2]]
    assert {laptop["image_hash"] for laptop in report["laptops"]} == {stock.manifest.image_hash}


def test_a_plain_image_over_a_restart_of_the_daemon(stock: stocks.Stock, tmp_path: Path) -> None:
    """Clonezilla can't go on where it was: the laptops begin again by themselves, and nobody touches a keyboard."""
    words = ["--classic", "--laptops", "2", "--firmware", "bios", "--image", "sample"]
    report = lab(tmp_path / "report", *words, "--fault", "restart@50")
    assert [laptop["verdict"] for laptop in report["laptops"]] == ["verified", "verified"]
    assert {laptop["image_hash"] for laptop in report["laptops"]} == {stock.manifest.image_hash}
    assert [fault["fault"] for fault in report["faults"]] == ["restart@50"]


def test_lvm_by_itself(stock: stocks.Stock, lvm: Path, tmp_path: Path) -> None:
    report = lab(tmp_path / "report", "--laptops", "1", "--firmware", "bios", "--image", str(lvm))
    (laptop,) = report["laptops"]
    assert (laptop["verdict"], laptop["state"]) == ("verified", "done")
    assert laptop["image_hash"] == stock.store.manifest(lvm.name).image_hash
    assert stock.store.manifest(lvm.name).plan.classic
    (started,) = [check for check in report["checks"] if "starts from its own disk" in check["what"]]
    assert "root=/dev/dm-" in started["detail"]
