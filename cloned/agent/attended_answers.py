"""What a person's answer makes of a test, beside what the laptop noticed itself."""

from __future__ import annotations

from collections.abc import Sequence

from cloned.agent.attended_ui import PersonUi
from cloned.agent.spoken import say
from cloned.agent.trial_kinds import TrialFinding


def judged(ui: PersonUi, question: str, told: str, above: Sequence[str] = ()) -> TrialFinding:
    """What a person says of it, beside what the laptop noticed itself."""
    return found_by(ui, ui.choose([*above, "", question], answers()), told)


def answers() -> list[str]:
    """Each by its key, in this order."""
    return [say("Yes"), say("No"), say("Leave this test out")]


def found_by(ui: PersonUi, answer: int, told: str) -> TrialFinding:
    """By which of the answers was given."""
    if answer == 2:
        return TrialFinding("skipped", ui.why_skipped())
    return TrialFinding("passed" if answer == 0 else "failed", told)
