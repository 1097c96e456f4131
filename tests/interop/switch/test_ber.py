"""Our decoder of SNMP answers beside pysnmp's encoder."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.snmp.ber import Response, response

pytestmark = pytest.mark.interop

OIDS = st.lists(st.integers(0, 2**32 - 1), max_size=12).map(lambda rest: (1, 3, 6, 1, *rest))
KINDS = {
    "Integer32": st.integers(-(2**31), 2**31 - 1),
    "OctetString": st.binary(max_size=300),
    "Counter32": st.integers(0, 2**32 - 1),
    "Unsigned32": st.integers(0, 2**32 - 1),
    "TimeTicks": st.integers(0, 2**32 - 1),
    "Counter64": st.integers(0, 2**64 - 1),
    "ObjectIdentifier": OIDS,
}
VARIABLES = st.tuples(OIDS, st.one_of(*(st.tuples(st.just(kind), values) for kind, values in KINDS.items())))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 2**31 - 1), st.sampled_from([0, 1, 5]), st.lists(VARIABLES, max_size=20))
def test_what_pysnmp_encodes_is_decoded(request: int, status: int, variables: Any) -> None:
    from pyasn1.codec.ber import encoder
    from pysnmp.proto.api import v2c

    message, pdu = v2c.Message(), v2c.ResponsePDU()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, b"word")
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, request)
    v2c.apiPDU.set_error_status(pdu, status)
    v2c.apiPDU.set_varbinds(pdu, [(oid, getattr(v2c, kind)(value)) for oid, (kind, value) in variables])
    v2c.apiMessage.set_pdu(message, pdu)
    assert response(encoder.encode(message)) == Response(
        request, status, 0, [(oid, value) for oid, (_, value) in variables]
    )
