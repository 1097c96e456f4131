"""Fault specifications: what is understood, and one clear line for everything else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from cloned.cli import lab
from cloned.errors import Exit, UsageError
from cloned.lab.fault import Fault
from cloned.lab.fault_texts import Late, check_together, name_of, parse_fault, parse_late, pattern, takes_time
from cloned.lab.faults import (
    KINDS,
    Corrupt,
    DeadDisk,
    Drop,
    Hostile,
    Locked,
    Loss,
    NoCamera,
    Restart,
    SinkDown,
    SlowDisk,
    Stall,
    WornBattery,
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("corrupt:2", Corrupt("corrupt:2", 2)),
        ("drop:1@60", Drop("drop:1@60", 1, 60.0)),
        ("stall:3@12.5:30", Stall("stall:3@12.5:30", 3, 12.5, 30.0)),
        ("slow-disk:2:5", SlowDisk("slow-disk:2:5", 2, 5.0)),
        ("loss:1:0.5", Loss("loss:1:0.5", 1, 0.5)),
        ("restart@40", Restart("restart@40", 40.0)),
        ("sink-down:20", SinkDown("sink-down:20", 20.0)),
        ("hostile:60", Hostile("hostile:60", 60.0)),
        ("worn-battery:2", WornBattery("worn-battery:2", 2)),
        ("no-camera:1", NoCamera("no-camera:1", 1)),
        ("locked:3", Locked("locked:3", 3)),
        ("dead-disk:1", DeadDisk("dead-disk:1", 1)),
    ],
)
def test_every_form_is_understood(text: str, meant: object) -> None:
    assert parse_fault(text, 3) == meant


@pytest.mark.parametrize(
    "text",
    [
        "", "fire", "corrupt", "corrupt:0", "corrupt:4", "corrupt:x", "drop:1", "drop:1@0", "drop:1@100", "drop:1@-3",
        "stall:1@50", "slow-disk:1:0", "slow-disk:1:-5", "loss:1:150", "restart@0", "sink-down:", "sink-down:99999",
        "drop:1@50 ", "restart:50",
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_fault(text, 3)
    assert refused.value.exit == Exit.USAGE
    assert "\n" not in str(refused.value)
    assert text.strip() in str(refused.value)


def test_late_names_laptop_and_seconds() -> None:
    assert parse_late("12:5", 12) == Late(12, 5.0)
    for text in ("13:5", "12", "12:", "a:b", "12:-1"):
        with pytest.raises(UsageError):
            parse_late(text, 12)


def test_contradictions_are_refused() -> None:
    twice = [parse_fault("corrupt:1", 2), parse_fault("corrupt:1", 2)]
    with pytest.raises(UsageError, match="twice"):
        check_together(twice, [], 2)
    with pytest.raises(UsageError, match="every laptop is late"):
        check_together([], [Late(1, 1), Late(2, 1)], 2)
    check_together([parse_fault("drop:1@20", 2), parse_fault("drop:1@60", 2)], [Late(2, 1)], 2)


def test_what_happens_in_the_middle_needs_a_large_image() -> None:
    assert takes_time([parse_fault("drop:1@20", 2)], [])
    assert takes_time([], [Late(1, 5)])
    assert not takes_time([parse_fault("corrupt:1", 2), parse_fault("sink-down:3", 2)], [])


def kinds() -> list[type[Fault]]:
    """Every class of a fault that has a form."""
    todo, found = [Fault], []
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found += [kind] if kind.form else []
    return found


def test_every_fault_is_known() -> None:
    assert set(kinds()) == set(KINDS)
    assert len({name_of(kind.form) for kind in KINDS}) == len(KINDS)
    [option] = [each for each in lab.run.params if each.name == "faults"]
    assert isinstance(option, click.Option)
    assert option.help == ", ".join(kind.form for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.form)
def test_every_fault_is_carried_out(kind: type[Fault]) -> None:
    """It acts, or prepares; what acts knows when; and every place of its form is one of its fields."""
    acts, prepares = kind.act is not Fault.act, kind.prepare is not Fault.prepare
    assert acts or prepares
    assert acts == (kind.due is not Fault.due)
    assert set(re.compile(pattern(kind.form)).groupindex) | {"text"} == {each.name for each in fields(kind)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.form)
def test_every_fault_is_in_the_design(kind: type[Fault]) -> None:
    design = Path(__file__).parents[4] / "shared" / "DESIGN.md"
    if not design.exists():
        pytest.skip("the design is kept beside the repository, and it is not there")
    assert f"`{kind.form}`" in design.read_text()
