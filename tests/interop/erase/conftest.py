"""The drive of the tests' own below the real programs, for one test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.erase.pretended import OLD, SIZE, Drive


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("drive") / "drive.so"
    source = Path(__file__).with_name("drive.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"], check=True)
    return made


@pytest.fixture
def drive(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    file = tmp_path / "disk"
    file.write_bytes((OLD * (SIZE // len(OLD) + 1))[: SIZE * 3 // 4] + bytes(SIZE - SIZE * 3 // 4))
    made = subprocess.run(["losetup", "--find", "--show", str(file)], check=True, capture_output=True, text=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("DRIVE", str(tmp_path))
    monkeypatch.setenv("DRIVE_DISK", str(file))
    monkeypatch.setattr("cloned.agent.erase_driver.POLL_SECONDS", 0.05)
    try:
        yield Drive(tmp_path, made.stdout.strip(), file)
    finally:
        monkeypatch.delenv("LD_PRELOAD")
        subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)
