"""What `cloned triage explain` prints."""

from __future__ import annotations

from dataclasses import asdict, replace

from cloned.cli.triage import lines
from cloned.core.triage import explain
from cloned.core.triage_shipped import SHIPPED
from tests.unit.core.test_triage import GOOD, NOW, laptop


def test_the_result_first_then_every_rule_with_its_reasons() -> None:
    found = laptop(replace(GOOD, passwords=("administrator",), charger=None))
    said = list(lines("7", asdict(explain(SHIPPED, found, NOW))))
    assert said[0] == "laptop 7: Ask first (ask), grade D"
    assert said[1] == "  needs: the firmware's password"
    assert said[2] == "  not told: disk_bad_from, screen_height_below, charger"
    assert said[3].startswith("  + locked: Its firmware has a password")
    assert said[4] == "      locked = yes holds (found: yes)"
    assert (
        "  ? charger-missing: It runs on its battery: no charger is plugged in; Clone it (clone); needs charger" in said
    )
    assert "      charger = no is not told" in said
    assert any(line.startswith("  - memory-small") for line in said)


def test_without_rules_it_says_where_they_would_stand() -> None:
    assert "see [triage]" in list(lines("7", asdict(explain((), laptop(), NOW))))[1]


def test_a_course_is_said_in_the_readers_language() -> None:
    say = {"Ask first": "Eerst vragen"}.get
    said = list(
        lines(
            "7",
            asdict(explain(SHIPPED, laptop(replace(GOOD, passwords=("administrator",))), NOW)),
            lambda text: say(text) or str(text),
        )
    )
    assert said[0].endswith(": Eerst vragen (ask), grade D")
