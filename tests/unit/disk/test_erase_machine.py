"""The machine of one disk's erasure, its samples, and what drives answer."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.agent.erase_driver import POLL_SECONDS
from cloned.disk import erase_machine as machine
from cloned.disk import erase_samples as samples
from cloned.disk.erase import EraseLevel, Technique
from cloned.disk.erase_check import Judge
from cloned.disk.erase_machine import EraseStep, next_step
from cloned.disk.erase_record import FAULTS, DiskErasure, ErasePhase, ErasureFault, LookBack
from cloned.disk.erase_samples import PLACE_BYTES, DiskSample
from cloned.disk.erase_status import DeviceStatus, SanitizeState, ata_status, mmc_status, nvme_status, scsi_status
from cloned.disk.media import FactsError, Medium, NvmeAbilities

MIB = 1 << 20
PLAIN = Medium("/dev/vda", 64 * MIB, serial="V", bus="virtio")
DRIVE = Medium("/dev/nvme0n1", 64 * MIB, serial="N", bus="nvme", nvme=NvmeAbilities(block_erase=True))
DONE = DeviceStatus(SanitizeState.DONE, None, "done")
PLACES = (DiskSample(0, PLACE_BYTES, "ab"),)
GOOD = LookBack("sample", "s", 3, 9, 1, "zeros")


def begun(medium: Medium) -> DiskErasure:
    record = machine.remembered(machine.plan(medium, EraseLevel.CLEAR, "seed"), PLACES, 5.0)
    return machine.starting(record, ("tool 1",))


def test_a_sanitize_goes_through_its_phases() -> None:
    record = machine.plan(DRIVE, EraseLevel.PURGE, "seed")
    assert next_step(record) is EraseStep.REMEMBER
    record = machine.remembered(record, PLACES, 5.0)
    assert next_step(record) is EraseStep.BEGIN
    record = machine.starting(record, ("nvme 2.3",))
    assert next_step(record) is EraseStep.POLL
    record = machine.polled(record, DeviceStatus(SanitizeState.RUNNING, 0.5, "half"))
    assert next_step(record) is EraseStep.POLL
    record = machine.polled(record, DONE)
    assert (record.phase, record.erased, record.completed) == (ErasePhase.COMPLETED, False, True)
    record = machine.looked(record, GOOD, 9.0)
    assert record.erased
    assert record.reached is EraseLevel.PURGE
    assert next_step(record) is EraseStep.STOP


def test_an_overwrite_goes_on_at_its_last_offset_and_ends_at_the_last_byte() -> None:
    record = machine.wrote(begun(PLAIN), 10 * MIB)
    assert (next_step(record), record.offset) == (EraseStep.WRITE, 10 * MIB)
    assert machine.wrote(record, 5 * MIB).offset == 10 * MIB
    assert machine.wrote(record, 64 * MIB).phase is ErasePhase.COMPLETED


def test_an_overwrite_with_a_bad_sector_goes_to_the_end_and_is_not_clear() -> None:
    record = machine.wrote(begun(PLAIN), 32 * MIB, ((MIB, 512), (MIB + 512, 512)))
    record = machine.looked(machine.wrote(record, 64 * MIB), GOOD, 9.0)
    assert (record.phase, record.fault) == (ErasePhase.FAILED, ErasureFault.UNREACHED)
    assert record.unreached == ((MIB, 1024),)
    assert not record.erased
    assert record.reached is None


def test_a_level_that_cannot_be_had_fails_before_anything_is_touched() -> None:
    record = machine.plan(PLAIN, EraseLevel.PURGE, "seed")
    assert (record.phase, record.fault) == (ErasePhase.FAILED, ErasureFault.REFUSED)
    assert next_step(record) is EraseStep.STOP


@pytest.mark.parametrize(
    ("state", "fault"),
    [(SanitizeState.FAILED, ErasureFault.SANITIZE_FAILED), (SanitizeState.FROZEN, ErasureFault.FROZEN)],
)
def test_the_drives_own_word_counts(state: SanitizeState, fault: ErasureFault) -> None:
    assert machine.polled(begun(DRIVE), DeviceStatus(state, None, "x")).fault is fault


def test_a_drive_that_answers_nonsense_is_asked_for_half_a_minute() -> None:
    odd = DeviceStatus(SanitizeState.UNKNOWN, None, "??")
    assert machine.PATIENCE * POLL_SECONDS == 30
    assert machine.polled(begun(DRIVE), odd, machine.PATIENCE - 1).phase is ErasePhase.STARTED
    assert machine.polled(begun(DRIVE), odd, machine.PATIENCE).fault is ErasureFault.SILENT


def test_a_drive_that_knows_nothing_of_it_is_told_again_and_then_given_up() -> None:
    never = DeviceStatus(SanitizeState.NEVER, None, "idle")
    record = begun(DRIVE)
    for _ in range(2):
        record = machine.polled(record, never)
        assert next_step(record) is EraseStep.BEGIN
        record = machine.starting(record, ())
    assert machine.polled(record, never).fault is ErasureFault.SILENT


def test_another_technique_only_of_the_same_level_and_with_a_word_on_it() -> None:
    record = begun(DRIVE)
    weaker = machine.instead(record, Technique.OVERWRITE, "because")
    assert weaker.fault is ErasureFault.REFUSED
    same = machine.instead(record, Technique.NVME_CRYPTO, "because")
    assert (same.technique, same.notes) == (Technique.NVME_CRYPTO, ("because",))
    assert machine.strictly_later(record, same)


def test_nothing_takes_the_place_of_what_is_over_or_was_never_chosen() -> None:
    failed = machine.fail(begun(DRIVE), ErasureFault.GONE)
    assert machine.instead(failed, Technique.NVME_CRYPTO, "because") is failed
    none = replace(begun(DRIVE), technique=None)
    assert machine.instead(none, Technique.NVME_CRYPTO, "because") is none


def test_bytes_count_only_for_an_overwrite_that_has_begun() -> None:
    sanitized = begun(DRIVE)
    assert machine.wrote(sanitized, 64 * MIB) is sanitized
    early = machine.remembered(machine.plan(PLAIN, EraseLevel.CLEAR, "seed"), PLACES, 5.0)
    assert machine.wrote(early, 64 * MIB) is early


def test_what_a_laptop_may_say_next_of_a_disk() -> None:
    record = begun(PLAIN)
    later = machine.wrote(record, 8 * MIB, ((MIB, 512),))
    assert machine.strictly_later(record, later)
    assert not machine.strictly_later(later, replace(later, unreached=()))
    assert not machine.strictly_later(record, replace(later, seed="other"))
    assert not machine.strictly_later(record, replace(later, remembered=()))
    assert not machine.strictly_later(record, replace(later, technique=Technique.NVME_FORMAT))
    assert not machine.strictly_later(record, replace(later, medium=replace(PLAIN, serial="W")))
    assert not machine.strictly_later(machine.fail(record, ErasureFault.GONE), later)


def test_what_claims_to_be_through_carries_what_that_rests_on() -> None:
    record = begun(PLAIN)
    written = machine.wrote(record, 64 * MIB)
    proven = machine.looked(written, GOOD, 9.0)
    assert machine.strictly_later(record, proven)
    for bare in ({"answers": ()}, {"starts": 0}, {"offset": 64 * MIB - 512}, {"how": "all"}, {"check": LookBack()},
                 {"check": replace(GOOD, remembered=0)}, {"check": replace(GOOD, how="")}):  # fmt: skip
        assert not machine.strictly_later(record, replace(proven, **bare)), bare  # type: ignore[arg-type]
    assert not machine.strictly_later(record, replace(record, phase=ErasePhase.COMPLETED))
    early = machine.plan(PLAIN, EraseLevel.CLEAR, "seed")
    assert not machine.strictly_later(early, replace(early, phase=ErasePhase.VERIFIED))


def test_a_record_survives_json_and_refuses_nonsense() -> None:
    record = machine.looked(machine.wrote(begun(PLAIN), 64 * MIB), GOOD, 9.0)
    told = json.loads(json.dumps(record.to_json()))
    assert DiskErasure.from_json(told) == record
    for wrong in ({}, [], None, {**told, "phase": "erased"}, {**told, "remembered": [1]}, {**told, "check": None}):
        with pytest.raises(FactsError):
            DiskErasure.from_json(wrong)


def test_every_fault_has_a_sentence_and_a_next_step() -> None:
    assert set(FAULTS) == set(ErasureFault)
    assert all(sentence and step for sentence, step in FAULTS.values())


# -- samples --------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 2**44), st.text(max_size=8))
def test_places_lie_on_the_disk_and_are_the_same_for_the_same_seed(size: int, seed: str) -> None:
    places = samples.before(seed, size)
    assert places == samples.before(seed, size)
    assert all(place.offset >= 0 and place.offset + place.length <= size for place in places)
    assert len({place.offset for place in places}) == len(places)
    if size >= PLACE_BYTES:
        assert places[0].offset == 0
        assert places[-1].offset + 2 * PLACE_BYTES > size


@settings(max_examples=40)
@given(st.integers(0, 2**44), st.sampled_from(["sample", "all"]))
def test_samples_cover_a_tenth_in_two_places_of_each_section(size: int, how: str) -> None:
    if how == "all" and size > 2**34:
        return
    places = samples.after("seed", size, how)
    assert all(place.offset >= 0 and place.length > 0 and place.offset + place.length <= size for place in places)
    ordered = sorted(places, key=lambda place: place.offset)
    assert all(a.offset + a.length <= b.offset for a, b in pairwise(ordered))
    share = sum(place.length for place in places)
    assert share == size if how == "all" or size <= samples.SMALL_BYTES else share >= size * 0.1 - 2 * PLACE_BYTES
    if size > samples.SMALL_BYTES and how == "sample":
        assert len(places) == 2 * samples.SECTIONS
        assert share < size * 0.2


def test_a_marker_is_its_places_own() -> None:
    assert samples.marker("s", 0) != samples.marker("s", 4096) != samples.marker("t", 4096)
    assert len(samples.marker("s", 0)) == PLACE_BYTES
    assert samples.noise(samples.marker("s", 0)[64:] + samples.marker("s", 1)[:64]) is False


BLANK = bytes(PLACE_BYTES)
NOISE = b"".join(samples.marker("n", at, 64)[32:] for at in range(128))
TEXT = (b"the family's holiday photographs " * 200)[:PLACE_BYTES]


@pytest.mark.parametrize(
    ("leaves", "data", "fits"),
    [
        ("zeros", BLANK, True), ("zeros", b"\xff" * PLACE_BYTES, False), ("zeros", TEXT, False),
        ("uniform", BLANK, True), ("uniform", b"\xff" * PLACE_BYTES, True), ("uniform", NOISE, False), ("uniform", TEXT, False),
        ("noise", NOISE, True), ("noise", BLANK, True), ("noise", TEXT, False),
    ],
)  # fmt: skip
def test_what_a_sample_must_hold_depends_on_the_technique(leaves: str, data: bytes, fits: bool) -> None:
    assert samples.fits(leaves, data, BLANK, {b"\xff" * 512}) is fits


def test_only_what_is_found_at_remembered_places_counts_as_the_drives_pattern() -> None:
    place = DiskSample(0, PLACE_BYTES, samples.digest("s", TEXT))
    judge = Judge(Technique.NVME_BLOCK, "s", (place,), BLANK)
    assert judge.remember(place, b"\xff" * PLACE_BYTES) == ""
    assert judge.sample(DiskSample(0, PLACE_BYTES), b"\xff" * PLACE_BYTES) == ""
    assert judge.sample(DiskSample(PLACE_BYTES, PLACE_BYTES), BLANK) == ""
    assert "do not hold" in judge.sample(DiskSample(2 * PLACE_BYTES, PLACE_BYTES), b"\xaa" * PLACE_BYTES)
    assert judge.found == "one pattern and zeros"


def test_a_place_that_holds_what_it_held_is_found() -> None:
    place = DiskSample(0, PLACE_BYTES, samples.digest("s", TEXT))
    judge = Judge(Technique.NVME_CRYPTO, "s", (place,), BLANK)
    assert "still holds" in judge.remember(place, TEXT)
    assert judge.remember(place, NOISE) == ""
    assert "marker" in judge.remember(place, samples.marker("s", 7))


# -- status ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sstat", "state"),
    [(0, SanitizeState.NEVER), (0x101, SanitizeState.DONE), (2, SanitizeState.RUNNING), (3, SanitizeState.FAILED),
     (4, SanitizeState.DONE), (7, SanitizeState.UNKNOWN)],
)  # fmt: skip
def test_the_sanitize_log(sstat: int, state: SanitizeState) -> None:
    found = nvme_status(struct.pack("<HHI", 32768, sstat, 2) + bytes(504))
    assert found.standing is state
    assert found.progress == (0.5 if state is SanitizeState.RUNNING else None)
    assert found.action == "2"


def test_short_or_empty_logs_say_nothing() -> None:
    assert nvme_status(b"").standing is SanitizeState.UNKNOWN
    assert ata_status("").standing is SanitizeState.UNKNOWN
    assert mmc_status("").standing is SanitizeState.UNKNOWN


@pytest.mark.parametrize(
    ("text", "state", "progress"),
    [
        (
            "State:    SD2 Sanitize operation In Process\n    Progress: 0x41c2 (25%)",
            SanitizeState.RUNNING,
            0x41C2 / 65536,
        ),
        ("State:    SD0 Sanitize Idle\n    Last Sanitize Operation Completed Without Error", SanitizeState.DONE, None),
        ("State:    SD0 Sanitize Idle\n", SanitizeState.NEVER, None),
        ("State:    SD1 Sanitize Frozen\n", SanitizeState.FROZEN, None),
        ("State:    SD3 Sanitize Operation Failed\n", SanitizeState.FAILED, None),
        ("State:    SD4 Sanitize Operation succeeded\n", SanitizeState.DONE, None),
    ],
)
def test_what_hdparm_tells_of_the_state(text: str, state: SanitizeState, progress: float | None) -> None:
    found = ata_status(f"\n/dev/sda:\nIssuing SANITIZE_STATUS command\nSanitize status:\n    {text}")
    assert (found.standing, found.progress) == (state, progress)


def fixed(key: int, code: int, qualifier: int, share: int | None = None) -> bytes:
    progress = b"\0\0\0" if share is None else b"\x80" + struct.pack(">H", share)
    return bytes((0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0)) + progress


def described(key: int, code: int, qualifier: int, share: int) -> bytes:
    other, own = bytes((0x03, 2, 0, 0)), bytes((0x02, 6, 0, 0, 0x80)) + struct.pack(">H", share) + b"\0"
    return bytes((0x72, key, code, qualifier, 0, 0, 0, 12)) + other + own


@pytest.mark.parametrize(
    ("sense", "state", "progress"),
    [
        (fixed(2, 0x04, 0x1B, 16384), SanitizeState.RUNNING, 0.25), (fixed(2, 0x04, 0x1B), SanitizeState.RUNNING, None),
        (described(2, 0x04, 0x1B, 32768), SanitizeState.RUNNING, 0.5), (fixed(3, 0x31, 0x03), SanitizeState.FAILED, None),
        (described(3, 0x31, 0x03, 0), SanitizeState.FAILED, None), (fixed(0, 0, 0), SanitizeState.DONE, None),
        (fixed(4, 0x44, 0), SanitizeState.UNKNOWN, None), (fixed(2, 0x04, 0x01), SanitizeState.UNKNOWN, None),
        (b"", SanitizeState.UNKNOWN, None), (bytes(18), SanitizeState.UNKNOWN, None), (b"\x70", SanitizeState.UNKNOWN, None),
    ],
)  # fmt: skip
def test_sense_data(sense: bytes, state: SanitizeState, progress: float | None) -> None:
    found = scsi_status(sense)
    assert (found.standing, found.progress) == (state, progress)


@given(st.binary(max_size=40))
def test_only_a_drive_that_says_so_is_done(sense: bytes) -> None:
    """Key, code and qualifier are all zero, in either form; everything else is not done."""
    if scsi_status(sense).standing is SanitizeState.DONE:
        fixed_form = sense[0] & 0x7F in (0x70, 0x71)
        told = (sense[2] & 0xF, sense[12], sense[13]) if fixed_form else (sense[1] & 0xF, sense[2], sense[3])
        assert told == (0, 0, 0)


def test_device_status() -> None:
    assert mmc_status("SEND_STATUS response: 0x00000900").standing is SanitizeState.DONE
    assert mmc_status("SEND_STATUS response: 0x00000e00").standing is SanitizeState.RUNNING
    assert mmc_status("SEND_STATUS response: 0x00080900").standing is SanitizeState.FAILED
