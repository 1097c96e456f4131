"""The rules of the inventory's housekeeping."""

from datetime import UTC, datetime

import pytest

from cloned.config import Config
from cloned.errors import UsageError
from cloned.inventory.service import limits_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keep", "limits"),
    [
        ({}, {}), ({"erasure": "ever"}, {}), ({"done": "10d"}, {"done": "2026-11-19T12:00:00"}),
        ({"failed": "1w", "erasure": "2d"}, {"failed": "2026-11-22T12:00:00", "erasure": "2026-11-27T12:00:00"}),
    ],
)  # fmt: skip
def test_nothing_goes_but_what_the_configuration_lets_go_and_erasures_last(keep, limits):
    assert limits_of(Config.model_validate({"ledger": {"keep": keep}}), NOW) == limits


def test_a_length_that_is_none_is_refused():
    with pytest.raises((ValueError, UsageError)):
        Config.model_validate({"ledger": {"keep": {"erasure": "never"}}})
