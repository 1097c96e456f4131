"""Who signed a boot loader, and what a firmware's lists of keys hold. Pure: nothing is verified, names are compared.

Sources: Microsoft, PE Format and Windows Authenticode Portable Executable Signature Format; RFC 2315 (PKCS #7);
UEFI specification 2.10, §32.4.1 (EFI_SIGNATURE_LIST); shim's SBAT.md. A certificate authority is told by its name: its
own signature stands in the loader's certificates only where somebody put it there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

KEY = 16
"""Hex digits of the SHA-256 of a name that tell it."""
HASH = 8
"""Hex digits of a loader's SHA-256 that tell it: firmware lists hundreds of them."""
_X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
_SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
"""EFI_CERT_X509_GUID and EFI_CERT_SHA256_GUID, as they lie in memory."""
_COMMON_NAME = bytes.fromhex("0603550403")
_MOST_CERTIFICATES = 64


class SignedError(ValueError):
    """This is no PE image, or its signature is damaged."""


Der = tuple[int, int, int]
"""Tag, and where the content of an ASN.1 element begins and ends."""


@dataclass(frozen=True)
class SignedBy:
    """What a firmware needs to know of a boot loader."""

    digest: str
    """SHA-256 of the image without its signatures (Authenticode), in hex."""
    names: tuple[str, ...] = ()
    """`name_key` of everybody in its certificates, issuers too."""
    authority: str = ""
    """Who signed the signers' certificates, in words; empty where it is not signed."""
    sbat: tuple[tuple[str, int], ...] = ()
    """Components and their generations; empty in loaders from before SBAT."""


def name_key(name: bytes) -> str:
    """What tells a distinguished name (its DER) from others."""
    return hashlib.sha256(name).hexdigest()[:KEY]


def signed_by(data: bytes) -> SignedBy:
    """Who signed a PE image; SignedError where it is none."""
    try:
        return _signed_by(data)
    except (struct.error, IndexError) as error:
        raise SignedError("this is no whole PE image") from error


def _signed_by(data: bytes) -> SignedBy:
    (pe,) = struct.unpack_from("<I", data, 60)
    if data[:2] != b"MZ" or data[pe : pe + 4] != b"PE\0\0":
        raise SignedError("this is no PE image")
    optional = pe + 24
    (magic,) = struct.unpack_from("<H", data, optional)
    entry = optional + (144 if magic == 0x20B else 128)  # the fifth data directory: certificates
    at, size = struct.unpack_from("<II", data, entry)
    end = at if size else len(data)
    if not entry + 8 <= end <= len(data):
        raise SignedError("its signature lies outside")
    digest = hashlib.sha256(data[: optional + 64] + data[optional + 68 : entry] + data[entry + 8 : end])
    digest.update(bytes(-end % 8) if not size else b"")
    chains = [_chain(blob) for blob in _blobs(data[at : at + size])] if size else []
    names = [name for chain in chains for pair in chain for name in pair]
    authority = " or ".join(dict.fromkeys(map(_authority, chains)))
    return SignedBy(digest.hexdigest(), tuple(dict.fromkeys(map(name_key, names))), authority, _sbat(data, pe))


def _blobs(table: bytes) -> Iterator[bytes]:
    """The PKCS #7 signatures of an attribute certificate table."""
    at = 0
    while at + 8 <= len(table):
        length, _, kind = struct.unpack_from("<IHH", table, at)
        if length < 8:
            return
        if kind == 2:  # WIN_CERT_TYPE_PKCS_SIGNED_DATA
            yield table[at + 8 : at + length]
        at += -(-length // 8) * 8


def _chain(blob: bytes) -> list[tuple[bytes, bytes]]:
    """Issuer and subject of each certificate of a signature."""
    content = _children(blob, _read(blob, 0))
    signed = _children(blob, _children(blob, content[1])[0])
    group = next((each for each in signed if each[0] == 0xA0), None)
    if group is None:
        raise SignedError("its signature holds no certificates")
    return [certificate_names(blob[begin:end]) for begin, end in _wholes(blob, group)]


def _authority(chain: list[tuple[bytes, bytes]]) -> str:
    """Who certified the signer, which is whoever certified nobody here."""
    issuers = {issuer for issuer, subject in chain if issuer != subject}
    return next((common_name(issuer) for issuer, subject in chain if subject not in issuers), "")


def certificate_names(certificate: bytes) -> tuple[bytes, bytes]:
    """Issuer and subject of an X.509 certificate, each as its DER; SignedError if it is none."""
    try:
        body = _children(certificate, _read(certificate, 0))[0]
        wholes = list(_wholes(certificate, body))
        first = 1 if certificate[wholes[0][0]] == 0xA0 else 0  # the version is left out of the oldest
        issuer, subject = wholes[first + 2], wholes[first + 4]
    except (IndexError, SignedError) as error:
        raise SignedError("this is no certificate") from error
    return certificate[slice(*issuer)], certificate[slice(*subject)]


def common_name(name: bytes) -> str:
    """The last CN of a distinguished name, printable."""
    at = name.rfind(_COMMON_NAME)
    if at < 0:
        return ""
    _, begin, end = _read(name, at + len(_COMMON_NAME))
    text = name[begin:end].decode("utf-8", "replace")
    return "".join(each for each in text if each.isprintable())[:80]


def _read(data: bytes, at: int) -> Der:
    """The element that begins at `at`."""
    tag, length = data[at], data[at + 1]
    begin = at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    if not 0 <= length <= len(data) - begin:
        raise SignedError("an element is cut short")
    return tag, begin, begin + length


def _wholes(data: bytes, outer: Der) -> Iterator[tuple[int, int]]:
    """Where each element inside another begins and ends, its head included."""
    at, left = outer[1], _MOST_CERTIFICATES
    while at < outer[2] and left:
        left -= 1
        end = _read(data, at)[2]
        yield at, end
        at = end


def _children(data: bytes, outer: Der) -> list[Der]:
    return [_read(data, begin) for begin, _ in _wholes(data, outer)]


def _sbat(data: bytes, pe: int) -> tuple[tuple[str, int], ...]:
    """The lines of the section `.sbat`: component, generation, and what people read."""
    sections, size = struct.unpack_from("<H", data, pe + 6)[0], struct.unpack_from("<H", data, pe + 20)[0]
    for number in range(min(sections, 96)):
        head = pe + 24 + size + 40 * number
        if data[head : head + 8].rstrip(b"\0") == b".sbat":
            length, _, raw, place = struct.unpack_from("<IIII", data, head + 8)
            return sbat_levels(data[place : place + min(length, raw)])
    return ()


def sbat_levels(text: bytes) -> tuple[tuple[str, int], ...]:
    """Component and generation of each line; the same of a firmware's SbatLevel, which says what is too old."""
    rows = (line.split(",") for line in text.rstrip(b"\0").decode("ascii", "replace").splitlines()[:64])
    return tuple((row[0].strip()[:64], int(row[1])) for row in rows if len(row) > 1 and row[1].strip().isdecimal())


def signature_lists(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Certificates and SHA-256 hashes of a firmware's db or dbx; what is cut short or of another kind is left out."""
    certificates, hashes, at = [], [], 0
    while at + 28 <= len(data):
        kind = data[at : at + 16]
        whole, head, each = struct.unpack_from("<III", data, at + 16)
        if whole < 28 or each <= 16:
            break
        for place in range(at + 28 + head, min(at + whole, len(data)) - each + 1, each):
            found = data[place + 16 : place + each]
            if kind == _X509:
                certificates.append(found)
            elif kind == _SHA256:
                hashes.append(found)
        at += whole
    return certificates, hashes
