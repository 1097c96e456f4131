"""The lab's switch as SNMP sees it: Debian's snmpd in the switch's namespace, answering for the bridge.

snmpd has IF-MIB for the ports, but no BRIDGE-MIB: `python -m cloned.lab.switchbox BRIDGE` is the
part it asks for that one (pass_persist, snmpd.conf(5)). What it says is read from the kernel at
the moment it is asked.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

BRIDGE_MIB = (1, 3, 6, 1, 2, 1, 17)
BASE_ADDRESS = (*BRIDGE_MIB, 1, 1, 0)
BASE_NUM_PORTS = (*BRIDGE_MIB, 1, 2, 0)
BASE_TYPE = (*BRIDGE_MIB, 1, 3, 0)
BASE_PORT_PORT = (*BRIDGE_MIB, 1, 4, 1, 1)
BASE_PORT_IFINDEX = (*BRIDGE_MIB, 1, 4, 1, 2)
FDB_ADDRESS = (*BRIDGE_MIB, 4, 3, 1, 1)
FDB_PORT = (*BRIDGE_MIB, 4, 3, 1, 2)
FDB_STATUS = (*BRIDGE_MIB, 4, 3, 1, 3)
IF_SPEED = (1, 3, 6, 1, 2, 1, 2, 2, 1, 5)
IF_HIGH_SPEED = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15)
COMMUNITY = "workshop"
TRANSPARENT_ONLY = 2
LEARNED, SELF = 3, 4

Oid = tuple[int, ...]
Value = tuple[str, str]
"""The type and value as pass_persist wants them, each on a line of its own."""

_FDB_ENTRY = struct.Struct("=6sBBIBBH")
"""struct __fdb_entry of linux/if_bridge.h: MAC, port low, is_local, age, port high, two of padding."""


@dataclass(frozen=True)
class ForwardingRow:
    """One line of the forwarding table."""

    mac: bytes
    port: int
    local: bool


@dataclass(frozen=True)
class Table:
    """What the kernel knows of the bridge at one moment."""

    address: bytes
    ports: Mapping[int, int]
    """Bridge port number to ifIndex."""
    neighbours: tuple[ForwardingRow, ...]

    def objects(self) -> list[tuple[Oid, Value]]:
        """Every BRIDGE-MIB object (RFC 4188), in the order of their names."""
        rows: dict[Oid, Value] = {
            BASE_ADDRESS: _octets(self.address),
            BASE_NUM_PORTS: _integer(len(self.ports)),
            BASE_TYPE: _integer(TRANSPARENT_ONLY),
        }
        for port, index in self.ports.items():
            rows[(*BASE_PORT_PORT, port)] = _integer(port)
            rows[(*BASE_PORT_IFINDEX, port)] = _integer(index)
        for entry in self.neighbours:
            rows[(*FDB_ADDRESS, *entry.mac)] = _octets(entry.mac)
            rows[(*FDB_PORT, *entry.mac)] = _integer(entry.port)
            rows[(*FDB_STATUS, *entry.mac)] = _integer(SELF if entry.local else LEARNED)
        return sorted(rows.items())


def _integer(number: int) -> Value:
    return "integer", str(number)


def _octets(data: bytes) -> Value:
    return "octet", " ".join(f"{byte:02x}" for byte in data)


def parse_fdb(raw: bytes) -> tuple[ForwardingRow, ...]:
    """The entries of a bridge's `brforward` file."""
    whole = raw[: len(raw) // _FDB_ENTRY.size * _FDB_ENTRY.size]
    found = []
    for mac, low, local, _age, high, _pad, _unused in _FDB_ENTRY.iter_unpack(whole):
        found.append(ForwardingRow(mac, high << 8 | low, bool(local)))
    return tuple(found)


def read_bridge(bridge: str, sys_net: Path = Path("/sys/class/net")) -> Table:
    """Ask the kernel, by sysfs, about a bridge in our own network namespace."""
    root = sys_net / bridge
    ports = {}
    for member in (root / "brif").iterdir():
        number = int((member / "port_no").read_text(), 16)
        ports[number] = int((sys_net / member.name / "ifindex").read_text())
    address = bytes.fromhex((root / "address").read_text().strip().replace(":", ""))
    return Table(address, ports, parse_fdb((root / "brforward").read_bytes()))


class Responder:
    """Speaks pass_persist: PING, get and getnext, a line at a time."""

    def __init__(self, bridge: str) -> None:
        self._bridge = bridge
        self._read_at = float("-inf")
        self._objects: list[tuple[Oid, Value]] = []

    def serve(self, source: TextIO, sink: TextIO) -> None:
        """Answer until snmpd closes the pipe."""
        while command := source.readline().strip():
            sink.write(self.answer(command, source))
            sink.flush()

    def answer(self, command: str, source: TextIO) -> str:
        """The whole answer to one command, whose arguments follow in `source`."""
        if command == "PING":
            return "PONG\n"
        asked = source.readline().strip()
        if command == "set":
            source.readline()
            return "not-writable\n"
        oid = tuple(int(part) for part in asked.strip(".").split("."))
        found = self._find(oid, after=command == "getnext")
        if found is None:
            return "NONE\n"
        name, (kind, value) = found
        return f".{_dotted(name)}\n{kind}\n{value}\n"

    def _find(self, oid: Oid, *, after: bool) -> tuple[Oid, Value] | None:
        self._refresh()
        for name, value in self._objects:
            if name == oid and not after:
                return name, value
            if name > oid and after:
                return name, value
        return None

    def _refresh(self) -> None:
        """A walk asks object by object: one look at the kernel serves a third of a second."""
        now = time.monotonic()
        if now - self._read_at > 0.3:
            self._objects = read_bridge(self._bridge).objects()
            self._read_at = now


def configuration(address: str, bridge: str, speeds: Mapping[int, int], python: str) -> str:
    """snmpd.conf(5) for the lab's switch; `speeds` maps ifIndexes to what the ports were throttled to, in bit/s.

    The kernel calls every virtual cable 10 Gbit/s, whatever tbf lets through: the two objects
    that tell the speed (RFC 2863) say what the cable really does.
    """
    lines = [
        f"agentAddress udp:{address}:161",
        f"rocommunity {COMMUNITY}",
        "sysName lab-switch",
        "sysDescr cloned lab switch: a Linux bridge",
        "sysLocation a namespace",
        "sysContact nobody",
        "dontLogTCPWrappersConnects yes",
        f"pass_persist .{_dotted(BRIDGE_MIB)} {python} -m cloned.lab.switchbox {bridge}",
    ]
    for index, speed in speeds.items():
        lines.append(f"override .{_dotted(IF_SPEED)}.{index} uinteger {min(speed, 2**32 - 1)}")
        lines.append(f"override .{_dotted(IF_HIGH_SPEED)}.{index} uinteger {speed // 1_000_000}")
    return "\n".join(lines) + "\n"


def _dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))


if __name__ == "__main__":
    Responder(sys.argv[1]).serve(sys.stdin, sys.stdout)
