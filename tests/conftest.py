"""How often hypothesis tries, how long a test may take, and what the collector of garbage leaves alone.

A few times by default; `HYPOTHESIS_PROFILE=thorough` for more (make nightly does); `brief` looks for no smaller example of
what fails (make mutate, where most things do).
"""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, Phase, settings

BUSY = [HealthCheck.too_slow]  # a machine with other things to do is no fault of a strategy

settings.register_profile("quick", max_examples=15, deadline=None, derandomize=True, suppress_health_check=BUSY)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=BUSY)
settings.register_profile(
    "brief", settings.get_profile("quick"), phases=[Phase.explicit, Phase.generate], database=None
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

LONG_SECONDS = 3600
"""Seconds for a test marked slow or nightly; the others have those of pyproject.toml."""


def pytest_collection_finish() -> None:
    """What was imported stays: a tenth of the time would go into looking through it for garbage again and again.

    And most of what a test makes goes by itself: looked for that seldom, garbage costs half of the 10 % that it took.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long ones their time."""
    for item in items:
        if (item.get_closest_marker("slow") or item.get_closest_marker("nightly")) and not item.get_closest_marker(
            "timeout"
        ):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
