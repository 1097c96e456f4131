"""The test of the charger and its socket, with a person."""

from __future__ import annotations

import time

from cloned.agent import parts, signs, sysfs
from cloned.agent.attended_answers import judged
from cloned.agent.attended_ui import PersonUi
from cloned.agent.spoken import say
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Hands
from cloned.saying import Phrase

MOVED_SECONDS = 3.0
"""Seconds for which the plug of a charger is moved in its socket."""
_CARRIES, _LOOKS_SECONDS = 50, 0.1
"""Percent that a battery must hold for that, and seconds after which power is looked for again."""
_SUPPLY = "/sys/class/power_supply"


def charger(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
    """Its plug is moved in the socket while power must stay; one that brings none in is to be plugged in.

    Nobody pulls it, nor moves it where the battery would not carry the laptop: that would end what is being written.
    """
    if signs.charger() is None:
        return TrialFinding("skipped", "no socket for a charger is known")
    if not signs.charger():
        return _plugged_in(ui)
    if not _carried():
        return TrialFinding(
            "passed", "power comes in; its plug was not moved, for the battery would not carry the laptop"
        )
    return _moved(ui)


def _carried() -> bool:
    """Whether the battery would carry the laptop without power: it is half charged, and holds half of what it did."""
    charged = [sysfs.number(f"{_SUPPLY}/{each['name']}/capacity") for each in parts.batteries()]
    worn = [not each["design_wh"] or each["full_wh"] < each["design_wh"] / 2 for each in parts.batteries()]
    return any(percent >= _CARRIES and not bad for percent, bad in zip(charged, worn, strict=True))


def _moved(ui: PersonUi) -> TrialFinding:
    """A loose socket lets power go for a moment while its plug is moved."""
    end = time.monotonic() + MOVED_SECONDS
    while (left := end - time.monotonic()) > 0:
        ui.show([say("Move the charger's plug a little in its socket: power must stay."), "", say("Any key leaves.")])
        if ui.pressed(min(_LOOKS_SECONDS, left)):
            return TrialFinding("passed", "power comes in")
        if not signs.charger():
            return _went_away(ui)
    return TrialFinding("passed", "power comes in, also while the plug is moved in its socket")


def _went_away(ui: PersonUi) -> TrialFinding:
    """Only a person knows whether the plug slipped out."""
    asked = say("Power went away: is the plug still in its socket?")
    if ui.choose([asked], [say("Yes"), say("No")]) == 0:
        return TrialFinding("failed", "power goes away when the plug is moved in its socket")
    return _plugged_in(ui)


def _plugged_in(ui: PersonUi) -> TrialFinding:
    while not signs.charger():
        ui.show([say("Plug the charger in."), "", say("Any key leaves.")])
        if ui.pressed():
            return judged(ui, say("Does it notice the charger?"), Phrase("it was not noticed"))
    return TrialFinding("passed", "power comes in")
