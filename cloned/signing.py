"""The site's own key: Ed25519, made at first start, kept in the state directory and in the backup.

What the workshop puts its name to (certificates of erasure; later hints and sites) is signed with it, and anybody who
has the public key can check that with plain openssl. The library that signs is imported where something is signed: it
takes 8 MB, and most evenings nobody asks for a certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cloned.errors import ClonedError, MissingError, UnreadableError
from cloned.saying import Phrase

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME = "site.key"
"""The file in the state directory (PEM, PKCS #8), which only the daemon may read."""
SIGNATURE_BYTES = 64
"""Bytes of a signature."""
_BEFORE = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7)."""


@dataclass(frozen=True)
class PublicKey:
    """The half of a site's key that everybody may have."""

    pem: str

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From PEM; ClonedError where it is no Ed25519 public key."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = serialization.load_pem_public_key(text.encode())
        except ValueError as error:
            raise ClonedError(
                "this is no public key", "a site's key is on its page, and begins with BEGIN PUBLIC KEY"
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise ClonedError("this public key is of another kind than a site's", "take the key from the site's page")
        return cls(_pem(key))

    @property
    def fingerprint(self) -> str:
        """What people compare: the first 32 hex digits of the key's SHA-256, in fours."""
        digest = hashlib.sha256(self._raw()).hexdigest()[:32]
        return " ".join(digest[at : at + 4] for at in range(0, 32, 4))

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature over exactly these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self._raw()).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def _raw(self) -> bytes:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        key = serialization.load_pem_public_key(self.pem.encode())
        assert isinstance(key, Ed25519PublicKey)
        return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class SiteKey:
    """The whole key; `open` makes it where there is none."""

    def __init__(self, pem: bytes, path: Path) -> None:
        self._pem, self._path = pem, path

    @cached_property
    def public(self) -> PublicKey:
        """Its half for everybody."""
        return PublicKey(_pem(self._key.public_key()))

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        """UnreadableError where the file holds none of a site's kind."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            key = serialization.load_pem_private_key(self._pem, None)
        except (ValueError, TypeError) as error:
            raise UnreadableError(
                Phrase("{path} holds no key", path=self._path),
                "bring it back from a backup: a new one would be another site's",
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UnreadableError(
                Phrase("{path} holds a key of another kind", path=self._path), "bring it back from a backup"
            )
        return key

    @classmethod
    def open(cls, state: Path) -> SiteKey:
        """The key of this state directory, made at first; ClonedError where it is there and cannot be read."""
        path = state / NAME
        try:
            return cls._read(path) if path.exists() else cls._make(path)
        except FileExistsError:  # another process of this site was quicker
            return cls._read(path)
        except OSError as error:
            raise MissingError(
                Phrase("the site's key {path} cannot be used: {error}", path=path, error=error),
                "check [workshop] state and its rights",
            ) from error

    @classmethod
    def _read(cls, path: Path) -> SiteKey:
        made = cls(path.read_bytes(), path)
        if not _plain(made._pem):
            _ = made._key  # whether it is one in another form, or what else it is, the library says
        return made

    @classmethod
    def _make(cls, path: Path) -> SiteKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        data = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{NAME}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # never over a key that is there
        finally:
            fresh.unlink()
        return cls(data, path)

    def sign(self, data: bytes) -> bytes:
        """The signature over these bytes (RFC 8032)."""
        return self._key.sign(data)


def _plain(pem: bytes) -> bool:
    """Whether this is what `SiteKey` writes: any 32 bytes make a key."""
    lines = pem.split(b"\n")
    if lines[:1] + lines[-2:] != [b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b""]:
        return False
    try:
        data = base64.b64decode(b"".join(lines[1:-2]), validate=True)
    except binascii.Error:
        return False
    return data.startswith(_BEFORE) and len(data) == len(_BEFORE) + 32


def _pem(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()
