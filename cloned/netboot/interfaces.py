"""The network interfaces of this machine, as the kernel tells them (netlink.py)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cloned import netlink
from cloned.errors import MissingError
from cloned.saying import Phrase

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
    try:
        link = netlink.link(name)
    except (OSError, ValueError) as error:  # ValueError: no such name can be
        raise MissingError(
            Phrase("there is no network interface {name}", name=name), "see `ip link` for the names"
        ) from error
    found = netlink.addresses(link.index)
    if not found:
        hint = Phrase("give it one, e.g. ip address add 10.77.0.1/24 brd + dev {name}", name=name)
        raise MissingError(Phrase("{name} has no IPv4 address", name=name), hint)
    return Interface(link.name, link.mac, found[0].ip, found[0].network, link.mtu)


def link_speed(name: str) -> int:
    """Mbit/s of `name` as the kernel has it; 1000 where it cannot tell."""
    try:
        speed = int((_SYS / name / "speed").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1000
    return speed if speed > 0 else 1000


def wired_with_link() -> list[str]:
    """Ethernet interfaces of real hardware that have a link, by name."""
    return sorted(link.name for link in netlink.links() if link.ethernet and link.carrier and _is_wired(link.name))


def _is_wired(name: str) -> bool:
    """Whether it is a real network card: bridges, VLANs and tunnels have no device in sysfs."""
    return (_SYS / name / "device").exists() and not (_SYS / name / "wireless").exists()
