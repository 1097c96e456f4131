"""Triage rules that cannot be meant are told before an evening begins."""

from __future__ import annotations

from pathlib import Path

from cloned.check import rules
from cloned.check.findings import LookState
from cloned.config_file import parse
from cloned.errors import ClonedError


def look(tmp_path: Path, text: str) -> list[object]:
    return list(rules.triage(parse(f'[workshop]\nstate = "{tmp_path}"\n{text}')))


def test_the_rules_that_ship_are_well(tmp_path: Path) -> None:
    ((state, said, _),) = look(tmp_path, "")  # type: ignore[misc]
    assert state is LookState.OK
    assert "none against another" in said


def test_rules_that_contradict_each_other_are_wrong(tmp_path: Path) -> None:
    text = """
[[triage.rule]]
name = "mine"
camera = false
do = "parts"
[[triage.rule]]
name = "yours"
camera = false
do = "give-back"
"""
    found = look(tmp_path, text)
    assert all(isinstance(each, ClonedError) for each in found)
    assert "mine and yours fit the same laptops, and say parts and give-back" in str(found[0])


def test_an_image_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    ((state, said, _),) = look(tmp_path, '[[triage.rule]]\nname = "old"\ncores_below = 4\nimage = "small"\n')  # type: ignore[misc]
    assert state is LookState.WARNING
    assert "old: there is no image small" in said
