"""One switch's SNMP conversation through pysnmp: v2c without an engine, v3 with one of its own.

pysnmp takes 0.75 s to import and about 0.2 ms of processor to decode a variable, so this module is
imported, and runs, in the thread of `snmp.py` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pyasn1.type.univ import Null, ObjectIdentifier
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch import asyncio as v1
from pysnmp.hlapi.v3arch import asyncio as v3
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from cloned.switch.credentials import Address, Community, Credentials, User
from cloned.switch.faults import AgentError, RefusedError, SilentError, wrong
from cloned.switch.walk import Oid, Value, VarBind

_AUTH = {
    "SHA": v3.USM_AUTH_HMAC96_SHA,
    "SHA224": v3.USM_AUTH_HMAC128_SHA224,
    "SHA256": v3.USM_AUTH_HMAC192_SHA256,
    "SHA384": v3.USM_AUTH_HMAC256_SHA384,
    "SHA512": v3.USM_AUTH_HMAC384_SHA512,
}
_PRIVACY = {"AES": v3.USM_PRIV_CFB128_AES, "AES192": v3.USM_PRIV_CFB192_AES, "AES256": v3.USM_PRIV_CFB256_AES}
_NOTHING = (NoSuchObject, NoSuchInstance, EndOfMibView, Null)


class Session(Protocol):
    """What reading needs: exact variables, and the ones that follow."""

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """The values of `oids`; None for an object that is not there."""

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """Up to `repetitions` successors of each of `oids`, row by row."""

    def close(self) -> None:
        """Let go of the socket."""


class CommunitySession:
    """SNMP v2c."""

    def __init__(self, dispatcher: Any, target: Any, address: Address, community: Community) -> None:
        self._dispatcher, self._target, self._address = dispatcher, target, address
        self._auth = v1.CommunityData(community.name.reveal().encode(), mpModel=1)  # noqa: S508 - many speak only v2c

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See Session."""
        return self._taken(await v1.get_cmd(self._dispatcher, self._auth, self._target, *_asked(oids), lookupMib=False))

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See Session."""
        answer = await v1.bulk_cmd(
            self._dispatcher, self._auth, self._target, 0, repetitions, *_asked(oids), lookupMib=False)
        return self._taken(answer)

    def close(self) -> None:
        """See Session."""
        self._dispatcher.close()

    def _taken(self, answer: Any) -> list[VarBind]:
        return _taken(answer, self._address, v3=False)


class UserSession:
    """SNMP v3, USM; one engine for each switch, since pysnmp keeps keys by user name."""

    def __init__(self, target: Any, address: Address, user: User) -> None:
        self._engine = v3.SnmpEngine()
        self._target, self._address = target, address
        self._context = v3.ContextData(contextName=user.context.encode())
        self._auth = v3.UsmUserData(
            user.name,
            user.auth_key.reveal() or None,
            user.privacy_key.reveal() or None,
            authProtocol=_AUTH[user.auth_protocol] if user.auth_key else v3.USM_AUTH_NONE,
            privProtocol=_PRIVACY[user.privacy_protocol] if user.privacy_key else v3.USM_PRIV_NONE,
        )

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See Session."""
        answer = await v3.get_cmd(
            self._engine, self._auth, self._target, self._context, *_objects(oids), lookupMib=False)
        return self._taken(answer)

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See Session."""
        answer = await v3.bulk_cmd(
            self._engine, self._auth, self._target, self._context, 0, repetitions, *_objects(oids), lookupMib=False)
        return self._taken(answer)

    def close(self) -> None:
        """See Session."""
        self._engine.close_dispatcher()

    def _taken(self, answer: Any) -> list[VarBind]:
        return _taken(answer, self._address, v3=True)


async def open_session(address: Address, credentials: Credentials, wait: float, retries: int) -> Session:
    """A session with the agent at `address`; each request is sent `1 + retries` times, `wait` s apart.

    Nothing is sent yet. Raises RefusedError for a host name that does not resolve.
    """
    kind = v3 if isinstance(credentials, User) else v1
    transport = kind.Udp6TransportTarget if address.v6 else kind.UdpTransportTarget
    try:
        target = await transport.create((address.host, address.port), timeout=wait, retries=retries)
    except PySnmpError:
        raise RefusedError(f"the address of switch {address} is not known", "give its IP address") from None
    if isinstance(credentials, User):
        return UserSession(target, address, credentials)
    return CommunitySession(v1.SnmpDispatcher(), target, address, credentials)


def _asked(oids: Sequence[Oid]) -> list[tuple[Any, Any]]:
    return [(ObjectIdentifier(oid), Null("")) for oid in oids]


def _objects(oids: Sequence[Oid]) -> list[Any]:
    return [v3.ObjectType(v3.ObjectIdentity(oid)) for oid in oids]


def _taken(answer: Any, address: Address, *, v3: bool) -> list[VarBind]:
    """Plain variables out of pysnmp's answer; its error texts go no further."""
    indication, status, _, varbinds = answer
    if indication:
        name = type(indication).__name__
        if name == "RequestTimedOut":
            raise SilentError(str(address), v3=v3)
        raise wrong(str(address), name)
    if status:
        raise AgentError(int(status))
    return [(tuple(name), _plain(value)) for name, value in varbinds]


def _plain(value: Any) -> Value:
    """An ASN.1 value as a Python one; what has no meaning for us becomes bytes of its encoding's text."""
    if isinstance(value, _NOTHING):
        return None
    if isinstance(value, ObjectIdentifier):
        return tuple(value)
    if hasattr(value, "asOctets"):
        return bytes(value.asOctets())
    return int(value)
