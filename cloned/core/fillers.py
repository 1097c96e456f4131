"""Placeholders: what firmware says where its maker typed in nothing.

Lists of them never end, so rules come before lists: digits that count or repeat, Dell's empty service tag. And no list
is relied upon: `evidence.py` weighs what a laptop says of itself against its cards and disks.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

_WORDS = (
    r"to be (filled|defined|set).*",
    r"(please )?(fill|enter)\b.*",
    r"default( string)?",
    r"system ?(serial|product|manufacturer|sku).*",
    r"chassis ?serial.*",
    r"not[ _-]?(specified|available|applicable|present|settable|defined|set|used|filled|programmed).*",
    r"\(?(none|null|nil)( string)?\)?",
    r"n\.?/?a\.?",
    r"unknow\w*",
    r"(customer|manufacturer|vendor|model|product)( ?(serial|name|number).*)?",
    r"0x0+",
    r"undefined|unspecified|invalid\w*|empty|blank|reserved|standard|string|change ?me|temp|tbd|todo",
    r"o\.?e\.?m\.?([ _-]?(serial|string|product|sku)\w*)?",
    r"base ?board.*",
    r"(your|the|my|no|any)[ _-]?serial.*",
    r"s/?n",
    r"(oem[ _]?)?serial([ _-]?(no\.?|num\w*))? ?\W*",
    r"sernum.*",
    r"sku.*",
    r"type\d+.*",
    r"(eval|test|sample|demo|insyde|dummy)\w*",
    r"(no )?asset.*",
    r"filled by.*",
    r"0?123456789.*",
    r"(?P<one>.)(?P=one)*",
    r"\W*",
)
"""What makers type, or leave, where a serial number belongs: the whole of it."""
_LATER = (
    r"default[ _-].*",
    r"not[ _-]?provided.*",
    r"[(<\[]?(none|null|nil)( string| specified| defined)?[)>\]]?\.?",
    r"n\.?[/\\]?a\.?",
    r"0xf+",
    r"un(set|initiali[sz]ed|programmed)|tbd[ _-].*|missing|place[ _-]?holder|generic|internal|qwerty\w*",
    r"(pc|computer|notebook|laptop|desktop|tablet)[ _-]?(serial|s/?n).*",
    r"o\.?e\.?m\.?[ _-](chassis|default).*",
    r"(s/?n|ser(ial)?)?[ _-]?(no\.?|num\w*)?\W*(0*|x+)",
    r"(s/?n|serial)\W*1234\d*",
)
"""The same, found since. Asked of what comes in, never of what was kept: a journal that is gone through again, years
later, must find the same laptops. So new ones belong here, and the others stay as they are."""
_FILLER, _FOUND_SINCE = (
    re.compile("|".join(f"(?:{word})" for word in words), re.IGNORECASE) for words in (_WORDS, _LATER)
)
CACHED = 16384
"""Answers kept: all laptops are looked through whenever one arrives."""
_COUNTING = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RUN = 8
"""So many signs that count one up or down each, one after the other, are no chance."""
_FEW = 4
"""A UUID of so few different digits is no chance either (1 in 10^16)."""
_BYTES = 6
"""So many bytes with one and the same step from each to the next."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DELL = re.compile(r"(?:4c4c4544-00(..)-(..)10|44454c4c-(..)00-10(..))-80(..)-(..)c04f(..)(..)(..)")
"""Dell puts its service tag into the UUID: seven signs around `10-80` and `c04f`, the fourth with its top bit set."""
_FILLER_UUIDS = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "12345678-90ab-cdef-1234-567890abcdef",
        "01234567-8910-1112-1314-151617181920",
        "deadbeef-dead-beef-dead-beefdeadbeef",
        "d2ef1b7c-9d2c-4f0a-9c3c-000000000000",
    }
)
_FILLER_MACS = frozenset(
    {
        "00:e0:4c:00:00:01", "00:e0:4c:68:00:00", "00:e0:4c:68:00:01", "00:e0:4c:36:00:01", "88:88:88:88:87:88",
        "de:ad:be:ef:00:01",
    }
)  # fmt: skip


def usable_text(text: str) -> bool:
    """Whether a serial number or product name that comes in says anything: not a vendor's placeholder."""
    return says_text(text) and _FOUND_SINCE.fullmatch(text.strip()) is None


@lru_cache(CACHED)
def says_text(text: str) -> bool:
    """The same of one that was kept, by the rules that stood from the beginning."""
    text = text.strip()
    if _FILLER.fullmatch(text) is not None:
        return False
    signs = re.sub(r"[^0-9a-z]", "", text.lower())
    return not (counts(signs) or (len(signs) > 3 and _is_run(signs)) or _repeats(signs))


def counts(signs: str) -> bool:
    """Whether eight or more digits in it count up or down, each by one (0 comes after 9)."""
    return any(_is_run(signs[at : at + _RUN]) for at in range(len(signs) - _RUN + 1))


def _is_run(signs: str) -> bool:
    for row in (_COUNTING * 2, _LETTERS, "0123456789abcdef"):
        if len(signs) <= len(row) and (signs in row or signs[::-1] in row):
            return True
    return False


def _repeats(signs: str) -> bool:
    """Whether it is one or two signs again and again, such as `1212121212` or `abababab`."""
    return len(signs) >= 6 and any(signs == (signs[:step] * len(signs))[: len(signs)] for step in (1, 2))


def usable_uuid(text: str) -> bool:
    """Whether an SMBIOS UUID that comes in can identify: well formed, and not what is there where nobody set one."""
    text = text.strip().lower()
    if not says_uuid(text):
        return False
    tag = _dell_tag(text)
    both = (text.replace("-", ""), swapped(text).replace("-", ""))
    return usable_text(tag or "a tag") and not any(each in (each[:8] * 4, each[:16] * 2) for each in both)


@lru_cache(CACHED)
def says_uuid(text: str) -> bool:
    """The same of one that was kept, by the rules that stood from the beginning."""
    text = text.strip().lower()
    if _UUID.fullmatch(text) is None or text in _FILLER_UUIDS or not (_dell_tag(text) or "7").isalnum():
        return False
    digits = text.replace("-", "")
    if len(set(digits)) <= _FEW or counts(digits) or all(len(set(part)) == 1 for part in text.split("-")):
        return False
    return not (_steps(digits) or _steps(swapped(text).replace("-", "")))


def _dell_tag(text: str) -> str:
    """The service tag in a Dell's UUID, seven signs; empty where it is none of Dell's."""
    found = _DELL.fullmatch(text)
    return "".join(chr(int(each, 16) & 0x7F) for each in found.groups() if each is not None) if found else ""


def _steps(digits: str) -> bool:
    """Whether many bytes on end go on by one and the same step, none included."""
    numbers = bytes.fromhex(digits)
    steps = [(after - before) & 0xFF for before, after in itertools.pairwise(numbers)]
    return any(len(set(steps[at : at + _BYTES])) == 1 for at in range(len(steps) - _BYTES + 1))


def swapped(uuid: str) -> str:
    """A UUID with its first three fields in the other byte order: before SMBIOS 2.6 each program chose its own."""
    parts = uuid.split("-")
    turned = [bytes.fromhex(part)[::-1].hex() for part in parts[:3]]
    return "-".join([*turned, *parts[3:]])


@lru_cache(CACHED)
def usable_mac(mac: str) -> bool:
    """Whether a MAC address tells cards apart: not one that a maker leaves in every card."""
    numbers = bytes.fromhex(mac.replace(":", ""))
    steps = {(after - before) & 0xFF for before, after in itertools.pairwise(numbers)}
    return mac not in _FILLER_MACS and len(steps) > 1 and any(numbers[:3]) and any(numbers[3:])
