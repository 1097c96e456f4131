"""The network interfaces of this machine, as the kernel tells them (netdevice(7))."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cloned.errors import MissingError

_SIOCGIFADDR, _SIOCGIFNETMASK, _SIOCGIFHWADDR = 0x8915, 0x891B, 0x8927
_SIOCGIFMTU = 0x8921
_SYS = Path("/sys/class/net")


@dataclass(frozen=True)
class Interface:
    """An interface with an address on it."""

    name: str
    mac: str
    address: IPv4Address
    network: IPv4Network
    mtu: int = 1500


def describe(name: str) -> Interface:
    """MAC, address and network of `name`; MissingError if it isn't there or has no address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            mtu = int.from_bytes(_ask(sock, _SIOCGIFMTU, name)[:4], sys.byteorder)
            mac = _ask(sock, _SIOCGIFHWADDR, name)[2:8]
            address = IPv4Address(_ask(sock, _SIOCGIFADDR, name)[4:8])
            mask = IPv4Address(_ask(sock, _SIOCGIFNETMASK, name)[4:8])
        except OSError as error:
            known = name in (known for _, known in socket.if_nameindex())
            what = f"{name} has no IPv4 address" if known else f"there is no network interface {name}"
            hint = (
                f"give it one, e.g. ip address add 10.77.0.1/24 brd + dev {name}"
                if known
                else "see `ip link` for the names"
            )
            raise MissingError(what, hint) from error
    return Interface(name, mac.hex(":"), address, IPv4Network(f"{address}/{mask}", strict=False), mtu)


def wired_with_link() -> list[str]:
    """Ethernet interfaces of real hardware that have a link, by name."""
    return sorted(path.name for path in _SYS.iterdir() if _is_wired(path) and _has_link(path))


def _is_wired(path: Path) -> bool:
    ethernet = _read(path / "type") == "1"
    return ethernet and (path / "device").exists() and not (path / "wireless").exists()


def _has_link(path: Path) -> bool:
    return _read(path / "carrier") == "1"


def _read(path: Path) -> str:
    """The one word in a file of sysfs; nothing where it can't be read (a port that is down has no carrier)."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ask(sock: socket.socket, request: int, name: str) -> bytes:
    """The `ifr_*` part of a `struct ifreq` for `name`."""
    return fcntl.ioctl(sock, request, struct.pack("16s24x", name.encode()[:15]))[16:]
