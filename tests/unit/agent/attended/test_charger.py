"""The charger, whose plug is moved in its socket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cloned.agent import attended_charger, attended_kinds
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from tests.unit.agent.attended.person import NO, YES, Device, person


class Supply:
    """What the laptop's power supplies say: whether mains power comes in, and its battery."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *online: bool, full: float = 45, charge: int = 80
    ) -> None:
        told = iter(online[:-1])
        monkeypatch.setattr(attended_charger.signs, "charger", lambda: next(told, online[-1]))
        battery = {"name": "BAT0", "design_wh": 50.0, "full_wh": full, "cycles": None}
        monkeypatch.setattr(attended_charger.parts, "batteries", lambda: [battery])
        monkeypatch.setattr(attended_charger, "_SUPPLY", str(folder / "supply"))
        monkeypatch.setattr(attended_charger, "MOVED_SECONDS", 0.3)
        (folder / "supply/BAT0").mkdir(parents=True, exist_ok=True)
        (folder / "supply/BAT0/capacity").write_text(f"{charge}\n")


def charger(folder: Path, *answers: tuple[str, Callable[[], None]]) -> tuple[TrialFinding, str]:
    """What is found, and all that was shown."""
    with person(folder, answers=answers) as (ui, shown):
        found = attended_kinds.charger(ui, Hands(), "be")
    return found, "\n".join(line for lines in shown for line in lines)


MOVE, IN = "Move the charger's plug a little in its socket", "Plug the charger in."
STAYED = TrialFinding("passed", "power comes in, also while the plug is moved in its socket")
LOOSE = TrialFinding("failed", "power goes away when the plug is moved in its socket")


def test_a_plug_is_moved_in_its_socket_and_nobody_pulls_it(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, True)
    found, shown = charger(folder)
    assert found == STAYED
    assert MOVE in shown
    assert IN not in shown
    assert charger(folder, (MOVE, partial(keys.press, 57)))[0] == TrialFinding("passed", "power comes in")


def test_a_loose_socket_is_found_and_a_plug_that_slipped_out_is_none(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, True, True, True, False)
    assert charger(folder, ("still in its socket?", partial(keys.press, YES)))[0] == LOOSE
    Supply(monkeypatch, folder, True, True, True, False, False, False, True)
    found, shown = charger(folder, ("still in its socket?", partial(keys.press, NO)))
    assert found == TrialFinding("passed", "power comes in")
    assert IN in shown


@pytest.mark.parametrize(("full", "charge"), [(20, 80), (0, 80), (45, 20), (45, 0)])
def test_a_plug_stays_as_it_is_where_the_battery_would_not_carry_the_laptop(
    folder: Path, monkeypatch: pytest.MonkeyPatch, full: float, charge: int
) -> None:
    Supply(monkeypatch, folder, True, full=full, charge=charge)
    found, shown = charger(folder)
    assert found.result == "passed"
    assert found.why.startswith("power comes in; its plug was not moved")
    assert shown == ""


def test_a_charger_that_brings_nothing_in_is_asked_for(
    folder: Path, keys: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    Supply(monkeypatch, folder, False, False, False, True)
    found, shown = charger(folder)
    assert found.result == "passed"
    assert shown.startswith(IN)
    Supply(monkeypatch, folder, False)
    keys.press(57)
    found, _ = charger(folder, ("Does it notice the charger?", partial(keys.press, NO)))
    assert found == TrialFinding("failed", "it was not noticed")
