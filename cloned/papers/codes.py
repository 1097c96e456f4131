"""Codes that scanners read: Code 128 (ISO/IEC 15417) for the tag, QR (ISO/IEC 18004) for the laptop's page."""

from __future__ import annotations

import re
from itertools import groupby

import segno

from cloned.papers.document import Document
from cloned.papers.media import Box

_START_B, _START_C = 104, 105
_TO_C, _TO_B = 99, 100
QUIET_BARS = 10
"""Modules of white that Code 128 needs on each side."""
QUIET_QR = 4
"""Modules of white that a QR code needs around it."""
_DOTS = (0.375, 0.25, 0.2117, 0.1693)
"""Widths in mm of a bar of whole dots: three and two at 203 dpi, then at 300 and 600 dpi."""
_SYMBOLS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222"
    "123122123221223211221132221231213212223112312131311222321122321221312212322112322211212123212321"
    "232121111323131123131321112313132113132311211313231113231311112133112331132131113123113321133121"
    "313121211331231131213113213311213131311123311321331121312113312311332111314111221411431111111224"
    "111422121124121421141122141221112214112412122114122411142112142211241211221114413111241112134111"
    "111242121142121241114212124112124211411212421112421211212141214121412121111143111341131141114113"
    "114311411113411311113141114131311141411131211412211214211232"
)
"""Bars and spaces of symbols 0 to 105 in modules, six digits each (ISO/IEC 15417, table 1)."""
_STOP = "2331112"


def code128(text: str) -> str | None:
    """Widths of bars and spaces in turn, as digits; None for a text that Code 128 has no signs for."""
    if re.fullmatch(r"[ -~]{1,40}", text) is None:
        return None
    values = _values(text)
    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    return "".join(_SYMBOLS[6 * value : 6 * value + 6] for value in (*values, check)) + _STOP


def _values(text: str) -> list[int]:
    """Symbols of the text: two digits in one where a run of them is long enough to pay for the change."""
    values: list[int] = []
    parts = re.findall(r"\d+|\D+", text)
    for place, part in enumerate(parts):
        pays = part.isdigit() and len(part) >= (4 if place in (0, len(parts) - 1) else 6)
        odd = len(part) % 2 if pays else len(part)
        single, pairs = (part[:odd], part[odd:]) if pays else (part, "")
        if single:
            values += _switch(values, _START_B, _TO_B) + [ord(char) - 32 for char in single]
        if pairs:
            values += _switch(values, _START_C, _TO_C) + [int(pairs[at : at + 2]) for at in range(0, len(pairs), 2)]
    return values


def _switch(values: list[int], start: int, change: int) -> list[int]:
    """What begins a set of signs here: nothing where it is in force already."""
    if not values:
        return [start]
    marks = [value for value in values if value in (_START_B, _START_C, _TO_B, _TO_C)]
    return [] if marks[-1] in (start, change) else [change]


def bars(paper: Document, text: str, box: Box) -> bool:
    """Draw a text as Code 128 into a box, its quiet zones inside it; False where it does not fit."""
    widths = code128(text)
    if widths is None:
        return False
    modules = sum(map(int, widths))
    module = next((dot for dot in _DOTS if (modules + 2 * QUIET_BARS) * dot <= box.width), None)
    if module is None:
        return False
    at, boxes = 0, []
    for place, width in enumerate(map(int, widths)):
        if place % 2 == 0:
            boxes.append((at, 0, width, box.height / module))
        at += width
    with paper.tagged("Figure", spoken=text):
        paper.fill(boxes, box.x + (box.width - modules * module) / 2, box.y, module)
    return True


def qr(paper: Document, text: str, box: Box) -> None:
    """Draw a QR code against the right side of a square, its quiet zone inside it.

    Of as few modules as the text allows, then with as much correction as these hold: large modules scan best.
    """
    code = segno.make_qr(text, error="l", boost_error=True)
    rows = [bytes(row) for row in code.matrix]
    module = min(box.width, box.height) / (len(rows) + 2 * QUIET_QR)
    boxes = []
    for line, row in enumerate(rows):
        at = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                boxes.append((at, line, length, 1))
            at += length
    with paper.tagged("Figure", spoken=text):
        paper.fill(boxes, box.x + box.width - (len(rows) + QUIET_QR) * module, box.y + QUIET_QR * module, module)
