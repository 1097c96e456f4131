"""What a cloned computer is called, and what an agent may say of its steps."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.config_file import parse
from cloned.core.finishing import RESULTS, STEPS, VALUES, FinishWishes, hostname, named_alike, read_steps, steps
from cloned.core.ids import Identity, LaptopId
from cloned.core.laptop import Facts, Laptop, State
from cloned.errors import UsageError


def laptop(number: int = 1, serial: str = "", mac: str = "", tag: str = "") -> Laptop:
    return Laptop(LaptopId(f"l{number}"), number, Facts(Identity(serial=serial), mac), State.FINISHING, 0, 0, tag=tag)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("deelit-{tag}", "deelit-dm-2026-0012"),
        ("{serial}", "pf1-x"),
        ("lab-{mac}-{number}", "lab-525400000001-1"),
        ("-{tag}-", "dm-2026-0012"),
    ],
)
def test_names_by_pattern(pattern: str, named: str) -> None:
    assert hostname(pattern, laptop(1, "PF1/X", "52:54:00:00:00:01", "DM-2026-0012")) == named


@pytest.mark.parametrize("pattern", ["lab-{tag}", "lab-{serial}", "{serial}", "lab-{mac}", f"{'x' * 70}-{{serial}}"])
def test_laptops_without_the_value_do_not_get_one_name(pattern: str) -> None:
    macs = [f"52:54:00:00:00:{number:02x}" if number % 2 else "" for number in range(20)]
    names = {hostname(pattern, laptop(number, "#" if number % 3 else "", mac)) for number, mac in enumerate(macs)}
    assert len(names) == 20


def test_twins_with_one_serial_number_get_two_names() -> None:
    both = [laptop(number, "PF1", f"52:54:00:00:00:{number:02x}") for number in (1, 2)]
    assert len({hostname("lab-{serial}", each, twin={"serial"}) for each in both}) == 2
    [step] = steps(FinishWishes(grow=False, hostname="lab-{serial}", efi_entry=False), both[0], 0.0, twin={"serial"})
    assert step["hostname"] == "lab-525400000001"


def test_serial_numbers_that_look_alike_in_a_name_are_twins_whoever_made_them() -> None:
    one, other, third = laptop(1, "A/1"), laptop(2, "a-1"), laptop(3, "A2")
    maker = replace(other.facts, identity=replace(other.identity, vendor="Dell", product="Latitude"))
    other = replace(other, facts=maker)
    assert named_alike([one, other, third], one) == {"serial"}
    assert named_alike([one, other, third], other) == {"serial"}
    assert not named_alike([one, other, third], third)
    assert not named_alike([laptop(1), laptop(2)], laptop(1))


def test_accents_are_taken_off_letters() -> None:
    assert hostname("École-Éghezée-{number}", laptop(4)) == "ecole-eghezee-4"


@given(st.text(), st.sampled_from(VALUES), st.text(max_size=64), st.text(max_size=64))
def test_every_name_is_a_label(fixed: str, value: str, serial: str, tag: str) -> None:
    name = hostname(fixed + value, laptop(7, serial, "52:54:00:00:00:07", tag))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)


def test_long_names_that_differ_at_their_end_stay_apart() -> None:
    names = {hostname("a" * 54 + "--------{number}", laptop(number)) for number in range(1, 200)}
    assert len(names) == 199
    assert all(len(name) <= 63 and not name.endswith("-") for name in names)


@pytest.mark.parametrize("pattern", ["school", "{Tag}", "lab-{tag}-{room}", "{", "{tag}}"])
def test_a_pattern_that_names_all_alike_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"finish\.hostname: .*\{tag\}, \{number\}, \{serial\}, \{mac\}"):
        parse(f'[finish]\nhostname = "{pattern}"\n')


def test_other_patterns_are_taken() -> None:
    for pattern in ("", "{serial}", "Deel IT {tag}"):
        assert parse(f'[finish]\nhostname = "{pattern}"\n').finish.hostname == pattern


def test_what_came_of_steps() -> None:
    said = [{"name": "grow", "result": "done", "detail": "a\nb\x1b"}, {"name": "stamp", "result": "skipped"}]
    assert read_steps(said) == (("grow", "done", "a b"), ("stamp", "skipped", ""))
    assert read_steps([]) == ()


@pytest.mark.parametrize(
    "said",
    [
        None,
        "grow",
        ["grow"],
        [{}],
        [{"name": "grow"}],
        [{"name": "grow", "result": "verified"}],
        [{"name": "format", "result": "done"}],
        [{"name": ["grow"], "result": "done"}],
        [{"name": "grow", "result": {}}],
        [{"name": "grow", "result": "done"}] * 2,
        [{"name": name, "result": "done"} for name in (*STEPS, "x")],
    ],
)
def test_other_words_are_refused(said: Any) -> None:
    with pytest.raises(ValueError, match=r"finished comes with|a step is one of"):
        read_steps(said)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(RESULTS), st.text()), unique_by=lambda step: step[0]))
def test_details_are_one_line(said: list[tuple[str, str, str]]) -> None:
    found = read_steps([dict(zip(("name", "result", "detail"), each, strict=True)) for each in said])
    assert [each[:2] for each in found] == [each[:2] for each in said]
    assert all(detail.isprintable() and len(detail) <= 300 for _, _, detail in found)


def test_numbers_that_differ_in_signs_alone_make_two_names() -> None:
    both = [replace(laptop(n), tag=tag) for n, tag in ((1, "DM/1"), (2, "DM-1"))]
    names = {hostname("lab-{tag}", each, twin=named_alike(both, each)) for each in both}
    assert len(names) == 2
    assert all(name.startswith("lab-dm-1-") for name in names)
    assert hostname("lab-{tag}", both[0], twin=named_alike(both[:1], both[0])) == "lab-dm-1"
