"""What check says of the laptops in the journal."""

from __future__ import annotations

import shutil
from pathlib import Path

from cloned.check.doubts import laptops
from cloned.check.findings import LookState
from cloned.config import Config
from cloned.core.disks import Disk
from cloned.core.events import Booted, Configured, Hello, Settings
from cloned.core.ids import clean
from cloned.core.laptop import Facts
from cloned.journal import Journal, JournalEntry

STATE = Path(__file__).parents[2] / "data" / "state-0.1.0"


def config(state: Path) -> Config:
    return Config.model_validate({"workshop": {"state": str(state)}})


def test_a_journal_of_0_1_has_no_doubts(tmp_path: Path) -> None:
    shutil.copy(STATE / "journal.sqlite", tmp_path)
    before = (tmp_path / "journal.sqlite").read_bytes()
    (said,) = laptops(config(tmp_path))
    assert isinstance(said, tuple)
    assert said[0] is LookState.OK
    assert (tmp_path / "journal.sqlite").read_bytes() == before


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    entries = [JournalEntry(1.0, "00", Configured(Settings()))]
    for number in (1, 2):
        mac = f"02:00:00:00:00:0{number}"
        who = clean("4c4c4544-0042-4a10-8034-b7c04f345332", "PF1", "Dell Inc.", "X", [mac])
        facts = Facts(who, mac, disks=(Disk("/dev/sda", 10**11, serial=f"D{number}"),))
        entries += [
            JournalEntry(2.0 + number, f"{number:032x}", Booted(f"t{number}", who, mac, "10.0.0.1")),
            JournalEntry(2.5 + number, f"{number + 8:032x}", Hello(f"t{number}", facts, "10.0.0.1")),
        ]
    journal.append(entries)
    journal.close()
    (said,) = laptops(config(tmp_path))
    assert "laptop 1 and laptop 2 may be one" in str(said)
