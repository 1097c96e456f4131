"""Debian's snmpd for a bridge with three machines: roles, places, links that come and go, SHA-2 and AES."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cloned import processes
from cloned.lab.switchbox import configuration

pytestmark = pytest.mark.wire

SWITCH = "10.99.0.100"
KEY = "a key for snmpd itself"
USERS = {"ann": ("SHA", "AES"), "bob": ("SHA-256", "AES"), "eve": ("SHA-512", "AES")}

WATCH = """
import asyncio, json, sys, time
from cloned.switch.snmp.credentials import Community, Secret, User, parse_address
from cloned.switch.ports import Rules
from cloned.switch.server import server_macs
from cloned.switch.watch import SwitchWatch, Watched
macs = server_macs()
word, user, protocol = sys.argv[2:5]
credentials = User(user, protocol, Secret(word), "AES", Secret(word)) if user else Community(Secret(word))
def say(reading):
    view = reading.view
    print(json.dumps({
        "state": reading.state, "at": time.time(), "hint": reading.hint, "age": reading.age,
        "capacity": reading.capacity,
        "ports": {port.name: [port.role, port.oper, len(port.macs)] for port in view.ports} if view else {},
        "warnings": [warning.code for warning in reading.warnings]}), flush=True)
async def main():
    watched = Watched(parse_address(sys.argv[1]), credentials, Rules(server_macs=macs))
    watch = SwitchWatch([watched], say, server_macs=macs)
    watch.hurry(True)
    await watch.run()
asyncio.run(main())
"""


ONLY_V1 = """
com2sec old default antique
group old v1 old
view all included .1
access old "" v1 noauth exact all none none
"""


def snmpd(site: Any, folder: Path, more: str = "") -> Any:
    """Start snmpd in the switch's namespace, as the lab does, with a few v3 users more."""
    site.ip(site.switch, "addr", "add", f"{SWITCH}/24", "dev", "br0")
    users = [
        f'createUser {name} {auth} "{KEY}" {privacy} "{KEY}"\nrouser {name} priv\n'
        for name, (auth, privacy) in USERS.items()
    ]
    config = folder / "snmpd.conf"
    config.write_text(configuration(SWITCH, "br0", {}, sys.executable) + "".join(users) + more)
    environment = {
        **os.environ,
        "MIBS": "",
        "SNMP_PERSISTENT_DIR": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    process = processes.spawn(
        ["ip", "netns", "exec", site.switch, "snmpd", "-f", "-C", "-c", config, "-Lf", folder / "snmpd.log"],
        env=environment,
    )
    site.running.append(process)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("site", [3], indirect=True)
def test_a_bridge_is_read_and_its_links_are_followed(site: Any, read_until: Any, tmp_path: Path) -> None:
    site.build("mcast_snooping", "1")
    daemon = snmpd(site, tmp_path)
    watch = site.python(site.machine(1), WATCH, SWITCH, "workshop", "", "SHA")
    first = read_until(watch, 30, lambda line: line["state"] == "ok")
    assert {name: port[0] for name, port in first["ports"].items()} == {
        "port1": "server",
        "port2": "access",
        "port3": "access",
    }, (tmp_path / "snmpd.log").read_text()
    assert first["capacity"] == 2

    site.python(site.machine(2), "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('10.99.0.100', 9))")
    assert read_until(watch, 15, lambda line: line["ports"]["port2"] == ["access", "up", 1])

    for state in ("down", "up"):
        changed = time.time()
        site.ip(site.machine(3), "link", "set", "eth0", state)
        seen = read_until(watch, 15, lambda line, state=state: line["ports"]["port3"][1] == state)
        assert seen["at"] - changed < 6.0, f"port3 {state}"

    site.stop(daemon)
    silent = read_until(watch, 30, lambda line: line["state"] == "silent")
    assert silent["capacity"] == 2, "the last known capacity stays"
    assert silent["age"] > 0
    assert "SNMP is off" in silent["hint"]
    assert silent["warnings"] == ["switch-unreachable"]


@pytest.mark.parametrize("site", [2], indirect=True)
def test_a_community_that_only_snmp_v1_knows(site: Any, read_until: Any, tmp_path: Path) -> None:
    site.build()
    snmpd(site, tmp_path, ONLY_V1)
    plainly = site.python(site.machine(1), WATCH, SWITCH, "workshop", "", "SHA")
    expected = read_until(plainly, 60, lambda line: line["state"] == "ok" and line["ports"]["port2"][1] == "up")
    watch = site.python(site.machine(1), WATCH, SWITCH, "antique", "", "SHA")
    seen = read_until(watch, 60, lambda line: line["state"] == "ok" and line["ports"]["port2"][1] == "up")
    assert seen is not None, (tmp_path / "snmpd.log").read_text()
    assert (seen["capacity"], seen["ports"].keys()) == (expected["capacity"], expected["ports"].keys())


@pytest.mark.slow
@pytest.mark.parametrize("site", [1], indirect=True)
def test_v3_with_sha_and_sha_2_and_what_is_wrong_is_named(site: Any, read_until: Any, tmp_path: Path) -> None:
    site.build()
    snmpd(site, tmp_path)
    read_until(
        site.python(site.machine(1), WATCH, SWITCH, "workshop", "", "SHA"), 30, lambda line: line["state"] == "ok"
    )
    for name, protocol in (("ann", "SHA"), ("bob", "SHA256"), ("eve", "SHA512")):
        watch = site.python(site.machine(1), WATCH, SWITCH, KEY, name, protocol)
        assert read_until(watch, 30, lambda line: True)["state"] == "ok", name
        site.stop(watch)
    for word, name, hint in (
        ("wrong wrong wrong", "ann", "v3_auth_key"),
        (KEY, "mallory", "v3_user"),
        ("hush hush hush", "", "community is wrong"),
    ):
        watch = site.python(site.machine(1), WATCH, SWITCH, word, name, "SHA")
        line = read_until(watch, 30, lambda line: True)
        assert (line["state"], hint in line["hint"]) == ("wrong-keys" if name else "silent", True), line
        site.stop(watch)
