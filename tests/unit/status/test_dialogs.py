"""What stands in a dialog, and what it says to whoever may not."""

from __future__ import annotations

import html
import json
import re

from markupsafe import Markup

from cloned.core.verbs import Role
from cloned.languages import language
from cloned.saying import Phrase
from cloned.status.pages import _environment


def test_what_a_dialog_shows_as_text_is_not_escaped_for_html() -> None:
    template = '{% from "macros.html" import act %}{{ act("x", {"do": "retry", "target": "1"}, "t", lines=[told], choose=chosen) }}'
    told = Markup("l&#39;un &lt;b&gt; l&#39;autre")  # as a macro gives it
    chosen = {"disk": {"words": told, "options": [["eui.1", told]], "chosen": None}}
    jinja = _environment(language("fr"), "")
    shown = jinja.from_string(template).render(told=told, chosen=chosen, colon=" :")
    attributes = {
        name: json.loads(html.unescape(value)) for name, value in re.findall(r'data-(lines|choose)="(.*?)"', shown)
    }
    assert attributes["lines"] == ["l'un <b> l'autre"]
    assert attributes["choose"]["disk"]["options"] == [["eui.1", "l'un <b> l'autre"]]


def test_whoever_may_not_is_told_so_in_one_language() -> None:
    told = Phrase("{who} may not do this", who=Phrase(Role.VOLUNTEER.article))
    assert [language(code).say(told) for code in ("nl", "fr")] == [
        "een vrijwilliger mag dit niet",
        "un bénévole ne peut pas faire cela",
    ]
