"""The certificate of erasure: rendered, its text and code read back, and none for what is not erased."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from pypdf import PdfReader

from cloned import certificates
from cloned.core.erasure import Erasure, disk_shown
from cloned.disk import erase_machine as machine
from cloned.disk.erase import EraseLevel
from cloned.disk.erase_record import DiskErasure, ErasureFault, LookBack
from cloned.disk.erase_samples import DiskSample
from cloned.disk.erase_status import nvme_status
from cloned.disk.media import AtaAbilities, Medium, NvmeAbilities
from cloned.errors import UsageError
from cloned.languages import OPENING, bracketed, language
from cloned.papers.certificate import certificate, failure
from cloned.saying import Phrase
from cloned.signing import SiteKey

SSD = Medium(
    "/dev/nvme0n1", 512 * 10**9, serial="N1", model="Big SSD", bus="nvme", nvme=NvmeAbilities(block_erase=True)
)
HDD = Medium("/dev/sda", 10**12, serial="S1", model="Old Disk", bus="sata", rotational=True)


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.open(tmp_path)


def erased(medium: Medium) -> DiskErasure:
    record = machine.plan(medium, EraseLevel.CLEAR, "seed")
    record = machine.starting(machine.remembered(record, (DiskSample(0, 4096, "ab"),), 1.8e9), ("nvme 2.3",))
    record = machine.ended(record, "sanitize log: SSTAT 0x101") if medium.nvme else machine.wrote(record, 10**12)
    return machine.looked(record, LookBack("sample", "s", 2256, 51 * 10**9, 256, "zeros"), 1.8e9 + 600)


def facts(*disks: DiskErasure, donation: str = "Stad Aalst") -> dict[str, Any]:
    done = Erasure("e1", 1, EraseLevel.CLEAR, "Ann", 1.8e9, disks, ended=1.8e9 + 600)
    at = "2027-01-15T08:00:00Z"
    shown = [{**disk_shown(disk), "started": at, "ended": at, "told": disk.spoken()} for disk in disks]
    names = {"id": "x", "vendor": "HP", "product": "ProBook 450", "serial": "5CG1", "tag": "PC250200", "uuid": ""}
    laptop = {**names, "level": "clear", "result": done.result, "disks": shown}
    return {
        "site": "Stroom Aalst",
        "made": at,
        "program": "cloned 1.0",
        "donation": donation,
        "laptops": [laptop] if done.erased else [],
        "not_erased": [] if done.erased else [laptop],
    }


def drawn(pdf: bytes, folder: Path) -> Image.Image:
    """Its first page as poppler shows it."""
    (folder / "paper.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-r", "150", "-png", "-singlefile", folder / "paper.pdf", folder / "paper"], check=True)
    return Image.open(folder / "paper.png")


def text(pdf: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


@pytest.mark.parametrize("code", ["nl", "fr", "en"])
def test_what_happened_stands_in_it_in_each_language(key: SiteKey, code: str) -> None:
    pdf = certificate(facts(erased(SSD), erased(HDD)), key, language(code))
    said = text(pdf)
    for word in ("Stroom Aalst", "Stad Aalst", "5CG1", "PC250200", "Big SSD N1", "Old Disk S1", "IEEE 2883-2022"):
        assert word in said
    assert "NVMe Sanitize: Block Erase" in said
    assert "SSTAT 0x101" in said
    found = certificates.check(pdf, key.public)
    assert found.genuine, found.said


@pytest.mark.wire
def test_its_code_is_the_hash_of_the_facts_inside(key: SiteKey, tmp_path: Path) -> None:
    pdf = certificate(facts(erased(SSD)), key, language("en"))
    data = PdfReader(BytesIO(pdf)).attachments[certificates.FACTS][0]
    wanted = f"sha256:{sha256(data).hexdigest()}"
    assert wanted in text(pdf).replace(" ", "")
    [found] = zxingcpp.read_barcodes(drawn(pdf, tmp_path), formats=zxingcpp.BarcodeFormat.QRCode)
    assert found.text == wanted


def test_what_stays_locked_and_what_was_hidden_is_said(key: SiteKey) -> None:
    disk = replace(HDD, ata=AtaAbilities(hidden_sectors=2048, dco_sectors=0))
    told = facts(erased(replace(disk, ata=AtaAbilities())), erased(SSD))
    told["laptops"][0]["locks"] = ["firmware-password", "made-up"]
    said = text(certificate(told, key, language("en")))
    assert "a firmware password is set" in said
    assert "HPA and DCO none" in said
    silent = facts(erased(replace(disk, ata=AtaAbilities(untold=True))), erased(SSD))
    assert "HPA and DCO the drive does not tell" in text(certificate(silent, key, language("en")))
    bad = machine.fail(machine.plan(disk, EraseLevel.CLEAR, "s"), ErasureFault.LIES, "byte 0")
    assert disk_shown(bad)["hidden"] == {"hpa": 2048, "dco": 0, "untold": False}


@pytest.mark.parametrize(("code", "word"), [("nl", "NIET GEWIST"), ("fr", "NON EFFACÉ"), ("en", "NOT ERASED")])
def test_the_page_for_the_laptop_is_in_the_workshops_language(code: str, word: str) -> None:
    bad = machine.fail(machine.plan(HDD, EraseLevel.CLEAR, "s"), ErasureFault.LIES, "byte 4096")
    said = text(failure(facts(bad), language(code)))
    assert word in said
    assert "byte 4096" in said


def test_a_laptop_that_is_not_erased_gets_no_certificate_but_a_page_that_says_so(key: SiteKey) -> None:
    bad = machine.fail(machine.plan(HDD, EraseLevel.CLEAR, "s"), ErasureFault.LIES, "byte 0")
    told = facts(erased(SSD), bad)
    for laptops in ([], told["not_erased"], [*facts(erased(SSD))["laptops"], *told["not_erased"]]):
        with pytest.raises(UsageError):
            certificate({**told, "laptops": laptops}, key, language("en"))
    pdf = failure(facts(erased(SSD), bad), language("en"))
    assert "NOT ERASED" in text(pdf)
    assert "Old Disk S1" in text(pdf)
    assert not certificates.check(pdf).genuine


@pytest.mark.parametrize(("code", "word"), [("nl", "NIET GEWIST"), ("fr", "NON EFFACÉ"), ("en", "NOT ERASED")])
def test_of_a_delivery_it_names_the_laptops_that_it_does_not_cover(key: SiteKey, code: str, word: str) -> None:
    bad = machine.fail(machine.plan(HDD, EraseLevel.CLEAR, "s"), ErasureFault.LIES, "byte 4096")
    names = {"id": "y", "vendor": "", "product": "Latitude", "tag": "", "disks": []}
    others = [*facts(bad)["not_erased"], {**names, "serial": "NEVER1", "result": "never"}]
    pdf = certificate({**facts(erased(SSD)), "not_erased": others}, key, language(code))
    said = text(pdf)
    assert said.count(word) >= 2
    for told in ("Old Disk S1", "4096", "NEVER1"):
        assert said.index(told) < said.index("Big SSD N1")
    found = certificates.check(pdf, key.public)
    assert found.genuine
    assert [each["result"] for each in found.facts["not_erased"]] == ["not-erased", "never"]
    assert [each["result"] for each in found.facts["laptops"]] == ["erased"]


def test_nothing_at_all_is_no_certificate(key: SiteKey) -> None:
    with pytest.raises(UsageError):
        certificate({**facts(erased(SSD)), "laptops": []}, key, language("en"))


@pytest.mark.parametrize("name", ["<b>&amp;", "Stad\nAalst\r\n", "x" * 10_000, "ÅΩ漢字", "(\\)"])
def test_names_of_donors_are_only_text(key: SiteKey, name: str) -> None:
    pdf = certificate(facts(erased(replace(SSD, model=name)), donation=name), key, language("en"))
    assert certificates.check(pdf, key.public).genuine


def test_many_laptops_go_into_one_paper(key: SiteKey) -> None:
    many = facts(erased(SSD), erased(HDD))
    many["laptops"] = [{**many["laptops"][0], "serial": f"SN{number:03d}"} for number in range(10)]
    pdf = certificate(many, key, language("nl"))
    assert len(PdfReader(BytesIO(pdf)).pages) > 2
    said = text(pdf)
    assert all(f"SN{number:03d}" in said for number in range(10))
    assert certificates.check(pdf, key.public).genuine


def test_everything_on_it_that_is_a_sentence_can_be_said_in_any_language(key: SiteKey) -> None:
    hidden = replace(erased(HDD), notes=(Phrase("{hidden:number} hidden sectors were uncovered first", hidden=8),))
    status = nvme_status(b"\0\0\x01\x01\0\0\0\0")
    told = json.loads(json.dumps(facts(replace(erased(SSD), answers=(status.said,)), hidden)))
    said = text(certificate(told, key, bracketed()))
    for words in ("sanitize log: SSTAT 0x0101", "8 hidden sectors were uncovered first", "not told", "Clear", "Purge",
                  "1,000,000,000,000 bytes written past"):  # fmt: skip
        assert f"{OPENING}{words}" in said
    spoken = text(certificate(told, key, language("nl")))
    assert "8 verborgen sectoren werden eerst zichtbaar gemaakt" in spoken
    assert "buiten elke cache om" in spoken


def test_why_a_disk_is_not_erased_is_said_in_any_language_and_what_was_not_reached_is_listed(key: SiteKey) -> None:
    lied = Phrase("byte {offset} still holds what it held before", offset=4096)
    bad = machine.fail(machine.plan(HDD, EraseLevel.CLEAR, "s"), ErasureFault.LIES, lied)
    far = tuple((number << 20, 4096) for number in range(20))
    cut = replace(machine.fail(machine.plan(HDD, EraseLevel.CLEAR, "s"), ErasureFault.UNREACHED, "x"), unreached=far)
    said = text(failure(json.loads(json.dumps(facts(bad, cut))), language("fr")))
    assert "4096 contient toujours ce qu" in said
    assert "octets 0 - 4" in said
    assert "et encore 8" in said
