"""Times are typed and shown as people here say them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cloned.errors import UsageError
from cloned.wallclock import moment, shown


def test_what_was_typed_is_what_is_shown() -> None:
    noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    assert shown(moment("21:00", lambda: noon)) == "21:00"


def test_a_time_is_of_the_coming_day() -> None:
    noon = datetime(2026, 11, 22, 12, 0).astimezone().timestamp()
    assert moment("21:00", lambda: noon) == noon + 9 * 3600
    assert moment("11:00", lambda: noon) == noon + 23 * 3600
    assert moment("2026-11-22T13:00", lambda: noon) == noon + 3600
    assert moment(None) == moment("") == 0.0


@pytest.mark.parametrize("wrong", ["soon", "25:00", "-1", float("nan"), float("inf"), [], "9" * 30])
def test_what_is_no_time(wrong: object) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        moment(wrong)


def test_another_day_is_named() -> None:
    then = datetime.now().astimezone() - timedelta(days=2)
    assert shown(then.timestamp()) == shown(then.isoformat()) == then.strftime("%Y-%m-%d %H:%M")
    assert shown(None) == ""
