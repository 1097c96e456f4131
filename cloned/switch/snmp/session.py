"""One switch's SNMP conversation through pysnmp: v2c without an engine, v3 with one of its own.

pysnmp takes 0.75 s to import, so this module is imported only by those who read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from pyasn1.type.univ import Null, ObjectIdentifier
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch import asyncio as v1
from pysnmp.hlapi.v3arch import asyncio as v3
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from cloned.switch.snmp import ber
from cloned.switch.snmp.credentials import Address, Community, Credentials, User
from cloned.switch.snmp.faults import RefusedError, SilentError, SnmpAgentError, wrong
from cloned.switch.snmp.walk import Oid, Value, VarBind

log = logging.getLogger(__name__)

_AUTH = {
    "SHA": v3.USM_AUTH_HMAC96_SHA,
    "SHA224": v3.USM_AUTH_HMAC128_SHA224,
    "SHA256": v3.USM_AUTH_HMAC192_SHA256,
    "SHA384": v3.USM_AUTH_HMAC256_SHA384,
    "SHA512": v3.USM_AUTH_HMAC384_SHA512,
}
_PRIVACY = {"AES": v3.USM_PRIV_CFB128_AES, "AES192": v3.USM_PRIV_CFB192_AES, "AES256": v3.USM_PRIV_CFB256_AES}
_NOTHING = (NoSuchObject, NoSuchInstance, EndOfMibView, Null)


class SnmpSession(Protocol):
    """What reading needs: exact variables, and the ones that follow."""

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """The values of `oids`; None for an object that is not there."""

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """Up to `repetitions` successors of each of `oids`, row by row."""

    def close(self) -> None:
        """Let go of the socket."""


class CommunitySession:
    """SNMP v2c: pysnmp's dispatcher sends, repeats and gives up; answers are decoded by `ber`."""

    def __init__(self, target: Any, address: Address, community: Community) -> None:
        self._target, self._address = target, address
        self._auth = v1.CommunityData(community.name.reveal().encode(), mpModel=1)  # noqa: S508 - many speak only v2c
        self._dispatcher = v1.SnmpDispatcher()
        self._dispatcher.transport_dispatcher.unregister_recv_callback()
        self._dispatcher.transport_dispatcher.register_recv_callback(self._received)

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See Session."""
        request = v2c.GetRequestPDU()
        v2c.apiPDU.set_defaults(request)
        return await self._exchanged(request, oids)

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See Session."""
        request = v2c.GetBulkRequestPDU()
        v2c.apiBulkPDU.set_defaults(request)
        v2c.apiBulkPDU.set_non_repeaters(request, 0)
        v2c.apiBulkPDU.set_max_repetitions(request, repetitions)
        return await self._exchanged(request, oids)

    def close(self) -> None:
        """See Session."""
        self._dispatcher.close()

    async def _exchanged(self, request: Any, oids: Sequence[Oid]) -> list[VarBind]:
        v2c.apiPDU.set_varbinds(request, _asked(oids))
        answered: asyncio.Future[ber.Response] = asyncio.get_running_loop().create_future()
        self._dispatcher.send_pdu(self._auth, self._target, request, cbFun=self._concluded, cbCtx=answered)
        answer = await answered
        if answer.status:
            raise SnmpAgentError(answer.status)
        return answer.variables

    def _received(self, dispatcher: Any, domain: Any, where: Any, datagram: Any) -> None:
        """A datagram: the answer to a request under way, or nothing we asked for."""
        try:
            answer = ber.response(bytes(datagram))
        except ValueError as error:
            log.debug("switch %s sent what is no SNMP v2c answer: %s", self._address, error)
            return
        pending = self._dispatcher._pendingReqs.pop(answer.request, None)
        if pending is not None:
            self._dispatcher.transport_dispatcher.job_finished(id(self._dispatcher))
            pending["cbFun"](self._dispatcher, answer.request, None, answer, pending["cbCtx"])

    def _concluded(
        self,
        dispatcher: Any,
        request: int,
        indication: Any,
        answer: Any,
        answered: asyncio.Future[ber.Response],
    ) -> None:
        """Answered, or given up."""
        if answered.done():
            return
        if isinstance(answer, ber.Response):
            answered.set_result(answer)
        else:
            answered.set_exception(SilentError(str(self._address)))


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
            self._engine, self._auth, self._target, self._context, *_objects(oids), lookupMib=False
        )
        return self._taken(answer)

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See Session."""
        answer = await v3.bulk_cmd(
            self._engine, self._auth, self._target, self._context, 0, repetitions, *_objects(oids), lookupMib=False
        )
        return self._taken(answer)

    def close(self) -> None:
        """See Session."""
        self._engine.close_dispatcher()

    def _taken(self, answer: Any) -> list[VarBind]:
        return _taken(answer, self._address)


async def open_session(address: Address, credentials: Credentials, wait: float, retries: int) -> SnmpSession:
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
    return CommunitySession(target, address, credentials)


def _asked(oids: Sequence[Oid]) -> list[tuple[Any, Any]]:
    return [(ObjectIdentifier(oid), Null("")) for oid in oids]


def _objects(oids: Sequence[Oid]) -> list[Any]:
    return [v3.ObjectType(v3.ObjectIdentity(oid)) for oid in oids]


def _taken(answer: Any, address: Address) -> list[VarBind]:
    """Plain variables out of pysnmp's answer; its error texts go no further."""
    indication, status, _, varbinds = answer
    if indication:
        name = type(indication).__name__
        if name == "RequestTimedOut":
            raise SilentError(str(address), v3=True)
        raise wrong(str(address), name)
    if status:
        raise SnmpAgentError(int(status))
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
