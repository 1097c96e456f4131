"""Where a switch is and what it wants to hear; secrets that cannot be printed by accident."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from typing import Literal

from cloned.errors import UsageError
from cloned.saying import Phrase

AuthProtocol = Literal["SHA", "SHA224", "SHA256", "SHA384", "SHA512"]
PrivacyProtocol = Literal["AES", "AES192", "AES256"]
SNMP_PORT = 161
SHORTEST_KEY = 8
"""A USM passphrase has at least 8 characters (RFC 3414 §11.2)."""


class Secret:
    """A text whose repr, str, format and traceback show nothing of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: only for the call that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))


@dataclass(frozen=True)
class Community:
    """SNMP v2c: whoever says this word may read."""

    name: Secret

    def in_vlan(self, vlan: int) -> Community:
        """The community that shows the bridge of one VLAN, where a switch keeps one for each (`word@vlan`)."""
        return Community(Secret(f"{self.name.reveal()}@{vlan}"))


@dataclass(frozen=True)
class User:
    """SNMP v3 with the User-based Security Model (RFC 3414); a key that is empty turns its part off."""

    name: str
    auth_protocol: AuthProtocol = "SHA256"
    auth_key: Secret = field(default_factory=lambda: Secret(""))
    privacy_protocol: PrivacyProtocol = "AES"
    privacy_key: Secret = field(default_factory=lambda: Secret(""))
    context: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("SNMP v3 needs a user name", "give --v3-user")
        if self.privacy_key and not self.auth_key:
            raise UsageError("SNMP v3 privacy needs authentication too", "give --v3-auth-key as well")
        for what, key in (("authentication", self.auth_key), ("privacy", self.privacy_key)):
            if key and len(key.reveal()) < SHORTEST_KEY:
                short = f"the SNMP v3 {what} key is shorter than {SHORTEST_KEY} characters"
                raise UsageError(short, "give the key that is set on the switch")

    def in_vlan(self, vlan: int) -> User:
        """The same user in the context that holds the bridge of one VLAN (`vlan-N`)."""
        return replace(self, context=f"vlan-{vlan}")


Credentials = Community | User


@dataclass(frozen=True)
class Address:
    """Host and UDP port of an SNMP agent."""

    host: str
    port: int = SNMP_PORT

    @property
    def v6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if self.v6 else self.host
        return host if self.port == SNMP_PORT else f"{host}:{self.port}"


_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?")


def parse_address(text: str) -> Address:
    """Understand `HOST`, `HOST:PORT`, `::1`, `[::1]` and `[::1]:PORT`; UsageError if it is none of them."""
    text = text.strip()
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(.*))?", text)
    if bracketed is not None:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") > 1:
        host, port = text, None
    else:
        host, found, port_text = text.partition(":")
        port = port_text if found else None
    if not _is_host(host):
        raise UsageError(
            Phrase("{text} is no address of a switch", text=repr(text)), "give HOST, HOST:PORT or [IPV6]:PORT"
        )
    return Address(host, _port(text, port))


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _port(text: str, port: str | None) -> int:
    if port is None:
        return SNMP_PORT
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise UsageError(Phrase("{text}: a port is a number from 1 to 65535", text=repr(text)), "give HOST:PORT")
    return int(port)
