"""`cloned erase selftest DEV` on a loop device: erased, read back whole, and recorded."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloned.cli.erase import erase
from cloned.disk.media import Medium
from cloned.errors import UsageError
from tests.wire.agent.test_erase import OLD, SIZE, filled, loop_device

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices")]


def selftest(*words: str, answer: str = "") -> tuple[int | None, str]:
    done = CliRunner().invoke(
        erase, ["selftest", *words], input=answer, standalone_mode=False, catch_exceptions=False
    )  # fmt: skip
    return done.return_value, done.output


def test_a_spare_drive_is_erased_and_what_it_said_is_written_down(tmp_path: Path) -> None:
    file, recording = filled(tmp_path / "disk"), tmp_path / "recording.json"
    with loop_device(file) as device:
        code, said = selftest(device, "--yes", "-o", str(recording))
    assert (code, "verified" in said) == (0, True), said
    assert file.read_bytes() == bytes(SIZE)
    told = json.loads(recording.read_text())
    assert Medium.from_json(told["medium"]).size == SIZE
    assert told["record"]["phase"] == "verified"
    assert told["record"]["check"]["how"] == "all"
    assert [step["phase"] for step in told["steps"]][-1] == "verified"
    assert {each["method"] for each in told["offers"]} == {"overwrite"}
    assert OLD.decode() not in recording.read_text()


def test_without_a_yes_nothing_is_touched(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        done = CliRunner().invoke(erase, ["selftest", device], input="n\n")
    assert done.exit_code != 0
    assert file.read_bytes() == before


def test_a_level_it_cannot_have_is_exit_1_and_touches_nothing(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    before = file.read_bytes()
    with loop_device(file) as device:
        code, said = selftest(device, "--yes", "--level", "purge")
    assert (code, "not Purge" in said) == (1, True), said
    assert file.read_bytes() == before


def test_what_is_no_disk_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a disk"):
        selftest(str(filled(tmp_path / "disk")), "--yes")


@pytest.mark.parametrize("named", ["device", "link"])
def test_a_disk_that_this_machine_uses_is_wrong_usage_however_it_is_named(tmp_path: Path, named: str) -> None:
    """Careful people name a disk by its link in /dev/disk/by-id."""
    file, there = filled(tmp_path / "disk"), tmp_path / "mounted"
    there.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-F", str(file)], check=True)
    with loop_device(file) as device:
        (tmp_path / "link").symlink_to(device)
        subprocess.run(["mount", "-o", "ro", device, str(there)], check=True)
        try:
            before = file.read_bytes()
            with pytest.raises(UsageError, match="in use by this machine"):
                selftest(device if named == "device" else str(tmp_path / "link"), "--yes")
            assert file.read_bytes() == before
        finally:
            subprocess.run(["umount", str(there)], check=True)


def test_a_part_of_a_disk_is_wrong_usage(tmp_path: Path) -> None:
    file = filled(tmp_path / "disk")
    subprocess.run(["sfdisk", "-q", str(file)], input=b"label: dos\n2048,\n", check=True)
    before = file.read_bytes()
    with loop_device(file) as device:
        subprocess.run(["partx", "--add", device], check=True)
        try:
            with pytest.raises(UsageError, match="a part of a disk"):
                selftest(f"{device}p1", "--yes")
        finally:
            subprocess.run(["partx", "--delete", device], check=True)
    assert file.read_bytes() == before
