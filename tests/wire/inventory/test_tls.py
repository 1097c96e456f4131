"""Certificates: the right one, another name, expired, signed by nobody, for every sink that speaks HTTP."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloned.config_file import parse
from cloned.errors import UsageError
from cloned.inventory.sinks import make
from cloned.inventory.sinks.base import SinkRefused, Unavailable
from tests.servers.devicehub import TOKEN, DeviceHub
from tests.servers.glpi import Glpi
from tests.servers.ocs import Ocs
from tests.servers.snipeit.server import SnipeIt

pytestmark = pytest.mark.wire
KINDS = {"snipeit": SnipeIt, "glpi": Glpi, "ocs": Ocs, "devicehub": DeviceHub, "webhook": SnipeIt}


@pytest.fixture
def authority(tmp_path) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca, tmp_path / "ca.pem"


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(made)
    return made


def self_signed(folder: Path) -> ssl.SSLContext:
    """As an appliance makes it for itself."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "self.pem").write_bytes(pem)
    (folder / "self.key").write_bytes(secret)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(folder / "self.pem", folder / "self.key")
    return made


def sink_of(kind: str, url: str, ca: Path | None) -> Any:
    token = TOKEN if kind == "devicehub" else "TOKEN-ADMIN"
    keys = {"webhook": 'secret = "0123456789abcdef0123456789abcdef"', "ocs": ""}.get(kind, f'token = "{token}"')
    authority = f'ca = "{ca}"' if ca else ""
    [settings] = parse(f'[[sink]]\nname = "s"\ntype = "{kind}"\nurl = "{url}"\n{keys}\n{authority}\n').sink
    return make(settings)


async def trouble(kind: str, tls: ssl.SSLContext, ca: Path | None, deliver: Any) -> str:
    """Why the other side could not be spoken to; "" where it could."""
    async with KINDS[kind]().serving(tls=tls) as server:
        sink = sink_of(kind, server.url, ca)
        try:
            await sink.send(deliver())
        except Unavailable as unavailable:
            told = str(unavailable)
            return told if "certificate" in told else ""
        except SinkRefused:
            return ""  # it was understood: the line was good
        finally:
            await sink.close()
    return ""


@pytest.mark.parametrize("kind", KINDS)
async def test_certificates(kind, authority, tmp_path, deliver):
    ca, pem = authority
    good = context(ca.issue_cert("localhost"))
    assert await trouble(kind, good, pem, deliver) == ""
    assert "signed by nobody we know: give the authority's certificate as `ca`" in await trouble(
        kind, good, None, deliver
    )
    other = context(ca.issue_cert("elsewhere.example"))
    assert "for another name: set `url` to the name in the certificate" in await trouble(kind, other, pem, deliver)
    old = context(ca.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1)))
    assert "has expired: renew it there" in await trouble(kind, old, pem, deliver)
    alone = self_signed(tmp_path)
    assert "signed by nobody we know" in await trouble(kind, alone, None, deliver)
    assert await trouble(kind, alone, tmp_path / "self.pem", deliver) == ""
    assert "signed by nobody we know" in await trouble(kind, alone, pem, deliver)


def test_a_ca_that_is_none_is_a_mistake_at_the_start(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(UsageError, match="is no certificate"):
        sink_of("snipeit", "https://x.example", tmp_path / "ca.pem")
