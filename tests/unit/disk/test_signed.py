"""Whatever bytes somebody calls a boot loader, a certificate or a list of keys."""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from cloned.disk.signed import SignedError, _read, certificate_names, name_key, sbat_levels, signature_lists, signed_by

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


BOOT = Path(os.environ.get("CLONED_CACHE", "var")) / "boot"


@pytest.mark.parametrize(
    ("file", "authority", "component"),
    [("shimx64.efi", "Microsoft Corporation UEFI CA 2011", "shim"), ("grubx64.efi", "Debian Secure Boot CA", "grub")],
)
def test_what_debian_ships_is_what_its_signature_says(file: str, authority: str, component: str) -> None:
    """The signature holds the digest that it was made over: so ours is the very same. The lab has them."""
    if not (BOOT / file).exists():
        pytest.skip(f"there is no {BOOT / file}: cloned lab prepare")
    data = (BOOT / file).read_bytes()
    found = signed_by(data)
    assert bytes.fromhex(found.digest) in data
    assert authority in found.authority
    assert found.names
    assert dict(found.sbat).get(component, 0) > 0
    changed = bytearray(data)
    changed[0x1000] ^= 1
    assert signed_by(bytes(changed)).digest != found.digest
    changed = bytearray(data)
    changed[int.from_bytes(data[60:64], "little") + 24 + 64] ^= 1
    assert signed_by(bytes(changed)).digest == found.digest, "its checksum is no part of it"


def certified(name: str, by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None) -> Signer:
    """A certificate with its key, by itself or another."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "X"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    made = x509.CertificateBuilder(
        by[0].subject if by else subject, subject, key.public_key(), x509.random_serial_number()
    )
    made = made.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    return made.sign(by[1] if by else key, hashes.SHA256()), key


Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def signature(signer: Signer, *chain: Signer) -> bytes:
    made = pkcs7.PKCS7SignatureBuilder().set_data(b"x").add_signer(*signer, hashes.SHA256())
    for certificate, _ in chain:
        made = made.add_certificate(certificate)
    return made.sign(Encoding.DER, [])


def table(*entries: tuple[int, bytes]) -> bytes:
    """An attribute certificate table: of each its kind, padded to eight bytes."""
    whole = [struct.pack("<IHH", len(data) + 8, 0x200, kind) + data for kind, data in entries]
    return b"".join(each + bytes(-len(each) % 8) for each in whole)


def with_table(entries: bytes) -> bytes:
    head = bytearray(image())
    struct.pack_into("<II", head, 128 + 24 + 144, len(head), len(entries))
    return bytes(head) + entries


def test_who_signed_is_whoever_certified_the_signer() -> None:
    root = certified("Root of all")
    authority = certified("An authority", root)
    signer, lone = certified("A signer", authority), certified("Lone")
    whole = signature(signer, authority, root)
    assert signed_by(image(whole)).authority == "An authority"
    assert signed_by(image(signature(lone))).authority == "Lone"
    assert signed_by(image(signature(signer))).authority == "An authority"
    two = signed_by(with_table(table((2, whole), (1, b"of another kind"), (2, signature(lone)))))
    assert two.authority == "An authority or Lone"
    expected = [name_key(each[0].subject.public_bytes()) for each in (root, authority, signer, lone)]
    assert set(two.names) == set(expected)
    assert len(two.names) == len(expected)
    cut = table((2, whole)) + struct.pack("<IHH", 7, 0x200, 2) + table((2, signature(lone)))
    assert signed_by(with_table(cut)).authority == "An authority"


def test_the_older_kind_of_image_has_its_signature_elsewhere() -> None:
    plain = bytearray(image())
    struct.pack_into("<H", plain, 128 + 24, 0x10B)
    entries = table((2, signature(certified("Lone"))))
    struct.pack_into("<II", plain, 128 + 24 + 128, len(plain), len(entries))
    assert signed_by(bytes(plain) + entries).authority == "Lone"


def with_section(name: bytes, text: bytes, *, raw: int | None = None) -> bytes:
    made = bytearray(image().ljust(1024, b"\0"))
    struct.pack_into("<H", made, 128 + 6, 2)
    struct.pack_into("<H", made, 128 + 20, 240)
    at = 128 + 24 + 240 + 40
    made[at : at + 8] = name.ljust(8, b"\0")
    struct.pack_into("<IIII", made, at + 8, len(text), 0, len(text) if raw is None else raw, 600)
    made[600 : 600 + len(text)] = text
    return bytes(made)


def test_components_are_read_from_their_own_section() -> None:
    text = b"sbat,1,x\nshim,4,UEFI shim\n"
    assert signed_by(with_section(b".sbat", text)).sbat == (("sbat", 1), ("shim", 4))
    assert signed_by(with_section(b".sbatx", text)).sbat == ()
    assert signed_by(with_section(b".sbat", text, raw=9)).sbat == (("sbat", 1),)


def test_each_of_the_marks_of_an_image_must_be_there() -> None:
    for at in (0, 1, 128, 129, 130):
        damaged = bytearray(image())
        damaged[at] ^= 1
        with pytest.raises(SignedError, match="no PE"):
            signed_by(bytes(damaged))


def test_a_signature_lies_behind_the_headers_and_in_the_file() -> None:
    whole = image(b"\x30\x00")
    entry = 128 + 24 + 144
    for at, right in ((512, True), (len(whole), True), (len(whole) + 1, False), (entry + 8, True), (entry + 7, False)):
        moved = bytearray(whole)
        struct.pack_into("<II", moved, entry, at, 8)
        try:
            said = signed_by(bytes(moved)).digest
        except SignedError as error:
            said = str(error)
        assert ("outside" not in said) is right, at


def test_an_element_without_content_is_one() -> None:
    assert _read(b"\5\0", 0) == (5, 2, 2)
    assert _read(b"\4\1x", 0) == (4, 2, 3)
    with pytest.raises(SignedError, match="cut short"):
        _read(b"\4\2x", 0)


def test_a_signature_of_no_bytes_is_not_passed_over() -> None:
    with pytest.raises(SignedError):
        signed_by(with_table(table((2, b""))))
