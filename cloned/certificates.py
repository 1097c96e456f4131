"""Certificates of erasure as signed facts inside a PDF: put in, taken out, and checked anywhere without a daemon.

Three attachments: `erasure.json` (the facts, byte for byte what is signed), `erasure.json.sig` (64 bytes, Ed25519) and
`site.pem` (the public key). A second signature, over the whole file with its own 128 hex digits set to zero, finds any
other change: a PDF whose text was edited while its facts were not.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Required, TypedDict

from cloned.core.row_types import ErasedDiskRow
from cloned.errors import ClonedError
from cloned.json_data import JsonObject
from cloned.saying import Phrase, printable
from cloned.signing import SIGNATURE_BYTES, PublicKey, SiteKey

KIND, VERSION = "cloned-erasure-certificate", 1
FACTS, SIGNED, KEY = "erasure.json", "erasure.json.sig", "site.pem"
_MARK = b"cloned-paper-signature:"
_EMPTY = b"0" * (2 * SIGNATURE_BYTES)
LARGEST_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is looked at, and of all that is inside."""
MOST_FILES = 16
"""Files inside that are looked at; ours has four."""
_STREAM, _NEAR = re.compile(rb"stream\r?\n"), 4096
"""How an embedded file begins, and within how many bytes of its name."""

Attach = Callable[[str, bytes], None]
"""Puts a file of this name into the PDF that is being made."""


class CertifiedLaptop(TypedDict, total=False):
    """What a certificate says of one laptop; rows of older versions tell less of a disk."""

    id: Required[str]
    vendor: Required[str]
    product: Required[str]
    serial: Required[str]
    tag: Required[str]
    uuid: str
    level: str
    result: Required[str]
    """erased or not-erased; `never` or `erasing` where no erasure is through."""
    locks: list[str]
    disks: Required[list[ErasedDiskRow]]


class CertificateFacts(TypedDict):
    """What a certificate says, and what is signed of it."""

    site: str
    made: str
    program: str
    donation: str
    laptops: list[CertifiedLaptop]
    not_erased: list[CertifiedLaptop]


@dataclass(frozen=True)
class CertificateFinding:
    """What a check came to."""

    genuine: bool
    said: str
    facts: JsonObject = field(default_factory=dict)
    fingerprint: str = ""
    """Of the key that signed; empty where nothing did."""


def canonical(facts: JsonObject) -> bytes:
    """The facts as the bytes that are signed."""
    body = {"kind": KIND, "version": VERSION, **facts}
    return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def digest(data: bytes) -> str:
    """What the QR code holds."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def attach(put: Attach, data: bytes, key: SiteKey) -> None:
    """Put facts, signature and key into a PDF, and room for the second signature."""
    put(FACTS, data)
    put(SIGNED, key.sign(data))
    put(KEY, key.public.pem.encode())
    put("paper.sig", _MARK + _EMPTY + b"\n")


def seal(pdf: bytes, key: SiteKey) -> bytes:
    """The finished file, signed as a whole."""
    if pdf.count(_MARK + _EMPTY) != 1:
        raise ClonedError("the certificate has no place for its signature", "report this: it is a fault of ours")
    return pdf.replace(_MARK + _EMPTY, _MARK + key.sign(pdf).hex().encode())


def check(pdf: bytes, known: PublicKey | None = None) -> CertificateFinding:
    """Whether this is a certificate as some site made it, and by `known` where that is given. Never raises."""
    if len(pdf) > LARGEST_BYTES:
        return CertificateFinding(False, Phrase("the file is far too large to be a certificate"))
    parts = _embedded(pdf)
    data = next((each for each in parts if _is_ours(each)), None)
    key = _key(parts)
    signature = next((each for each in parts if len(each) == SIGNATURE_BYTES), None)
    if data is None or key is None or signature is None:
        return CertificateFinding(False, Phrase("this is no certificate of erasure made by cloned, or it was cut"))
    facts = json.loads(data)
    wrong = _wrong(pdf, data, signature, facts, key, known)
    return CertificateFinding(not wrong, wrong or _claim(facts, key, known), facts, key.fingerprint)


def _wrong(
    pdf: bytes, data: bytes, signature: bytes, facts: JsonObject, key: PublicKey, known: PublicKey | None
) -> str:
    """What is wrong with it, or nothing."""
    if not key.signed(data, signature):
        return Phrase("CHANGED: its facts are not the ones that were signed")
    if known is not None and known.pem != key.pem:
        mine = {"key": key.fingerprint, "known": known.fingerprint}
        return Phrase("SIGNED BY SOMEBODY ELSE: its key is {key}, not {known}", **mine)
    if type(facts.get("version")) is not int or facts["version"] != VERSION:
        version = printable(str(facts.get("version")))[:20]
        return Phrase("it is of version {version}, which this program does not know", version=version)
    if not _whole(pdf, key):
        return Phrase("CHANGED: its facts are genuine, but the paper around them was edited or saved anew")
    if not _shaped(facts):
        return Phrase("it is signed, but what it holds is not what a certificate of erasure holds")
    return ""


def _shaped(facts: JsonObject) -> bool:
    """Whether there are laptops in it, with disks; whoever has a key can sign anything."""
    laptops, others = facts.get("laptops"), facts.get("not_erased", [])
    if not (isinstance(laptops, list) and isinstance(others, list)):
        return False
    if not all(isinstance(each, dict) for each in (*laptops, *others)):
        return False
    disks = [each.get("disks", []) for each in laptops]
    return all(isinstance(each, list) and all(isinstance(disk, dict) for disk in each) for each in disks)


def claimed(facts: JsonObject, name: str) -> str:
    """One of its facts, for a terminal: printable and short, whoever signed it."""
    value = facts.get(name)
    return printable(value)[:120] if isinstance(value, str) else ""


def _claim(facts: JsonObject, key: PublicKey, known: PublicKey | None) -> str:
    who = claimed(facts, "site") or Phrase("a workshop without a name")
    values = {"who": who, "key": key.fingerprint}
    if known is not None:
        return Phrase("genuine: signed by {who} with the key {key}", **values)
    return Phrase(
        "genuine: signed by {who} with the key {key}; whether this key is theirs only --key can tell (see their page)",
        **values,
    )


def _whole(pdf: bytes, key: PublicKey) -> bool:
    """Whether the file is, byte for byte, as it was sealed."""
    found = re.findall(re.escape(_MARK) + rb"([0-9a-f]{%d})" % (2 * SIGNATURE_BYTES), pdf)
    if len(found) != 1:
        return False
    return key.signed(pdf.replace(_MARK + found[0], _MARK + _EMPTY), bytes.fromhex(found[0].decode()))


def _is_ours(data: bytes) -> bool:
    """Whether these are facts: a JSON object that says so."""
    if not data.startswith(b"{") or KIND.encode() not in data:
        return False
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.get("kind") == KIND


def _key(parts: list[bytes]) -> PublicKey | None:
    for each in parts:
        if each.startswith(b"-----BEGIN PUBLIC KEY"):
            try:
                return PublicKey.parse(each.decode("ascii", "replace"))
            except ClonedError:
                return None
    return None


def _embedded(pdf: bytes) -> list[bytes]:
    """The embedded files of a PDF (ISO 32000-1 §7.11.4), stored as they are or deflated: a few, all in all small."""
    found: list[bytes] = []
    for mark in islice(re.finditer(rb"/Type\s*/EmbeddedFile", pdf), MOST_FILES):
        opening = _STREAM.search(pdf, mark.end(), mark.end() + _NEAR)
        if opening is None:
            continue
        head = pdf[max(0, pdf.rfind(b" obj", max(0, mark.start() - _NEAR), mark.start())) : opening.start()]
        length = re.search(rb"/Length\s+(\d+)", head)
        end = opening.end() + int(length[1][:9]) if length else pdf.find(b"endstream", opening.end())
        data = pdf[opening.end() : end]
        left = LARGEST_BYTES - sum(map(len, found))
        found.append(_inflated(data, left) if b"/FlateDecode" in head else data[:left])
    return found


def _inflated(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, most) if most > 0 else b""
    except zlib.error:
        return b""
