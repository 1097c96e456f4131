import io
import logging

from aiohttp.http_exceptions import BadHttpMessage
from hypothesis import given
from hypothesis import strategies as st

from cloned.quoting import one_line_each, quoted


def test_what_does_not_print_is_named():
    assert quoted("a\nb\x1b[2J\x00\xff\u202e\U000e0001\\") == "a\\nb\\x1b[2J\\x00ÿ\\u202e\\U000e0001\\"
    assert quoted("x" * 99, 5) == "xxxx…"


@given(st.text())
def test_always_one_printable_line(text):
    assert quoted(text).isprintable()
    assert quoted(quoted(text)) == quoted(text)


def logged(write):
    out = io.StringIO()
    handler = one_line_each(logging.StreamHandler(out), "%(levelname)s %(name)s: %(message)s")
    logger = logging.getLogger("aiohttp.server")
    logger.addHandler(handler)
    try:
        write(logger)
    finally:
        logger.removeHandler(handler)
    return out.getvalue()


def test_a_line_feed_in_a_name_forges_no_line():
    text = logged(lambda logger: logger.error("no file %s", "x\nINFO engine: all is well\r\x1b[1A"))
    assert text == "ERROR aiohttp.server: no file x\\nINFO engine: all is well\\r\\x1b[1A\n"


def test_our_own_tracebacks_stay_and_strangers_bytes_make_none():
    def fail(error):
        def write(logger):
            try:
                raise error
            except type(error):
                logger.exception("Error handling request")

        return write

    assert len(logged(fail(ValueError("ours"))).splitlines()) > 3
    assert logged(fail(BadHttpMessage("a\0b"))).count("\n") == 1
