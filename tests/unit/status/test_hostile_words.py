"""What makers, firmware and switches call things comes to a page as text: no markup, no order to turn round, no end."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from cloned.core.events import Booted, Command, Hello
from cloned.core.hello import facts
from cloned.core.snapshot import snapshot
from cloned.languages import CODES, language
from cloned.status.api import RECORDS, WORKSHOP
from cloned.status.pages import Pages
from cloned.status.schema import worded
from cloned.status.work import FLOW, HOUSE, WORK
from tests.unit.core.test_triage import Triaged
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.houses import FakeHouse, flow

NASTY = (
    "<script>alert(1)</script>'\"><img src=x onerror=y>{{7*7}}{detail}%(x)s \x00\x1b[31m\u202egnp.exe\u2066\ud800 \U0001f600"
    " \u05e9\u05dc\u05d5\u05dd e\u0301 " + "A" * 10_000
)
MAC = "02:00:00:00:00:31"


def workshop() -> tuple[dict[str, Any], str]:
    """A laptop all of whose names are so, with a number, a mark and a disk that are."""
    story = Triaged("ask")
    disk = {"path": "/dev/sda", "size": 10**11, "serial": NASTY, "model": NASTY, "eligible": True, "transport": NASTY}
    told = {"serial": NASTY, "vendor": NASTY, "product": NASTY, "cpu": NASTY, "macs": [MAC], "boot_mac": MAC,
            "disks": [disk], "hardware": {"wifi": NASTY, "firmware_version": NASTY}}  # fmt: skip
    found = facts(told)
    story.tell(Booted("t9", found.identity, MAC, "10.0.0.5"))
    story.tell(Hello("t9", found, "10.0.0.5"))
    ident = story.state.boots["t9"].laptop
    assert ident is not None
    story.tell(Command("mark", NASTY[:40], ident, text=NASTY))
    return worded(snapshot(story.state, {}, story.now)), ident


@pytest.mark.parametrize("code", CODES)
async def test_it_is_shown_as_text_on_every_page(code: str) -> None:
    told, ident = workshop()
    fake, words = FakeWorkshop(told), language(code)
    pages = Pages(fake, FakeRecords())
    drawn = {**(await pages.laptop(ident, words)).parts, **(await pages.wall(words)).everything()}
    app: Any = {WORKSHOP: fake, RECORDS: FakeRecords(), HOUSE: FakeHouse(), FLOW: flow()}
    for name in ("laptops", "evening", "switch"):
        drawn[name] = pages.part(name, await WORK[name].gather(app, {}), words).parts["work"]
    whole = "".join(map(str, drawn.values()))
    assert whole.count("&lt;script&gt;") > 4  # it is there, and it is text
    assert not re.search(r"<script|<img", whole)
    assert "{{7*7}}{detail}%(x)s" in html.unescape(whole)  # nothing of it is a place of a template or a message
    assert not [char for char in whole if not char.isprintable() and char not in "\n\t\xa0\u202f"]
    assert "A" * 500 not in whole
