"""Whatever bytes somebody calls a boot loader, a certificate or a list of keys."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.disk.signed import SignedError, certificate_names, sbat_levels, signature_lists, signed_by

X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")


def image(signature: bytes = b"") -> bytes:
    """The least that is a PE32+ image, with a signature behind it."""
    head = bytearray(512)
    head[:2], head[60:64], head[128:132] = b"MZ", struct.pack("<I", 128), b"PE\0\0"
    struct.pack_into("<H", head, 128 + 24, 0x20B)
    if signature:
        struct.pack_into("<II", head, 128 + 24 + 144, 512, len(signature) + 8)
        return bytes(head) + struct.pack("<IHH", len(signature) + 8, 0x200, 2) + signature
    return bytes(head)


def test_an_image_without_signature() -> None:
    found = signed_by(image())
    assert (found.names, found.authority, found.sbat) == ((), "", ())


@given(st.binary(max_size=300))
def test_any_signature_is_an_answer_or_a_signed_error(signature: bytes) -> None:
    for data in (image(signature or b"\0"), signature, b"MZ" + signature):
        try:
            assert len(signed_by(data).digest) == 64
        except SignedError:
            continue


@given(st.binary(max_size=200))
def test_any_certificate(data: bytes) -> None:
    try:
        certificate_names(data)
    except SignedError:
        return


@given(st.binary(max_size=200))
def test_any_list_ends(data: bytes) -> None:
    for each in (data, X509 + data, SHA256 + struct.pack("<III", len(data) + 28, 0, 48) + data):
        certificates, hashes = signature_lists(each)
        assert all(len(one) <= 200 for one in hashes)
        assert isinstance(certificates, list)
    assert all(level >= 0 for _, level in sbat_levels(data))


def test_hashes_and_certificates_are_told_apart() -> None:
    one = SHA256 + struct.pack("<III", 28 + 2 * 48, 0, 48) + b"o" * 16 + b"h" * 32 + b"o" * 16 + b"i" * 32
    two = X509 + struct.pack("<III", 28 + 16 + 5, 0, 21) + b"o" * 16 + b"certi"
    assert signature_lists(one + two) == ([b"certi"], [b"h" * 32, b"i" * 32])
    assert signature_lists(one[:-1]) == ([], [b"h" * 32])


@pytest.mark.parametrize("text", [b"sbat,1,2024\nshim,4\n", b"shim,x\n,\n\nsbat\n\0\0"])
def test_levels(text: bytes) -> None:
    assert dict(sbat_levels(text)).get("shim") == (4 if b"4" in text and b"x" not in text else None)
