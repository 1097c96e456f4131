"""The clock held against what it wrote, the kernel's parts, and programs that are too old."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cloned.check import machine
from cloned.check.findings import LookState
from cloned.config import Config
from cloned.core.events import Configured, Settings
from cloned.errors import MissingError
from cloned.journal import Journal, JournalEntry

YEAR = 365.25 * 86400


def config(state: Path) -> Config:
    return Config.model_validate({"workshop": {"state": str(state)}})


def clock_says(state: Path, monkeypatch: pytest.MonkeyPatch, now: float, zone: str = "Europe/Brussels") -> str:
    """Every warning of the clock, at this time."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    monkeypatch.setattr("time.time", lambda: now)
    try:
        found = list(machine.clock(config(state)))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert all(each[2] for each in found if isinstance(each, tuple) and each[0] is LookState.WARNING)
    return " | ".join(str(each) for each in found)


def test_a_clock_that_was_set_back_or_runs_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = machine.EARLIEST + YEAR
    assert "journal" not in clock_says(tmp_path, monkeypatch, now)
    written = Journal(tmp_path / "journal.sqlite")
    written.append([JournalEntry(now, "00", Configured(Settings()))])
    written.close()
    assert "journal" not in clock_says(tmp_path, monkeypatch, now + 5)
    assert "journal" not in clock_says(tmp_path, monkeypatch, now - 30)  # a clock that is put right a little
    assert "set back" in clock_says(tmp_path, monkeypatch, now - 3600)
    assert "long after" not in clock_says(tmp_path, monkeypatch, now + 2 * YEAR)
    assert "long after" in clock_says(tmp_path, monkeypatch, now + 10 * YEAR)
    (tmp_path / "journal.sqlite").write_bytes(b"x" * 5000)  # its own look says so
    assert "long after" not in clock_says(tmp_path, monkeypatch, now)


def test_a_server_that_was_left_on_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = machine.EARLIEST + YEAR
    assert "time zone" in clock_says(tmp_path, monkeypatch, now, "UTC")
    for zone in ("Europe/Brussels", "Europe/London"):
        assert "time zone" not in clock_says(tmp_path, monkeypatch, now, zone)


def test_a_kernel_without_what_we_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(isinstance(each, MissingError) for each in machine.kernel(config(tmp_path)))
    monkeypatch.setattr(machine, "PARTS", (str(tmp_path / "igmp"),))
    (lacking,) = [each for each in machine.kernel(config(tmp_path)) if isinstance(each, MissingError)]
    assert "lacks multicast" in lacking.message


@pytest.mark.parametrize(("there", "told"), [(("6.1.0",), False), (("5.10.0",), True), ((), False)])
def test_modules_of_a_kernel_that_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], told: bool
) -> None:
    """A server that was not restarted after an update loads no driver any more. A container has no modules at all."""
    for version in there:
        (tmp_path / version).mkdir()
    monkeypatch.setattr(machine, "MODULES", tmp_path)
    monkeypatch.setattr("platform.release", lambda: "6.1.0")
    found = " | ".join(str(each) for each in machine.kernel(config(tmp_path)))
    assert ("restart the server" in found) is told


@pytest.mark.parametrize(("version", "told"), [("1.5.4", False), ("1.4.8", False), ("1.4", True), ("1.10.0", False)])
def test_a_program_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, told: bool) -> None:
    monkeypatch.setattr(machine, "need", lambda tool: tool)
    monkeypatch.setattr(machine, "_version", lambda tool: version if tool == "zstd" else "")
    found = [each for each in machine.programs(config(tmp_path)) if isinstance(each, tuple)]
    old = [each for each in found if each[0] is LookState.WARNING]
    assert bool(old) is told
    assert all(f"zstd {version} is older than 1.4.8" in each[1] for each in old)
