"""Two agents that stand for switches plugged into each other, as `cloned switch show` tells of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloned.switch.snmp import oids as c
from cloned.switch.snmp.walk import Oid
from tests.wire.switch.test_bad_agents import Agent, Answer, answering, integer, plain, text

pytestmark = pytest.mark.wire

OWN = {1: b"\x02\xaa\x00\x00\x00\x01", 2: b"\x02\xbb\x00\x00\x00\x01"}


def linked(own: int, other: int, port: int) -> Answer:
    """A small switch that sees another one behind `port`."""
    tree = {
        c.BRIDGE_ADDRESS: text(OWN[own]),
        c.SYS_NAME: text(b"s%d" % own),
        (*c.FDB_PORT.oid, *OWN[other]): integer(port),
    }

    def answer(kind: str, oid: Oid, agent: Agent) -> tuple[Oid, Any] | None:
        found = [(name, tree[name]) for name in tree if (name > oid if kind == "next" else name == oid)]
        ordinary = plain(kind, oid)
        return min([*found, *([ordinary] if ordinary else [])], key=lambda each: each[0], default=None)

    return answer


async def test_the_ports_between_switches_are_uplinks(tmp_path: Path) -> None:
    config = tmp_path / "cloned.toml"
    async with answering(linked(1, 2, 3)) as (one, _), answering(linked(2, 1, 4)) as (other, _):
        config.write_text("".join(f'[[switch]]\naddress = "{address}"\n' for address in (one, other)))
        done = await asyncio.to_thread(
            subprocess.run,
            [Path(sys.executable).with_name("cloned"), "switch", "show", "--json", "--config", config],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    first, second = json.loads(done.stdout)
    assert [port["role"] for port in first["ports"]] == ["access", "access", "uplink", "access"]
    assert [port["role"] for port in second["ports"]] == ["access", "access", "access", "uplink"]
    assert (first["capacity"], second["capacity"]) == (3, 3)
    assert first["warnings"] == ["s1 port gi3 is an uplink: it leads to switch s2"]
