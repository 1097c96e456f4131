"""Where a line of print may break: between words, but never inside what is read as one."""

from __future__ import annotations

import re

_UNITS = (
    "%", "°", "°C", "s", "ms", "min", "h", "d", "x", "mm", "cm", "m", "g", "kg", "W", "kW", "Wh", "kWh", "V", "A", "Hz",
    "MHz", "GHz", "inch", "pouces", "B", "kB", "MB", "GB", "TB", "o", "ko", "Ko", "Mo", "Go", "To", "KiB", "MiB", "GiB",
    "byte", "bytes", "octet", "octets", "b/s", "Mb/s", "Gb/s", "kbit/s", "Mbit/s", "Gbit/s", "MB/s", "Mo/s", "GB/s",
)  # fmt: skip
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_TOGETHER = re.compile(
    rf"""
    (?<=[«(]) [ ]                                # French quotation marks stay with what they hold,
    | [ ] (?=[»:;?!%)])                          # and its signs of two parts with the word before;
    | (?<=\d) [ ] (?=(?:{_UNIT})(?![\w/]))        # a number with its unit,
    | (?<=\d[ ]x) [ ] (?=\d)                      # 1920 x 1080,
    | (?<=\d) [ ] (?=\d{{3}}(?!\d))               # 12 480,
    | (?<=\b[nN]°) [ ] (?=\w)                     # n° 12, nr. 12, no. 12,
    | (?:(?<=\b[nN]r\.) | (?<=\b[nN]o\.)) [ ] (?=\w)
    | (?<=\d) [ ] (?=[^\W\d_]{{3,9}}\.?[ ](?:19|20)\d\d(?!\d))  # 29 novembre 2026: the day,
    | (?<=[^\W\d_]|\.) [ ] (?=(?:19|20)\d\d(?!\d|[ ]x))          # and the year,
    | (?<=\d[ ]h) [ ] (?=\d\d)                    # 1 h 20
    """,
    re.VERBOSE,
)
_HELD = "\ue000"
"""Of the private use area: stands for a space at which no line ends, and is never drawn."""


def words(text: str) -> list[str]:
    """The text as parts between which a line may end; no-break spaces are no ends.

    >>> words("appuyez sur « Retour » : n° 12")
    ['appuyez', 'sur', '« Retour » :', 'n° 12']
    """
    held = _TOGETHER.sub(_HELD, " ".join(re.split(r"[ \t\n]+", text.strip(" \t\n"))))
    return [each.replace(_HELD, " ") for each in held.split(" ") if each]
