"""The simulated evening: the same from the same seed, and what its figures must hold to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from cloned.core.triage import Course
from cloned.core.trial_result import AttendedName
from cloned.lab.bench import evening
from cloned.lab.bench.evening_table import SHARES, TESTS, TIMES


def test_one_seed_gives_one_evening() -> None:
    assert evening.report(12, 2, 7) == evening.report(12, 2, 7)
    assert evening.laptops(40, 1) != evening.laptops(40, 2)


def test_every_time_and_share_has_a_source_and_is_used() -> None:
    assert all(each.source for each in (*TIMES.values(), *SHARES.values()))
    spent: set[str] = {"walk to the next laptop"}
    for way in evening.WAYS.values():
        run = evening.Evening(3)
        run.run((each.number, way(each)) for each in evening.laptops(200, 1))
        spent |= set(run.spent) | set(run.machine)
    assert spent == set(TIMES)


def test_halving_every_time_halves_the_evening() -> None:
    given = evening.laptops(30, 1)
    for way in evening.WAYS:
        whole, half = (evening.outcome(way, given, 3, scale) for scale in (1.0, 0.5))
        assert half.person_minutes == pytest.approx(whole.person_minutes / 2, abs=0.01)
        assert half.through == pytest.approx(whole.through / 2, abs=0.1)


def test_people_are_never_more_than_there_are() -> None:
    given = evening.laptops(30, 3)
    for volunteers in (1, 3):
        found = evening.outcome("cloning alone", given, volunteers, 1.0)
        assert found.person_minutes * len(given) <= volunteers * found.through + 0.5
    slow, quick = (evening.outcome("one touch", given, volunteers, 1.0).through for volunteers in (1, 6))
    assert quick < slow


def test_a_locked_laptop_is_never_written_to() -> None:
    held = [each for each in evening.laptops(200, 1) if each.judged(tested=False).course is not Course.CLONE]
    assert held
    run = evening.Evening(1)
    run.run((each.number, evening.one_touch(each)) for each in held)
    assert not [name for name in run.machine if name.startswith(("erase", "clone"))]
    assert len(run.ended) == len(held)


def test_steps_beside_each_other_end_together() -> None:
    without = next(each for each in evening.laptops(50, 1) if not each.facts.hardware.charger)

    def both() -> Iterator[object]:
        yield [evening._person_tests(without), evening._person_tests(without)]
        yield evening.machine("start from the network")

    run = evening.Evening(2)
    run.run(iter([(1, both())]))  # type: ignore[list-item]
    [step] = evening._person_tests(without)
    assert isinstance(step, evening.Step)
    tests = sum(TIMES[name].value for name in step.names)
    minutes = tests + TIMES["walk to the next laptop"].value
    assert run.ended[1] == pytest.approx(minutes + TIMES["start from the network"].value)


def test_a_charger_is_plugged_in_or_its_plug_moved_or_left_alone_where_the_battery_is_worn() -> None:
    seen = set()
    for laptop in evening.laptops(50, 1):
        [step] = evening._person_tests(laptop)
        assert isinstance(step, evening.Step)
        hardware = laptop.facts.hardware
        found = tuple(name in step.names for name in (TESTS + "charger", TESTS + "charger's plug"))
        worn = "has a worn battery" if hardware.left and hardware.left < 0.5 else ""
        assert found == (not hardware.charger, bool(hardware.charger and not worn))
        seen.add(found)
    assert seen == {(True, False), (False, True), (False, False)}


def test_it_prints_what_it_assumes_with_what_it_found() -> None:
    said = CliRunner().invoke(evening.main, ["--laptops", "5", "--volunteers", "2", "--seed", "1"])
    assert said.exit_code == 0, said.output
    assert "not measured" in said.output
    assert all(word in said.output for word in ("x 0.5", "x 2", "cloning alone", "is locked", "FACTS.md 10"))
    told = json.loads(CliRunner().invoke(evening.main, ["--laptops", "5", "--json"]).output)
    assert len(told["outcomes"]) == 6
    assert CliRunner().invoke(evening.main, ["--laptops", "0"]).exit_code == 2


def test_what_is_done_at_one_laptop_costs_one_walk() -> None:
    run = evening.Evening(1)
    run.run(iter([(1, iter([evening.visit("stick the label on", "fetch and label a charger")]))]))  # type: ignore[list-item]
    walk, label, charger = (
        TIMES[name].value for name in (evening.WALK, "stick the label on", "fetch and label a charger")
    )
    assert run.ended[1] == pytest.approx(walk + label + charger)
    assert dict(run.spent) == {
        evening.WALK: walk, "stick the label on": label, "fetch and label a charger": charger,
    }  # fmt: skip


def test_every_test_with_a_person_takes_its_time_and_all_of_them_are_there() -> None:
    assert len([name for name in TIMES if name.startswith(TESTS)]) == len(AttendedName) + 2, (
        "and one to begin, and two ways with a charger"
    )
    whole = sum(each.value for name, each in TIMES.items() if name.startswith(TESTS))
    assert 1.0 < whole < 2.0, "two minutes is what people are told"
