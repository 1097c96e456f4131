"""Which language a page speaks: as `?lang` says, which a cookie keeps; else the browser's; else the workshop's."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from cloned.assets import root
from cloned.languages import CODES, Language, best, filled, language
from cloned.status.compiled import CompiledTemplates

WORKSHOPS = web.AppKey[Callable[[], str]]("language")
"""The workshop's own language, as the configuration in force has it."""
COOKIE = "cloned_lang"
KEPT_SECONDS = 400 * 86400
"""As long as browsers keep a cookie at most (RFC 6265bis)."""


def spoken(request: web.Request) -> Language:
    """What whoever sent this request reads."""
    for code in (request.query.get("lang"), request.cookies.get(COOKIE)):
        if code in CODES:
            return language(code)
    return language(best(request.headers.get("Accept-Language", ""), request.app[WORKSHOPS]()))


def keep(request: web.Request, response: web.Response) -> web.Response:
    """The response, with a cookie where its address names a language: the next page is then in it too."""
    code = request.query.get("lang")
    if code in CODES and request.cookies.get(COOKIE) != code:
        response.set_cookie(COOKIE, code, max_age=KEPT_SECONDS, samesite="Lax", secure=request.secure, path="/")
    return response


COMPILED = CompiledTemplates()
"""Those of all languages."""


def environment(words: Language, version: str) -> Environment:
    """Templates that speak one language: `_`, `ngettext` and `pgettext`, and filters for sentences, times and sizes."""
    jinja = Environment(
        loader=FileSystemLoader(root("web") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        bytecode_cache=COMPILED,
    )
    jinja.newstyle_gettext = True  # type: ignore[attr-defined]
    jinja.globals |= _messages(words) | {
        "version": version,
        "words": words,
        "languages": [language(each) for each in CODES],
        "colon": unbroken(" :") if words.code == "fr" else ":",
    }
    jinja.filters |= {
        "say": _say(words),
        "number": words.number,
        "day": words.day,
        "duration": lambda seconds: "" if seconds is None else words.seconds(seconds),
        "size": lambda count: words.size(count or 0),
        "clock": lambda at, seconds=True: words.when(at, seconds),
    }
    return jinja


_FRENCH = re.compile(r"(?<=\u00ab) | (?=(?:[\u00bb:;?!]|%%?)(?:[\s.,)]|$))")


def unbroken(text: str) -> str:
    """French with no-break spaces inside its quotation marks and before its signs of two parts."""
    return _FRENCH.sub("\u00a0", text)


def _typeset(words: Language) -> Callable[[str], str]:
    """What a language does to its texts before a browser breaks their lines."""
    return unbroken if words.code == "fr" else str


def _say(words: Language) -> Callable[[str], str]:
    """A sentence that came from elsewhere, as a filter."""
    typeset = _typeset(words)

    def say(sentence: str) -> str:
        return typeset(words.say(sentence))

    return say


def _messages(words: Language) -> dict[str, object]:
    """As Jinja's own, but that a translation which does not fit costs its words and not the page."""

    typeset = _typeset(words)

    def gettext(text: str, **values: object) -> Markup:
        return _html(typeset(words.catalogue.gettext(text)), text, values)

    def ngettext(one: str, many: str, num: int, **values: object) -> Markup:
        english = one if num == 1 else many
        return _html(typeset(words.catalogue.ngettext(one, many, num)), english, {"num": words.number(num), **values})

    def pgettext(context: str, text: str, **values: object) -> Markup:
        return _html(typeset(words.catalogue.pgettext(context, text)), text, values)

    return {"gettext": gettext, "ngettext": ngettext, "pgettext": pgettext}


def _html(text: str, english: str, values: dict[str, object]) -> Markup:
    return filled(escape(text), escape(english), values)
