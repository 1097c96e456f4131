"""French as it is set: no line of a page begins with a sign of two parts, or ends with a quotation mark that opens."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloned.languages import language
from cloned.status.api import RECORDS, WORKSHOP
from cloned.status.pages import Pages
from cloned.status.speech import unbroken
from cloned.status.work import FLOW, HOUSE, WORK
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.houses import FakeHouse, flow
from tests.unit.test_spoken import read

BREAKS = re.compile("\u00ab | [\u00bb:;?!%](?=\\s|$)")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("« Retour » : là ?", "«~Retour~»~: là~?"),
        ("84 % ; oui !", "84~%~; oui~!"),
        ("il est à http://10.0.0.1:80", "il est à http://10.0.0.1:80"),
        ("une option :x", "une option :x"),
    ],
)
def test_its_signs_stay_with_their_words(text: str, wanted: str) -> None:
    assert unbroken(text) == wanted.replace("~", "\xa0")


@pytest.mark.parametrize("name", [*WORK, "wall", "laptop"])
async def test_no_page_in_french_breaks_a_line_before_them(name: str) -> None:
    workshop, records, french = FakeWorkshop(), FakeRecords(), language("fr")
    pages = Pages(workshop, records)
    app: Any = {WORKSHOP: workshop, RECORDS: records, HOUSE: FakeHouse(), FLOW: flow()}
    if name in WORK:
        drawn = pages.part(name, await WORK[name].gather(app, {}), french).parts
    elif name == "wall":
        drawn = (await pages.wall(french)).parts
    else:
        drawn = (await pages.laptop("00000009", french)).parts
    texts = [text for part in drawn.values() for text in read(str(part))]
    assert [text for text in texts if BREAKS.search(text)] == []


async def test_other_languages_are_left_as_they_are() -> None:
    drawn = (await Pages(FakeWorkshop(), FakeRecords()).wall(language("nl"))).parts
    assert "\xa0:" not in "".join(map(str, drawn.values()))
