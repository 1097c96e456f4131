"""Every code that people see is called something."""

from __future__ import annotations

from cloned import code_words
from cloned.core import finishing
from cloned.core.laptop import VerdictKind
from cloned.core.trial_result import AttendedName, TrialName, TrialResult


def test_no_code_lacks_words_and_no_words_a_code() -> None:
    assert code_words.TEST_WORDS.keys() == {*TrialName, *AttendedName}
    assert code_words.TEST_RESULTS.keys() == set(TrialResult)
    assert code_words.STEP_WORDS.keys() == set(finishing.STEPS)
    assert code_words.STEP_RESULTS.keys() == set(finishing.RESULTS)
    assert code_words.VERDICT_WORDS.keys() == {"none", *VerdictKind}
    assert code_words.FIRMWARE_WORDS.keys() == {"bios", "uefi", "secureboot"}
