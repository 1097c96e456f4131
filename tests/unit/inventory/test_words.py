"""What went wrong on the line is told without the URL, which may carry a key."""

from __future__ import annotations

import pytest
from aiohttp import ClientResponseError, InvalidURL, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from cloned.inventory.sinks.http import words

SECRET = URL("http://hooks.example/T0/secret-key?token=secret-key")
ASKED = RequestInfo(SECRET, "POST", CIMultiDictProxy(CIMultiDict()), SECRET)


@pytest.mark.parametrize("error", [InvalidURL(SECRET), ClientResponseError(ASKED, (), status=400)])
def test_a_url_is_never_repeated(error: Exception) -> None:
    assert "secret-key" in str(error)
    assert "secret-key" not in words(error)
    assert type(error).__name__ in words(error)
