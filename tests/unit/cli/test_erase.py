"""`cloned erase` where no daemon is needed: certificates are checked, spare drives tested; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloned import certificates
from cloned.cli.erase import _row, _said, erase
from cloned.errors import ClonedError, UsageError
from cloned.languages import language
from cloned.papers.certificate import certificate
from cloned.signing import SiteKey

DISK = {
    "model": "Big SSD", "serial": "N1", "wwn": "", "bus": "nvme", "size": 512 * 10**9, "smart": "ok", "hidden": None,
    "method": "nvme-format", "technique": "NVMe Format NVM with user data erase (SES 1)", "level": "clear", "started": "",
    "ended": "", "tools": ["nvme 2.3"], "answers": ["Success"], "unreached": [], "notes": [], "verified": True,
    "check": {"how": "all", "places": 9, "bytes": 9, "remembered": 1, "found": "zeros"},
}  # fmt: skip
LAPTOP = {"vendor": "HP", "product": "ProBook", "serial": "5CG1", "tag": "PC1", "level": "clear", "result": "erased"}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(erase, [str(word) for word in words], standalone_mode=False)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SiteKey:
    return SiteKey.open(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def made(key: SiteKey) -> bytes:
    """A certificate, which takes longer to make than to look at."""
    at = "2027-01-15T08:00:00Z"
    disks = [{**DISK, "started": at, "ended": at}]
    facts = {
        "site": "Stroom Aalst",
        "made": at,
        "program": "cloned 1",
        "donation": "",
        "laptops": [{**LAPTOP, "disks": disks}],
        "not_erased": [],
    }
    return certificate(facts, key, language("en"))


@pytest.fixture
def paper(tmp_path: Path, made: bytes) -> Path:
    path = tmp_path / "paper.pdf"
    path.write_bytes(made)
    return path


def test_a_genuine_certificate_is_said_to_be_one_with_what_it_claims(paper: Path, key: SiteKey, tmp_path: Path) -> None:
    site = tmp_path / "site.pem"
    site.write_text(key.public.pem)
    done = run("check", paper, "--key", site)
    assert done.return_value == 0
    assert f"signed by Stroom Aalst with the key {key.public.fingerprint}" in done.output
    assert "PC1  HP ProBook 5CG1" in done.output
    assert "Big SSD N1: NVMe Format NVM with user data erase (SES 1) (clear)" in done.output
    told = json.loads(run("check", paper, "--json").output)
    assert (told["genuine"], told["key"]) == (True, key.public.fingerprint)
    assert told["facts"]["laptops"][0]["serial"] == "5CG1"


def test_without_a_key_it_says_that_the_key_itself_is_not_known(paper: Path) -> None:
    assert "only --key can tell" in run("check", paper).output


@pytest.mark.parametrize("at", [9, 200, -200])
def test_anything_changed_is_exit_1(paper: Path, at: int) -> None:
    data = bytearray(paper.read_bytes())
    data[at] ^= 1
    paper.write_bytes(data)
    assert run("check", paper).return_value == 1


def test_a_cut_one_somebody_elses_and_no_pdf_at_all_are_exit_1(paper: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(SiteKey.open(tmp_path / "elsewhere").public.pem)
    found = run("check", paper, "--key", other)
    assert (found.return_value, "SIGNED BY SOMEBODY ELSE" in found.output) == (1, True)
    for data in (paper.read_bytes()[:-2000], b"", b"\x00" * 5000, b"%PDF-1.4\n%%EOF\n"):
        paper.write_bytes(data)
        assert run("check", paper).return_value == 1


def test_a_file_without_an_end_is_no_certificate(paper: Path) -> None:
    done = run("check", "/dev/zero")
    assert (done.return_value, "far too large" in done.output) == (1, True)
    with pytest.raises(ClonedError, match="no public key"):
        raise run("check", paper, "--key", "/dev/zero").exception or AssertionError


def test_a_key_that_is_none_is_wrong_usage(paper: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("not a key")
    with pytest.raises(ClonedError, match="no public key"):
        CliRunner().invoke(
            erase, ["check", str(paper), "--key", str(other)], standalone_mode=False, catch_exceptions=False
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "PC1", "--yes"], "no disk was named"),
        (["certificate", "-o", "x.pdf"], "name a laptop, or a delivery"),
        (["certificate", "PC1", "--donation", "D", "-o", "x.pdf"], "name a laptop, or a delivery"),
    ],
)
def test_what_is_not_said_fully_is_wrong_usage(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CliRunner().invoke(erase, words, standalone_mode=False, catch_exceptions=False)


def test_each_disk_is_said_with_its_method_level_and_minutes() -> None:
    told = {**DISK, "minutes": 3, "told": {"why": "it is offered"}}
    assert _said(told) == "  Big SSD N1, 512 GB: NVMe Format NVM with user data erase (SES 1) (clear), about 3 min"
    assert _said({**told, "method": None, "told": {"why": "it is locked"}}) == "  Big SSD N1, 512 GB: it is locked"
    disk = {"serial": "", "path": "/dev/sda", "technique": "t", "phase": "failed", "said": "why"}
    assert _row({"tag": "", "number": 3, "erasure": {"result": "not-erased"}}, disk) == [
        "3", "not-erased", "/dev/sda", "t", "failed", "why",
    ]  # fmt: skip


def test_the_certificate_made_here_is_what_the_rest_of_the_house_checks(paper: Path, key: SiteKey) -> None:
    assert certificates.check(paper.read_bytes(), key.public).genuine
