"""Port bases rest for a day, and a session's lie side by side."""

from cloned.core.portbases import FIRST, LAST, REST_SECONDS, STEP, Given, free_base


def test_none_is_given_out_again_within_a_day() -> None:
    given = [Given(FIRST, 3, 1000.0)]
    assert free_base(given, 2, 1001.0) == FIRST + 3 * STEP
    assert free_base(given, 2, 1000.0 + REST_SECONDS) == FIRST


def test_a_run_fits_between_two_others_or_goes_behind_them() -> None:
    given = [Given(FIRST, 1, 5.0), Given(FIRST + 3 * STEP, 1, 5.0)]
    assert free_base(given, 2, 6.0) == FIRST + STEP
    assert free_base(given, 3, 6.0) == FIRST + 4 * STEP


def test_there_is_an_end_to_them() -> None:
    given = [Given(FIRST, (LAST - FIRST) // STEP, 5.0)]
    assert free_base(given, 1, 6.0) == LAST
    assert free_base(given, 2, 6.0) is None


def test_a_clock_that_was_set_back_frees_nothing() -> None:
    assert free_base([Given(FIRST, 1, 1e12)], 1, 5.0) == FIRST + STEP
