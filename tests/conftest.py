"""How often hypothesis tries: a few times by default, `HYPOTHESIS_PROFILE=thorough` for more (make nightly does)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

BUSY = [HealthCheck.too_slow]  # a machine with other things to do is no fault of a strategy

settings.register_profile("quick", max_examples=15, deadline=None, derandomize=True, suppress_health_check=BUSY)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=BUSY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
