"""What stands on the keys of a laptop, row by row: codes of Linux (input-event-codes.h) and what is printed on them.

Places are the same everywhere; only what is printed differs. Keys that many laptops do not have are drawn and light up,
and nobody misses them.
"""

from __future__ import annotations

from collections.abc import Mapping

ROWS: tuple[tuple[int, ...], ...] = (
    (1, *range(59, 69), 87, 88, 111),
    (41, *range(2, 14), 14),
    (15, *range(16, 28), 28),
    (58, *range(30, 41), 43),
    (42, 86, *range(44, 54), 54),
    (29, 125, 56, 57, 100, 97, 105, 103, 108, 106),
)
_NAMED = {
    1: "Esc", 14: "<--", 15: "Tab", 28: "Enter", 58: "Caps", 42: "Shift", 54: "Shift", 29: "Ctrl", 97: "Ctrl",
    56: "Alt", 100: "AltGr", 125: "Win", 57: "     ", 111: "Del", 103: "^", 105: "<", 106: ">", 108: "v",
    87: "F11", 88: "F12",
    **{58 + number: f"F{number}" for number in range(1, 11)},
}  # fmt: skip
_LETTERS: Mapping[str, tuple[str, str, str, str, str]] = {
    "us": ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "\\", "zxcvbnm,./"),
    "nl": ("@1234567890/°", "qwertyuiop¨*", "asdfghjkl+\u00b4", "<", "zxcvbnm,.-"),
    "be": ("²&é\"'(§è!çà)-", "azertyuiop^$", "qsdfghjklmù", "µ", "wxcvbn,;:="),
    "fr": ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù", "*", "wxcvbn,;:!"),
}
LAYOUTS = tuple(_LETTERS)
_PLACES = ((41, *range(2, 14)), range(16, 28), range(30, 41), (43,), range(44, 54))
_OPTIONAL = frozenset({97, 125, 111, 87, 88, 43, 86, 100, 58, *range(59, 69)})
_WITHOUT_102ND = frozenset({"us"})
"""Layouts without the key beside the left shift."""


def printed(layout: str) -> dict[int, str]:
    """Code → what stands on the key, for a layout that is known."""
    letters = _LETTERS[layout]
    found = {
        code: sign
        for places, signs in zip(_PLACES, letters, strict=True)
        for code, sign in zip(places, signs, strict=True)
    }
    return {**_NAMED, **({} if layout in _WITHOUT_102ND else {86: "<" if layout != "nl" else "]"}), **found}


def expected(layout: str) -> frozenset[int]:
    """Codes of the keys that must answer."""
    more = frozenset({43}) if layout in ("be", "fr", "us") else frozenset()
    return frozenset(printed(layout)) - (_OPTIONAL - more - (frozenset() if layout in _WITHOUT_102ND else {86}))


def drawing(layout: str, pressed: frozenset[int], held: frozenset[int] = frozenset()) -> list[str]:
    """Lines: keys that answered in reverse, those that are held down now underlined as well."""
    names = printed(layout)
    return [
        "  ".join(_key(names[code], code in pressed, code in held) for code in row if code in names) for row in ROWS
    ]


def _key(name: str, lit: bool, held: bool) -> str:
    marks = ("\x1b[7m" if lit else "") + ("\x1b[4m" if held else "")
    return f"{marks} {name} \x1b[0m" if marks else f"[{name}]"
