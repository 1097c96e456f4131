"""The configuration's sections for the wire: networks, addresses that are given out, and what is booted over them."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cloned.saying import Phrase
from cloned.sections import Section

Port = Annotated[int, Field(ge=1, le=65535)]
InterfaceName = Annotated[str, Field(pattern=r"^[^\s/]{1,15}$")]
"""As the kernel names them (netdevice(7)): at most 15 characters."""
Mbps = Annotated[int, Field(ge=1, le=1_000_000)]
DAY = 86400


class LeaseSettings(Section):
    """`[[dhcp.lease]]`: an interface on which we, and nobody else, give out addresses."""

    interface: InterfaceName
    first: IPv4Address
    last: IPv4Address
    seconds: Annotated[int, Field(ge=120, le=30 * DAY)] = 3600
    router: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> LeaseSettings:
        if self.last < self.first:
            raise ValueError(
                Phrase(
                    "the pool on {interface} ends ({last}) before it begins ({first})",
                    interface=self.interface,
                    last=self.last,
                    first=self.first,
                )
            )
        return self


class Dhcp(Section):
    """`[dhcp]`: `auto` is proxyDHCP beside a server that was seen; addresses only through `lease`."""

    mode: Literal["auto", "proxy", "off"] = "auto"
    lease: tuple[LeaseSettings, ...] = ()


class NetworkSettings(Section):
    """`[network]`: the wired interfaces laptops are on; empty means the one that has a link."""

    interfaces: tuple[InterfaceName, ...] = ()
    boot_port: Port = 8069
    querier: Literal["auto", "v3", "off"] = "auto"
    """Ask for multicast groups (IGMP) where nobody else does: snooping switches need it. In version 2, which all
    understand, unless `v3` is asked for."""
    link_mbps: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    """Speed of the server's own link where the kernel can't tell."""


class Model(Section):
    """`[[boot.model]]`: what a make of laptop needs; the first that matches counts."""

    vendor: str = "*"
    product: str = "*"
    mac: str = "*"
    kernel_parameters: str = ""
    console: Annotated[str, Field(pattern=r"^(\d{3,5}x\d{3,5})?$")] = ""
    """Resolution of the boot menu, e.g. `1024x768`."""
    serial: str = ""
    """Serial line, e.g. `ttyS0,115200`."""
    uefi: Literal["auto", "snponly", "ipxe", "shim"] = "auto"


class BootSettings(Section):
    """`[boot]`: the menu at the laptop and the system it starts."""

    live: Path = Path("/var/lib/cloned/live")
    files: Path = Path("/var/lib/cloned/boot")
    menu_seconds: Annotated[int, Field(ge=5, le=600)] = 30
    clone_seconds: Annotated[int, Field(ge=0, le=60)] = 3
    kernel_parameters: str = "quiet mitigations=off"
    """For every laptop. Nothing but our own programs runs there, so the processor's brakes may go: old ones gain."""
    serial: str = ""
    model: tuple[Model, ...] = ()
