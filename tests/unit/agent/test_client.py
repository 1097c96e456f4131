"""Answers that a hostile or broken server sends are bounded."""

import gzip
import io
import zlib
from collections.abc import Mapping

import pytest

from cloned.agent import client
from cloned.agent.client import _read_body

CHUNKED = {"transfer-encoding": "chunked"}


def body(data: bytes, headers: Mapping[str, str]) -> bytes:
    return _read_body(io.BytesIO(data), headers)


def test_what_is_well() -> None:
    assert body(b"abcrest", {"content-length": "3"}) == b"abc"
    assert body(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n", CHUNKED) == b"abcde"
    packed = gzip.compress(b"x" * 10_000)
    assert body(packed, {"content-length": str(len(packed)), "content-encoding": "gzip"}) == b"x" * 10_000


@pytest.mark.parametrize(("data", "headers"), [
    (b"", {"content-length": str(1 << 40)}), (b"", {"content-length": "-1"}), (b"", {"content-length": "x"}),
    (b"6\r\nabcdef\r\n" * 3 + b"0\r\n\r\n", CHUNKED), (b"-5\r\nabc", CHUNKED), (b"xyz\r\n", CHUNKED),
    (b"1\r\na\r\n" * 9 + b"0\r\n\r\n", CHUNKED), (b"0\r\n" + b"a: b\r\n" * 200, CHUNKED),
    (gzip.compress(bytes(100)), {"content-length": "23", "content-encoding": "gzip"}),
    (zlib.compress(bytes(5))[:-2], {"content-length": "9", "content-encoding": "gzip"}),
    (b"no gzip", {"content-length": "7", "content-encoding": "gzip"}),
], ids=range(11))  # fmt: skip
def test_what_is_too_much(data: bytes, headers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MOST_BYTES", 16)
    monkeypatch.setattr(client, "_MOST_CHUNKS", 5)
    if headers.get("content-encoding"):
        headers = {**headers, "content-length": str(len(data))}
        monkeypatch.setattr(client, "_MOST_BYTES", 64)
    with pytest.raises((ValueError, ConnectionError)):
        body(data, headers)
