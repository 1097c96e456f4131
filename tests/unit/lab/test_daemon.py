"""The configuration that the lab writes is one that the daemon takes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cloned.config_file import parse
from cloned.lab import unprivileged
from cloned.lab.daemon import DaemonProcess, DaemonSettings
from cloned.lab.laptops import LaptopKind


def settings(kind: LaptopKind, gates: dict[str, str] | None = None, mbit_s: int | None = 1000) -> DaemonSettings:
    folder = Path('/somewhere/with a "quote"')
    inventory = "http://10.77.0.2:8070/inventory"
    return DaemonSettings(folder, folder, folder, folder, "bulk", kind, mbit_s, inventory, "s" * 48, (), gates or {})


def test_it_is_understood() -> None:
    config = parse(settings(LaptopKind.VM, {"52:54:00:00:00:02": "http://10.77.0.2:8070/gate/2"}).toml())
    assert config.workshop.state == Path('/somewhere/with a "quote"')
    assert config.sessions.confirm == "auto"
    assert config.boot.model[0].kernel_parameters == "cloned.gate=http://10.77.0.2:8070/gate/2"
    assert config.boot.serial == "ttyS0,115200"
    assert config.network.link_mbps == 1000
    assert {sink.type for sink in config.sink} == {"webhook", "csv"}


def test_people_may_be_asked_and_the_page_have_further_keys() -> None:
    config = parse(replace(settings(LaptopKind.THIN), confirm="ask", page=('read = "signed-in"',)).toml())
    assert config.sessions.confirm == "ask"
    assert config.page.read == "signed-in"


def test_thin_laptops_keep_their_disks_as_verified() -> None:
    assert not parse(settings(LaptopKind.THIN, mbit_s=None).toml()).finish.grow
    assert parse(settings(LaptopKind.VM).toml()).finish.grow


@pytest.mark.wire
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_where_it_must_run_as_root_after_all_root_may_read_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without root's rights over files it may read its own alone."""
    (folder := tmp_path / "state").mkdir()
    (secret := folder / "people.json").touch(0o600)
    (program := tmp_path / "program.py").touch(0o600)
    monkeypatch.setattr(unprivileged, "program_places", lambda: [program])
    said: list[str] = []
    told = replace(settings(LaptopKind.THIN), state=folder, runtime=tmp_path / "run")
    daemon = DaemonProcess(told, "none", tmp_path / "log", said.append)
    assert daemon._user() == unprivileged.ROOT
    assert {path.stat().st_uid for path in (folder, secret)} == {0}
    assert str(program) in said[0]
