"""Signed facts in a PDF: genuine, changed, cut, somebody else's; and checked with plain openssl."""

from __future__ import annotations

import re
import subprocess
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from cloned import certificates
from cloned.errors import ClonedError
from cloned.signing import PublicKey, SiteKey

FACTS = {"site": "Stroom Aalst", "laptops": [{"serial": "5CG1", "level": "clear"}]}


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.open(tmp_path / "state")


def paper(key: SiteKey, facts: dict[str, object] = FACTS) -> bytes:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=20)
    pdf.set_compression(False)
    pdf.cell(text="erased")
    data = certificates.canonical(facts)
    certificates.attach(lambda name, body: pdf.embed_file(bytes=body, basename=name) and None, data, key)
    return certificates.seal(bytes(pdf.output()), key)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = SiteKey.open(tmp_path)
    assert SiteKey.open(tmp_path).public == first.public
    assert (tmp_path / "site.key").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"([0-9a-f]{4} ){7}[0-9a-f]{4}", first.public.fingerprint)


def test_a_damaged_key_is_an_error_and_no_new_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "site.key").write_text("nothing")
    with pytest.raises(ClonedError, match="holds no key"):
        SiteKey.open(tmp_path)
    assert (tmp_path / "site.key").read_text() == "nothing"


@pytest.mark.parametrize("kind", ["ed448", "ed25519 with its public half"])
def test_a_key_in_another_form_is_looked_at_by_who_knows_them_all(tmp_path: Path, kind: str) -> None:
    held, path = SiteKey.open(tmp_path / "made"), tmp_path / "site.key"
    if kind == "ed448":
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(Ed448PrivateKey.generate().private_bytes(*form))
        with pytest.raises(ClonedError, match="holds a key of another kind"):
            SiteKey.open(tmp_path)
    else:
        path.write_bytes(b"# ours\r\n" + (tmp_path / "made" / "site.key").read_bytes().replace(b"\n", b"\r\n"))
        assert SiteKey.open(tmp_path).public == held.public


@pytest.mark.parametrize("cut", [1, 30, 64])
def test_a_key_that_was_cut_is_told_at_the_start(tmp_path: Path, cut: int) -> None:
    SiteKey.open(tmp_path)
    path = tmp_path / "site.key"
    first, middle, last, end = path.read_text().split("\n")
    path.write_text("\n".join([first, middle[:-cut], last, end]))
    with pytest.raises(ClonedError, match="holds no key"):
        SiteKey.open(tmp_path)


def test_a_genuine_one_says_by_whom_and_what(key: SiteKey) -> None:
    found = certificates.check(paper(key), key.public)
    assert found.genuine, found.said
    assert "Stroom Aalst" in found.said
    assert found.fingerprint == key.public.fingerprint
    assert found.facts["laptops"] == FACTS["laptops"]
    assert "--key" in certificates.check(paper(key)).said


def test_every_changed_byte_is_found(key: SiteKey) -> None:
    pdf = paper(key)
    for at in range(0, len(pdf), 23):
        changed = pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]
        assert not certificates.check(changed, key.public).genuine, f"byte {at} was changed and nobody saw it"


def test_a_text_edited_beside_its_facts_is_told_apart(key: SiteKey) -> None:
    found = certificates.check(paper(key).replace(b"(erased)", b"(ERASED)"))
    assert not found.genuine
    assert "paper around them" in found.said


def test_facts_edited_are_told_apart(key: SiteKey) -> None:
    found = certificates.check(paper(key).replace(b'"clear"', b'"purge"'))
    assert "facts are not the ones" in found.said


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_cut_one_is_refused(key: SiteKey, share: float) -> None:
    pdf = paper(key)
    assert not certificates.check(pdf[: int(len(pdf) * share)]).genuine


def _saved_anew(pdf: bytes, *, incremental: bool, attach: bytes = b"") -> bytes:
    """As another program saves it: appended to, or written anew; with a second file of our name."""
    writer, into = (
        PdfWriter(BytesIO(pdf), incremental=True) if incremental else PdfWriter(clone_from=BytesIO(pdf)),
        BytesIO(),
    )
    writer.add_metadata({"/Title": "Purge"})
    if attach:
        writer.add_attachment(certificates.FACTS, attach)
    writer.write(into)
    return into.getvalue()


@pytest.mark.parametrize("incremental", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_one_that_another_program_saved_or_put_other_facts_into_is_refused(
    key: SiteKey, incremental: bool, second: bool
) -> None:
    pdf = paper(key)
    facts = PdfReader(BytesIO(pdf)).attachments[certificates.FACTS][0].replace(b"clear", b"purge") if second else b""
    found = certificates.check(_saved_anew(pdf, incremental=incremental, attach=facts), key.public)
    assert (found.genuine, found.said.startswith("CHANGED")) == (False, True), found.said


def test_the_signature_of_one_fits_no_other(key: SiteKey) -> None:
    mine, other = paper(key), paper(key, {**FACTS, "site": "Stroom Gent!"})
    signature, facts = (
        [PdfReader(BytesIO(pdf)).attachments[name][0] for pdf in (mine, other)]
        for name in (certificates.SIGNED, certificates.FACTS)
    )
    assert key.public.signed(facts[0], signature[0])
    assert not key.public.signed(facts[0], signature[1])
    mark = re.compile(rb"cloned-paper-signature:[0-9a-f]{128}")
    swapped = mark.sub(mark.findall(other)[0], mine)
    assert swapped != mine
    for pdf in (swapped, mine + b"\n", b"%\n" + mine, mine + mark.findall(mine)[0]):
        assert not certificates.check(pdf, key.public).genuine


def test_somebody_elses_is_refused(key: SiteKey, tmp_path: Path) -> None:
    found = certificates.check(paper(SiteKey.open(tmp_path / "other")), key.public)
    assert found.said.startswith("SIGNED BY SOMEBODY ELSE")


def test_one_of_another_version_is_refused(key: SiteKey) -> None:
    pdf = FPDF()
    pdf.add_page()
    data = certificates.canonical(FACTS).replace(b'"version": 1', b'"version": 9')
    certificates.attach(lambda name, body: pdf.embed_file(bytes=body, basename=name) and None, data, key)
    found = certificates.check(certificates.seal(bytes(pdf.output()), key))
    assert "version 9" in found.said


@pytest.mark.parametrize(
    "laptops", [5, None, "none", [1], [{"disks": "three"}], [{"disks": [None]}], {"serial": "5CG1"}], ids=repr
)
def test_what_is_signed_and_no_certificate_s_facts_is_none(key: SiteKey, laptops: object) -> None:
    """Whoever has a key can sign anything."""
    found = certificates.check(paper(key, {"site": "Stroom Aalst", "laptops": laptops}), key.public)
    assert not found.genuine
    assert "not what a certificate of erasure holds" in found.said


@pytest.mark.parametrize("version", [True, 1.0, "1", None, 2])
def test_a_version_is_a_number_that_is_known(key: SiteKey, version: object) -> None:
    found = certificates.check(paper(key, {**FACTS, "version": version}), key.public)
    assert not found.genuine


def test_what_others_signed_cannot_take_over_a_terminal(key: SiteKey) -> None:
    found = certificates.check(paper(key, {**FACTS, "site": "\x1b[31mStroom\u202e\n" + "A" * 10_000}))
    assert found.genuine
    assert found.said.isprintable()
    assert len(found.said) < 400
    assert certificates.claimed({"tag": {"a": 1}}, "tag") == ""


def test_a_file_made_to_take_all_memory_or_to_be_looked_at_for_ever_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LARGEST_BYTES", 1 << 20)
    bomb = zlib.compress(bytes(4 << 20), 9)
    head = b"1 0 obj\n<< /Type /EmbeddedFile /Filter /FlateDecode >>\nstream\n"
    for made in ((head + bomb + b"\nendstream\n") * 40, b"/Type/EmbeddedFile" * 50_000 + b"stream\n"):
        tracemalloc.start()
        try:
            assert not certificates.check(made).genuine
            assert tracemalloc.get_traced_memory()[1] < 4 * certificates.LARGEST_BYTES
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"{" * 100_000, b"/Type /EmbeddedFile stream\n" * 50, bytes(1000)])
def test_nonsense_is_no_certificate(data: bytes) -> None:
    assert not certificates.check(data).genuine


@pytest.mark.wire
def test_the_facts_and_signature_check_with_plain_openssl(key: SiteKey, tmp_path: Path) -> None:
    files = PdfReader(BytesIO(paper(key))).attachments
    for name in (certificates.FACTS, certificates.SIGNED, certificates.KEY):
        (tmp_path / name).write_bytes(files[name][0])
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", certificates.KEY]
    command += ["-in", certificates.FACTS, "-sigfile", certificates.SIGNED]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verified Successfully" in said.stdout


def test_only_such_a_key_is_taken() -> None:
    with pytest.raises(ClonedError):
        PublicKey.parse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
