"""BRIDGE-MIB out of what the kernel says, and snmpd's line protocol."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cloned.lab.switchbox import BRIDGE_MIB, Responder, configuration, parse_fdb, read_bridge

OURS = bytes.fromhex("0200000000ff")
LAPTOP = bytes.fromhex("525400000001")


def entry(mac: bytes, port: int, *, local: bool) -> bytes:
    """struct __fdb_entry."""
    return mac + bytes((port & 0xFF, local)) + b"\x10\0\0\0" + bytes((port >> 8, 0)) + b"\0\0"


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A bridge with ports 1 (ifIndex 7) and 2 (ifIndex 9)."""
    bridge = tmp_path / "br0"
    (bridge / "brif").mkdir(parents=True)
    (bridge / "address").write_text("02:00:00:00:00:ff\n")
    (bridge / "brforward").write_bytes(entry(OURS, 1, local=True) + entry(LAPTOP, 2, local=False))
    for name, number, index in (("port1", "0x1", "7"), ("port2", "0x2", "9")):
        (bridge / "brif" / name).mkdir()
        (bridge / "brif" / name / "port_no").write_text(f"{number}\n")
        (tmp_path / name).mkdir()
        (tmp_path / name / "ifindex").write_text(f"{index}\n")
    return tmp_path


def test_the_forwarding_table_is_read(sysfs: Path) -> None:
    table = read_bridge("br0", sysfs)
    assert table.address == OURS
    assert table.ports == {1: 7, 2: 9}
    assert [(each.mac, each.port, each.local) for each in table.neighbours] == [(OURS, 1, True), (LAPTOP, 2, False)]


def test_ports_above_255_and_a_cut_entry() -> None:
    assert parse_fdb(entry(LAPTOP, 300, local=False) + b"half")[0].port == 300


def test_a_walk_sees_every_object_once_and_in_order(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloned.lab.switchbox.read_bridge", lambda bridge: read_bridge(bridge, sysfs))
    responder, at, seen = Responder("br0"), BRIDGE_MIB, []
    while (answer := responder.answer("getnext", io.StringIO("." + ".".join(map(str, at)) + "\n"))) != "NONE\n":
        name, kind, value = answer.splitlines()
        at = tuple(int(part) for part in name.strip(".").split("."))
        seen.append((at, kind, value))
    assert [name for name, _, _ in seen] == sorted(name for name, _, _ in seen)
    assert len(seen) == 3 + 2 * 2 + 2 * 3
    assert ((*BRIDGE_MIB, 1, 4, 1, 2, 2), "integer", "9") in seen
    assert ((*BRIDGE_MIB, 4, 3, 1, 1, *LAPTOP), "octet", "52 54 00 00 00 01") in seen


def test_the_line_protocol(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloned.lab.switchbox.read_bridge", lambda bridge: read_bridge(bridge, sysfs))
    out = io.StringIO()
    lines = "PING\nget\n.1.3.6.1.2.1.17.1.2.0\nget\n.1.3.6.1.2.1.17.1.99\nset\n.1.3.6.1.2.1.17.1.2.0\ninteger 3\n"
    Responder("br0").serve(io.StringIO(lines), out)
    assert out.getvalue() == "PONG\n.1.3.6.1.2.1.17.1.2.0\ninteger\n2\nNONE\nnot-writable\n"


def test_the_configuration_tells_the_speed_of_throttled_ports() -> None:
    text = configuration("10.77.0.2", "br0", {4: 10**9, 5: 10**10}, "python3")
    assert "override .1.3.6.1.2.1.31.1.1.1.15.4 uinteger 1000\n" in text
    assert "override .1.3.6.1.2.1.2.2.1.5.5 uinteger 4294967295\n" in text
