"""What a bar code scanner typed: the name of a laptop, whatever was scanned and however its keyboard is set. Pure.

A scanner types key positions of the country it is set to, US as delivered. On a computer with a Belgian or French
keyboard the digits then arrive as `à&é"'(§è!ç` and some letters change places. A text of such signs is put back.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from cloned.core.ids import normal_mac
from cloned.core.laptop import Laptop
from cloned.core.naming import find_laptop
from cloned.core.refusals import Refusal
from cloned.core.workshop import Workshop

LONGEST = 500
"""Characters of a scan that are looked at."""
_US = "1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"|ZXCVBNM<>? "
_BELGIAN = "&é\"'(§è!çà)-azertyuiop^$qsdfghjklmùµwxcvbn,;:=1234567890°_AZERTYUIOP¨*QSDFGHJKLM%£WXCVBN?./+ "
_FRENCH = "&é\"'(-è_çà)=azertyuiop^$qsdfghjklmù*wxcvbn,;:!1234567890°+AZERTYUIOP¨£QSDFGHJKLM%µWXCVBN?./§ "
_LAYOUTS = tuple(str.maketrans(typed, _US) for typed in (_BELGIAN, _FRENCH))
_DIGITS = frozenset("&é\"'(§è!çà")
"""Signs that stand for digits on these keyboards without shift; the French `-` and `_` are found beside others."""


def scanned(text: str) -> tuple[str, ...]:
    """What may have been meant, the likeliest first: a tag, serial, MAC, id or number; nothing for an empty scan."""
    text = "".join(char for char in text[:LONGEST] if char.isprintable()).strip()
    if not text:
        return ()
    typed = [text, *_put_back(text)] if _plain(text) else [*_put_back(text), text]
    return tuple(dict.fromkeys(name for each in typed for name in _names(each) if name))


def _plain(text: str) -> bool:
    """Whether it can be what was on the sticker: it has digits, or none of the signs that stand for them."""
    return any(char.isdigit() for char in text) or not _DIGITS & set(text)


def _put_back(text: str) -> list[str]:
    """The text as each keyboard would have made it of a US scanner's keys, where all its signs can be so."""
    found = []
    for layout in _LAYOUTS:
        if all(ord(char) in layout for char in text):
            found.append(text.translate(layout))
    return found


def _names(text: str) -> tuple[str, ...]:
    """A name out of an address of a laptop's page, or the text itself; before it what may be a MAC, in our spelling."""
    if re.match(r"https?://", text, re.IGNORECASE):
        found = re.search(r"/laptops/([^/]+)", urlsplit(text).path)
        return (unquote(found[1]).strip(),) if found else ()
    text = text.removeprefix("S/N").removeprefix(":").strip() if text.startswith("S/N") else text
    digits = re.fullmatch(r"[0-9A-Fa-f]{2}([:. -]?[0-9A-Fa-f]{2}){5}", text)
    return (normal_mac(text), text) if digits else (text,)


def find_scanned(workshop: Workshop, text: str) -> Laptop | Refusal:
    """The laptop that was scanned; else the refusal for what was most likely meant.

    A code of twelve hexadecimal digits may be a MAC or a tag, so both are looked for.
    """
    meant = scanned(text)
    first: Refusal | None = None
    for name in (*meant, text.strip()[:LONGEST]):
        found = find_laptop(workshop, name)
        if isinstance(found, Laptop):
            return found
        first = first or found
    assert first is not None
    return first
