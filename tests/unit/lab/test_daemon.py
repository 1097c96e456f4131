"""The configuration that the lab writes is one that the daemon takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cloned.config_file import parse
from cloned.lab.daemon import DaemonSettings
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
