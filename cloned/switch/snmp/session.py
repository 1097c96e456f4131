"""One switch's SNMP conversation through pysnmp: v1 and v2c without an engine, v3 with one of its own.

pysnmp takes 0.75 s to import, so this module is imported only by those who read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pyasn1.type.univ import Null, ObjectIdentifier
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch import asyncio as v1
from pysnmp.hlapi.v3arch import asyncio as v3
from pysnmp.proto.api import v1 as rfc1157
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject

from cloned.saying import Phrase
from cloned.switch.snmp import ber
from cloned.switch.snmp.conversation import SnmpSession, StepwiseSession
from cloned.switch.snmp.credentials import Address, Community, Credentials, User
from cloned.switch.snmp.faults import SilentError, SnmpAgentError, SnmpRefusedError, wrong
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
NO_SUCH_NAME = 2
"""SNMP v1 error-status (RFC 1157 §4.1.1)."""
_NOTHING = (NoSuchObject, NoSuchInstance, EndOfMibView, Null)


class CommunitySession:
    """SNMP v2c or v1: pysnmp's dispatcher sends, repeats and gives up; answers are decoded by `ber`."""

    def __init__(self, target: object, address: Address, community: Community, version: Literal[1, 2] = 2) -> None:
        self._target, self._address, self._version = target, address, version
        self._pdu = rfc1157 if version == 1 else v2c
        self._auth = v1.CommunityData(community.name.reveal().encode(), mpModel=version - 1)
        self._dispatcher = v1.SnmpDispatcher()
        self._dispatcher.transport_dispatcher.unregister_recv_callback()
        self._dispatcher.transport_dispatcher.register_recv_callback(self._received)

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See SnmpSession."""
        return await self._present(self._pdu.GetRequestPDU, oids)

    async def next(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See SnmpSession."""
        return await self._present(self._pdu.GetNextRequestPDU, oids)

    async def _present(self, kind: Callable[[], object], oids: Sequence[Oid]) -> list[VarBind]:
        """The variables that are there, None for the others.

        SNMP v1 has no value for "not there": it answers noSuchName with the position of the first that is missing
        (RFC 1157 §4.1.2), which is then left out and the rest asked for again.
        """
        left, missing = list(oids), set[Oid]()
        while left:
            request = kind()
            self._pdu.apiPDU.set_defaults(request)
            answer = await self._exchanged(request, left)
            if not answer.status:
                found = dict(zip(left, answer.variables, strict=False))
                return [found.get(oid, (oid, None)) for oid in oids if oid in found or oid in missing]
            if self._version != 1 or answer.status != NO_SUCH_NAME or not 1 <= answer.index <= len(left):
                raise SnmpAgentError(answer.status)
            missing.add(left.pop(answer.index - 1))
        return [(oid, None) for oid in oids]

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See SnmpSession; SNMP v1 has no GETBULK."""
        request = v2c.GetBulkRequestPDU()
        v2c.apiBulkPDU.set_defaults(request)
        v2c.apiBulkPDU.set_non_repeaters(request, 0)
        v2c.apiBulkPDU.set_max_repetitions(request, repetitions)
        answer = await self._exchanged(request, oids)
        if answer.status:
            raise SnmpAgentError(answer.status)
        return answer.variables

    def close(self) -> None:
        """See SnmpSession."""
        self._dispatcher.close()

    async def _exchanged(self, request: object, oids: Sequence[Oid]) -> ber.Response:
        self._pdu.apiPDU.set_varbinds(request, _asked(oids))
        answered: asyncio.Future[ber.Response] = asyncio.get_running_loop().create_future()
        self._dispatcher.send_pdu(self._auth, self._target, request, cbFun=self._concluded, cbCtx=answered)
        return await answered

    def _received(self, dispatcher: object, domain: object, where: object, datagram: bytes) -> None:
        """A datagram: the answer to a request under way, or nothing we asked for."""
        try:
            answer = ber.response(bytes(datagram))
        except ValueError as error:
            log.debug("switch %s sent what is no SNMP answer: %s", self._address, error)
            return
        pending = self._dispatcher._pendingReqs.pop(answer.request, None)
        if pending is not None:
            self._dispatcher.transport_dispatcher.job_finished(id(self._dispatcher))
            pending["cbFun"](self._dispatcher, answer.request, None, answer, pending["cbCtx"])

    def _concluded(
        self,
        dispatcher: object,
        request: int,
        indication: object,
        answer: object,
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

    def __init__(self, target: object, address: Address, user: User) -> None:
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
        """See SnmpSession."""
        answer = await v3.get_cmd(
            self._engine, self._auth, self._target, self._context, *_objects(oids), lookupMib=False
        )
        return self._taken(answer)

    async def next(self, oids: Sequence[Oid]) -> list[VarBind]:
        """See SnmpSession."""
        answer = await v3.next_cmd(
            self._engine, self._auth, self._target, self._context, *_objects(oids), lookupMib=False
        )
        return self._taken(answer)

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        """See SnmpSession."""
        answer = await v3.bulk_cmd(
            self._engine, self._auth, self._target, self._context, 0, repetitions, *_objects(oids), lookupMib=False
        )
        return self._taken(answer)

    def close(self) -> None:
        """See SnmpSession."""
        self._engine.close_dispatcher()

    def _taken(self, answer: object) -> list[VarBind]:
        return _taken(answer, self._address)


async def open_session(
    address: Address, credentials: Credentials, wait: float, retries: int, version: Literal[1, 2] = 2
) -> SnmpSession:
    """A session with the agent at `address`; each request is sent `1 + retries` times, `wait` s apart.

    `version` of a community's session: 1 for agents that know nothing newer. Nothing is sent yet.
    Raises RefusedError for a host name that does not resolve.
    """
    kind = v3 if isinstance(credentials, User) else v1
    transport = kind.Udp6TransportTarget if address.v6 else kind.UdpTransportTarget
    try:
        target = await transport.create((address.host, address.port), timeout=wait, retries=retries)
    except PySnmpError:
        raise SnmpRefusedError(
            Phrase("the address of switch {address} is not known", address=address), "give its IP address"
        ) from None
    if isinstance(credentials, User):
        return UserSession(target, address, credentials)
    session = CommunitySession(target, address, credentials, version)
    return StepwiseSession(session) if version == 1 else session


def _asked(oids: Sequence[Oid]) -> list[tuple[object, object]]:
    return [(ObjectIdentifier(oid), Null("")) for oid in oids]


def _objects(oids: Sequence[Oid]) -> list[object]:
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
