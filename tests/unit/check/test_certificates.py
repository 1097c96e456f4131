"""The page's certificate: when it holds and for whom; its key; and who may read secrets beside the state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from cloned.check import belongings
from cloned.check.findings import Finding, Look, LookState, _findings
from cloned.config import Config
from cloned.config_file import load, parse

NAMES = ("cloned.example.org", "*.lab.example.org")


def looked(find: object, config: Config) -> list[Finding]:
    return _findings(Look("x", find), config)  # type: ignore[arg-type]


def page(folder: Path, begins: float = -1, url: str = "", locked: KeySerializationEncryption | None = None) -> Config:
    """A page with a certificate for NAMES that holds from so many days from now, for 300 days."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cloned")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 5, now + timedelta(begins), now + timedelta(300))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES])
    made = builder.add_extension(alternatives, critical=False).sign(key, hashes.SHA256())
    (folder / "page.pem").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked or NoEncryption())
    (folder / "page.key").write_bytes(private)
    (folder / "page.key").chmod(0o600)
    where = f'url = "{url}"\n' if url else ""
    return parse(f'[page]\ncertificate = "{folder}/page.pem"\nkey = "{folder}/page.key"\n{where}')


def test_one_that_does_not_hold_yet(tmp_path: Path) -> None:
    [told] = looked(belongings.certificate, page(tmp_path, begins=3))
    assert told.state is LookState.WRONG
    assert "only in 2 days" in told.said
    assert "timedatectl" in told.next


@pytest.mark.parametrize(
    ("host", "states"),
    [
        ("cloned.example.org", [LookState.OK]),
        ("CLONED.example.org", [LookState.OK]),
        ("a.lab.example.org", [LookState.OK]),
        ("lab.example.org", [LookState.OK, LookState.WARNING]),
        ("other.example.org", [LookState.OK, LookState.WARNING]),
        ("10.0.0.1", [LookState.OK, LookState.WARNING]),
    ],
)
def test_for_whom_it_is(tmp_path: Path, host: str, states: list[LookState]) -> None:
    told = looked(belongings.certificate, page(tmp_path, url=f"https://{host}"))
    assert [each.state for each in told] == states, told


def test_a_locked_key_asks_nobody(tmp_path: Path) -> None:
    """OpenSSL asks whoever sits at the terminal, and a check has no end."""
    [told] = looked(belongings.certificate, page(tmp_path, locked=BestAvailableEncryption(b"SECRET")))
    assert told.state is LookState.WRONG
    assert "locked with a password" in told.said
    assert "openssl pkey" in told.next


def test_of_two_files_the_one_is_named_that_is_not_there(tmp_path: Path) -> None:
    config = page(tmp_path)
    (tmp_path / "page.key").unlink()
    [told] = looked(belongings.certificate, config)
    assert told.missing
    assert told.said == f"there is no {tmp_path}/page.key"


HOOK = '[[sink]]\nname = "a"\ntype = "webhook"\nurl = "http://h/"\n'


@pytest.mark.parametrize(
    ("text", "modes", "told"),
    [
        ("", {"cloned.toml": 0o644}, []),  # no secret stands in it
        (f'{HOOK}secret = "SECRET-long-enough"\n', {"cloned.toml": 0o644}, ["cloned.toml"]),
        (f'{HOOK}secret = "SECRET-long-enough"\n', {"cloned.toml": 0o640}, []),
        (f'{HOOK}secret_file = "TOKEN"\n', {"cloned.toml": 0o644, "token": 0o644}, ["token"]),
        (f'{HOOK}secret_file = "TOKEN"\n', {"cloned.toml": 0o644, "token": 0o600}, []),
        ('[[switch]]\naddress = "10.0.0.1"\ncommunity = "public"\n', {"cloned.toml": 0o644}, []),
        ('[[switch]]\naddress = "10.0.0.1"\ncommunity = "SECRET"\n', {"cloned.toml": 0o604}, ["cloned.toml"]),
    ],
)
def test_secrets_beside_the_state_that_everybody_may_read(
    tmp_path: Path, text: str, modes: dict[str, int], told: list[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "token").write_text("SECRET-long-enough")
    head = f'[workshop]\nstate = "{tmp_path}/state"\n'
    (tmp_path / "cloned.toml").write_text(head + text.replace("TOKEN", f"{tmp_path}/token"))
    for name, mode in modes.items():
        (tmp_path / name).chmod(mode)
    [said] = looked(belongings.files, load(tmp_path / "cloned.toml"))
    assert said.state is (LookState.WARNING if told else LookState.OK)
    assert all(f"{tmp_path}/{name}" in said.said and f"{tmp_path}/{name}" in said.next for name in told)
    assert "SECRET" not in f"{said.said}{said.next}"


def test_the_key_of_the_page_is_a_secret_too(tmp_path: Path) -> None:
    config = page(tmp_path)
    config = config.model_copy(update={"workshop": config.workshop.model_copy(update={"state": tmp_path})})
    assert [each.state for each in looked(belongings.files, config)] == [LookState.OK]
    (tmp_path / "page.key").chmod(0o644)
    assert "page.key can be read" in looked(belongings.files, config)[-1].said
