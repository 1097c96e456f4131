"""`cloned switch show` against a real responder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("switches")]


def show(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("cloned"), "switch", "show", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_one_json_object(responder: Any) -> None:
    done = show("--address", responder.address, "--community", "tplink-sg2008", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert list(shown) == ["address", "sys_descr", "sys_name", "ports", "fdb", "lldp", "capacity", "warnings"]
    assert (shown["address"], shown["capacity"]) == (responder.address, 7)
    assert set(shown["ports"][0]) == {"if_index", "name", "admin", "oper", "speed_mbps", "duplex", "role", "macs"}


def test_ten_megabits_are_shown_as_a_slow_cable(responder: Any) -> None:
    shown = json.loads(show("--address", responder.address, "--community", "ten-is-ten", "--json").stdout)
    assert {port["speed_mbps"] for port in shown["ports"]} == {10}
    assert len([each for each in shown["warnings"] if "10 Mb/s" in str(each)]) == 4


def test_a_drawing_for_people(responder: Any) -> None:
    done = show(
        "--address",
        responder.address,
        "--v3-user",
        responder.user,
        "--v3-auth-key",
        responder.auth_key,
        "--v3-priv-key",
        responder.privacy_key,
        "--v3-context",
        "zyxel-gs1900-48",
    )
    assert done.returncode == 0
    assert "[█]" in done.stdout
    assert "laptops fit" in done.stdout


def test_several_switches_of_a_configuration_and_one_that_is_silent(responder: Any, tmp_path: Path) -> None:
    words = ("tplink-sg2008", "hush-hush", "mikrotik-css326-24g-2s")
    config = tmp_path / "cloned.toml"
    config.write_text("".join(f'[[switch]]\naddress = "{responder.address}"\ncommunity = "{word}"\n' for word in words))
    done = show("--config", str(config), "--json")
    assert done.returncode == 3
    assert [switch["capacity"] for switch in json.loads(done.stdout)] == [7, 24]
    assert "the community is wrong" in done.stderr
    assert "hush-hush" not in done.stderr + done.stdout
    assert "31 laptops fit on all of them" in show("--config", str(config)).stdout


def test_wrong_keys_are_exit_3_and_stay_secret(responder: Any) -> None:
    done = show(
        "--address",
        responder.address,
        "--v3-user",
        responder.user,
        "--v3-auth-key",
        "not the right key",
        "--v3-priv-key",
        responder.privacy_key,
        "--json",
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "authentication key" in done.stderr
    assert "not the right key" not in done.stderr
