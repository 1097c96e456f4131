"""Code 128: another's reader understands what we draw."""

import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cloned.papers.codes import code128


def read(widths: str) -> str:
    bars = [place % 2 == 1 for place, width in enumerate(widths, 0) for _ in range(int(width) * 2)]
    line = [True] * 24 + bars + [True] * 24
    image = Image.new("L", (len(line), 30))
    image.putdata([255 if white else 0 for white in line] * 30)
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.Code128)
    return found[0].text if found else ""


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20).filter(str.strip))
def test_any_tag_is_read_back(text: str) -> None:
    widths = code128(text)
    assert widths is not None
    assert read(widths) == text


@given(st.from_regex(r"[A-Z]{0,3}-?[0-9]{1,12}(-[0-9]{2,8})?", fullmatch=True))
def test_runs_of_digits_are_read_back_and_save_room(text: str) -> None:
    widths = code128(text)
    assert widths is not None
    assert read(widths) == text
    assert sum(map(int, widths)) <= 11 * (len(text) + 2) + 13


def test_what_it_has_no_signs_for_is_refused() -> None:
    for text in ("", "é", "a\n", "x" * 41, "\x7f"):
        assert code128(text) is None
