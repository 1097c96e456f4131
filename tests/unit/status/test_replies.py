"""In which coding an answer goes out."""

from __future__ import annotations

import pytest

from cloned.status.replies import packing


@pytest.mark.parametrize(
    ("accepted", "how"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("GZIP;q=0.5", "gzip"),
        ("*", "gzip"),
        ("", None),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip; q=0.0, deflate", "deflate"),
        ("gzip;q=0, *", "deflate"),
        ("*;q=0", None),
        ("x-gzip-like", None),
    ],
)
def test_what_is_taken_and_what_is_refused(accepted: str, how: str | None) -> None:
    found = packing(accepted)
    assert (found and found.value) == how
