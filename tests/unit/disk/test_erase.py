"""Which technique a disk is given, by what it says of itself."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from cloned.disk.erase import LEVELS, EraseLevel, Technique, choose, offers, overwrite_seconds
from cloned.disk.media import (
    AtaAbilities,
    FactsError,
    Medium,
    MmcAbilities,
    NvmeAbilities,
    ScsiAbilities,
    ata_abilities,
    hidden_area,
    identify_bytes,
    mmc_abilities,
    nvme_abilities,
    overlay_sectors,
    scsi_abilities,
)
from cloned.languages import language

GB = 10**9
SSD = Medium("/dev/sda", 256 * GB, serial="S1", model="Some SSD", bus="sata", ata=AtaAbilities(rotational=False))
HDD = replace(SSD, rotational=True, ata=AtaAbilities(security=True))
NVME = Medium("/dev/nvme0n1", 512 * GB, serial="N1", model="Some NVMe", bus="nvme", nvme=NvmeAbilities(format=True))
FULL_NVME = replace(NVME, nvme=NvmeAbilities(format=True, format_crypto=True, block_erase=True, crypto_erase=True))


def ata(**able: bool) -> Medium:
    assert SSD.ata is not None
    return replace(SSD, ata=replace(SSD.ata, **able))


@pytest.mark.parametrize(
    ("medium", "technique"),
    [
        (ata(sanitize=True, block_erase=True, crypto_scramble=True, overwrite=True), Technique.ATA_BLOCK),
        (ata(sanitize=True, crypto_scramble=True, overwrite=True), Technique.ATA_CRYPTO),
        (ata(sanitize=True, overwrite=True), Technique.ATA_OVERWRITE),
        (ata(security=True), Technique.ATA_SECURITY),
        (ata(security=True, security_frozen=True), Technique.ATA_SECURITY),
        (ata(security=True, security_enabled=True), Technique.OVERWRITE),
        (ata(sanitize=True, block_erase=True, sanitize_frozen=True), Technique.OVERWRITE),
        (ata(), Technique.OVERWRITE),
        (HDD, Technique.OVERWRITE),
        (FULL_NVME, Technique.NVME_BLOCK),
        (NVME, Technique.NVME_FORMAT),
        (replace(NVME, nvme=NvmeAbilities(format=True, namespaces=2)), Technique.OVERWRITE),
        (replace(NVME, nvme=NvmeAbilities(format=True, namespaces=2, format_all=True)), Technique.NVME_FORMAT),
        (replace(FULL_NVME, model="INTEL SSDPEKNW512G8"), Technique.NVME_FORMAT),
        (replace(NVME, model="SAMSUNG MZVLV256HCHP-000L2"), Technique.OVERWRITE),
        (Medium("/dev/mmcblk0", 32 * GB, bus="mmc", mmc=MmcAbilities(True, True)), Technique.MMC_SANITIZE),
        (Medium("/dev/mmcblk0", 32 * GB, bus="mmc", mmc=MmcAbilities(True, False)), Technique.OVERWRITE),
        (Medium("/dev/sdb", 300 * GB, bus="scsi", scsi=ScsiAbilities(overwrite=True)), Technique.SCSI_OVERWRITE),
        (Medium("/dev/vda", GB, bus="virtio"), Technique.OVERWRITE),
    ],
)
def test_the_strongest_technique_that_the_disk_offers_is_taken(medium: Medium, technique: Technique) -> None:
    assert choose(medium, EraseLevel.CLEAR).technique is technique


def test_a_weaker_level_is_never_taken_silently() -> None:
    for medium in (HDD, NVME, ata(security=True), Medium("/dev/vda", GB, bus="virtio")):
        choice = choose(medium, EraseLevel.PURGE)
        assert choice.technique is None
        assert "Clear, not Purge" in choice.why
        assert "destroy" in choice.next_step


def test_level_purge_takes_only_what_counts_as_purge() -> None:
    choice = choose(FULL_NVME, EraseLevel.PURGE)
    assert choice.technique is not None
    assert LEVELS[choice.technique].level is EraseLevel.PURGE


@pytest.mark.parametrize(
    ("medium", "why"),
    [
        (replace(NVME, built_in=False, bus="usb"), "left alone"),
        (replace(NVME, barred="read-only"), "cannot be written: read-only"),
        (replace(NVME, size=0), "no capacity"),
        (ata(security=True, security_locked=True, security_enabled=True), "locked with a password"),
    ],
)
def test_what_cannot_be_erased_is_refused_with_the_reason(medium: Medium, why: str) -> None:
    choice = choose(medium, EraseLevel.CLEAR)
    assert choice.technique is None
    assert why in choice.why


def test_where_sanitize_is_frozen_switching_off_and_on_is_the_next_step() -> None:
    choice = choose(ata(sanitize=True, block_erase=True, sanitize_frozen=True), EraseLevel.PURGE)
    assert choice.technique is None
    assert choice.next_step.startswith("Switch the laptop off and on")


def test_every_offer_says_why_and_what_was_passed_over_names_its_source() -> None:
    known = {each.technique: each for each in offers(replace(FULL_NVME, model="INTEL SSDPEKNW010T8"))}
    assert all(each.why for each in known.values())
    assert not known[Technique.NVME_BLOCK].possible
    assert "nvme-cli #752" in known[Technique.NVME_BLOCK].why


@pytest.mark.parametrize("code", ["nl", "fr"])
def test_every_reason_and_next_step_can_be_said_in_each_language(code: str) -> None:
    ours, bare = language(code), replace(SSD, ata=None)
    media = [
        HDD, NVME, FULL_NVME, ata(security=True, security_enabled=True), ata(security=True, security_frozen=True),
        ata(sanitize=True, block_erase=True, security=True), ata(sanitize=True, block_erase=True, sanitize_frozen=True),
        ata(security_locked=True), replace(bare, barred="read-only"), replace(bare, built_in=False, bus="usb"),
        replace(bare, size=0), replace(bare, mmc=MmcAbilities()), replace(bare, mmc=MmcAbilities(True, True)),
        replace(bare, mmc=MmcAbilities(True, False)), replace(bare, mmc=MmcAbilities(True, True, write_protected=True)),
        replace(bare, scsi=ScsiAbilities(overwrite=True)), replace(NVME, nvme=NvmeAbilities(format=True, namespaces=2)),
    ]  # fmt: skip
    choices = [choose(medium, level) for medium in media for level in EraseLevel]
    said = {each.why for each in choices} | {each.next_step for each in choices}
    said |= {offer.why for medium in media for offer in offers(medium)}
    same = {"OACS bit 1", "OACS bit 1 and FNA bit 2"}
    assert [text for text in said if text and ours.say(text) == text and text not in same] == []


def test_how_long_it_takes_is_the_drives_word_where_it_gives_one() -> None:
    able = NvmeAbilities(format=True, block_erase=True, crypto_erase=True, overwrite=True, seconds=(600, 7, 9))
    told = {each.technique: each.seconds for each in offers(replace(NVME, nvme=able))}
    assert [told[each] for each in (Technique.NVME_OVERWRITE, Technique.NVME_BLOCK, Technique.NVME_CRYPTO)] == [
        600,
        7,
        9,
    ]
    silent = {each.technique: each.seconds for each in offers(replace(NVME, nvme=replace(able, seconds=(0, 0, 0))))}
    assert (silent[Technique.NVME_BLOCK], silent[Technique.NVME_CRYPTO]) == (120, 30)
    assert silent[Technique.NVME_OVERWRITE] == overwrite_seconds(NVME) > 600


def test_every_technique_has_a_level_with_its_source() -> None:
    assert set(LEVELS) == set(Technique)
    assert all(rating.source and rating.words and rating.leaves for rating in LEVELS.values())


# -- what drives say of themselves --------------------------------------------------------------------


def identify(**words: int) -> bytes:
    numbers = {int(name[1:]): value for name, value in words.items()}
    return struct.pack("<256H", *(numbers.get(at, 0) for at in range(256)))


def test_identify_device_is_read_word_by_word() -> None:
    able = ata_abilities(identify(w59=0xF000, w82=0x0402, w89=0x8000 | 61, w128=0b1011, w217=1))
    assert (able.sanitize, able.block_erase, able.crypto_scramble, able.overwrite) == (True, True, True, True)
    assert (able.security, able.security_enabled, able.security_locked, able.security_frozen) == (
        True,
        True,
        False,
        True,
    )
    assert (able.erase_minutes, able.rotational, able.hpa) == (122, False, True)


def test_the_bits_of_sanitize_mean_nothing_without_the_feature() -> None:
    able = ata_abilities(identify(w59=0xE000))
    assert not any((able.sanitize, able.block_erase, able.crypto_scramble, able.overwrite))


def test_hdparms_words_become_bytes_again() -> None:
    data = identify(w59=0x9000, w217=1)
    words = struct.unpack("<256H", data)
    text = "\n/dev/sda:\n" + "\n".join(" ".join(f"{w:04x}" for w in words[at : at + 8]) for at in range(0, 256, 8))
    assert identify_bytes(text) == data
    with pytest.raises(FactsError):
        identify_bytes(text[:-10])


def controller(oacs: int, sanicap: int, fna: int, spaces: int = 1) -> bytes:
    data = bytearray(4096)
    struct.pack_into("<H", data, 256, oacs)
    struct.pack_into("<I", data, 328, sanicap)
    struct.pack_into("<I", data, 516, spaces)
    data[524] = fna
    return bytes(data)


def test_identify_controller_and_the_sanitize_logs_estimates() -> None:
    log = struct.pack("<HHIIII", 0xFFFF, 0, 0, 600, 30, 0xFFFFFFFF) + bytes(492)
    able = nvme_abilities(controller(2, 0b011, 0b110), log)
    assert (able.format, able.format_crypto, able.format_all) == (True, True, True)
    assert (able.crypto_erase, able.block_erase, able.overwrite) == (True, True, False)
    assert able.seconds == (600, 30, 0)


def test_ext_csd_as_mmc_prints_it() -> None:
    text = "  Extended CSD rev 1.8 (MMC 5.1)\nSecure Feature support [SEC_FEATURE_SUPPORT: 0x55]\n"
    able = mmc_abilities(text + "User area write protection register [USER_WP]: 0x00\n")
    assert (able.sanitize, able.trim, able.secure_erase, able.revision) == (True, True, True, 8)
    assert not able.write_protected
    assert mmc_abilities(text + "User area write protection register [USER_WP]: 0x04\n").write_protected
    with pytest.raises(FactsError):
        mmc_abilities("Could not read EXT_CSD")


def test_scsi_opcodes() -> None:
    yes = "  Opcode=0x48  Service_action=0x0002\n  Command supported [conforming to SCSI standard]\n"
    assert scsi_abilities(yes, "Command is NOT supported", "") == ScsiAbilities(True, False, False)


def test_what_hides_sectors_is_counted() -> None:
    assert hidden_area(" max sectors   = 900000/1000000, HPA is enabled") == 100000
    assert hidden_area(" max sectors   = 1000000/1000000, HPA is disabled") == 0
    assert hidden_area(" max sectors   = 900000/1000000, ACCESSIBLE MAX ADDRESS enabled") == 100000
    assert overlay_sectors("\tReal max sectors: 1200000", 1000000) == 200000
    assert overlay_sectors("", 1000000) is None


def test_a_medium_survives_json_and_refuses_nonsense() -> None:
    for medium in (SSD, FULL_NVME, replace(SSD, wwn="naa.5", asked="hdparm failed")):
        assert Medium.from_json(medium.to_json()) == medium
    for wrong in (
        None,
        [],
        {"path": 3, "size": 1},
        {"path": "/dev/sda", "size": -1},
        {"path": "", "size": 1, "ata": 5},
    ):
        with pytest.raises((FactsError, TypeError)):
            Medium.from_json(wrong)


def test_the_table_in_the_docs_is_this_table() -> None:
    text = (Path(__file__).parents[3] / "ERASING.md").read_text()
    for technique, rating in LEVELS.items():
        row = f"| `{technique}` | {rating.words} | {rating.level.capitalize()} | {rating.leaves} | {rating.source} |"
        assert row in text
