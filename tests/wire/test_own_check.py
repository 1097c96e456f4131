"""The daemon's own check runs in a process of its own, and brings back sentences that are still translated."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.check import LOOKS
from cloned.cli.serve import _examined
from cloned.config_file import load
from cloned.languages import language

pytestmark = pytest.mark.wire


async def test_it_finds_what_the_looks_find_in_words_that_can_be_translated(tmp_path: Path) -> None:
    file = tmp_path / "cloned.toml"
    file.write_text(f'[workshop]\nstate = "{tmp_path}"\n[boot]\nlive = "{tmp_path}/none"\n')
    found = await _examined(load(file))
    assert {each["name"] for each in found} == {look.name for look in LOOKS}
    [live] = [each for each in found if each["name"] == "live system"]
    assert (live["state"], "cloned live build" in live["next"]) == ("wrong", True)
    dutch = language("nl")
    assert dutch.say(live["said"]) != live["said"]
