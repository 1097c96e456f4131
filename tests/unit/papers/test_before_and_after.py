"""A laptop with a password, a dead camera and a worn battery: on its page, its sheet and in the inventory, before anything
is written to it and after it was cloned. tests/lab/run/test_evening.py does the same with a laptop in QEMU."""

from __future__ import annotations

import html
import io

import pytest
from pypdf import PdfReader

from cloned.core.events import Command, Finished
from cloned.core.hardware import hardware
from cloned.core.laptop import Laptop, State
from cloned.core.snapshot import snapshot
from cloned.inventory import columns
from cloned.inventory.rows import clean
from cloned.lab.faults import Locked, NoCamera, WornBattery
from cloned.lab.laptops import PARTS
from cloned.languages import Language, language
from cloned.papers.sheet import sheets
from cloned.papers.subject import PrintingSite, of_laptop
from cloned.status.pages import Pages
from cloned.status.schema import worded
from tests.unit.core.test_triage import Triaged
from tests.unit.core.test_trials import workshop
from tests.unit.status.fakes import FakeRecords, FakeWorkshop

BAD = hardware({**PARTS, **Locked.changes, **NoCamera.changes, **WornBattery.changes})
SAID = (
    "Its firmware has a password: ask the donor for it before anything else", "No camera answers",
    "Its battery holds less than half of what it held when new",
)  # fmt: skip


async def page(story: Triaged, ident: str, words: Language) -> str:
    told = worded(snapshot(story.state, {}, story.now))
    drawn = await Pages(FakeWorkshop(told), FakeRecords()).laptop(ident, words)
    return html.unescape(drawn.parts["laptop"]).replace("\xa0", " ")  # no line breaks there; the words are what counts


def sheet(laptop: Laptop, words: Language) -> str:
    made = sheets([of_laptop(laptop)], PrintingSite("Deel IT", "http://cloned.example"), words)
    return " ".join(PdfReader(io.BytesIO(made)).pages[0].extract_text().split())


def entered(story: Triaged, ident: str, job: int) -> str:
    """What a spreadsheet of the inventory says of it."""
    row = clean(story.state.unrecorded[f"{ident}/{job}"]).data
    return "; ".join(map(str, columns.flat(row).values()))


@pytest.mark.parametrize("code", ["en", "fr"])
async def test_all_three_are_told_before_and_after(code: str) -> None:
    words, story = language(code), workshop()
    found = story.comes(BAD)
    assert (found.state, found.triage.grade) == (State.ASKING, "D")
    for job in (0, 1):
        if job:
            story.tell(Command("confirm", "an", found.id, image="school", disk=found.facts.disks[0].key))
            story.clone(found.id)
            story.tell(Finished(found.id, ()))
            assert story.laptop(found.id).state is State.DONE
        shown, paper = await page(story, found.id, words), sheet(story.laptop(found.id), words)
        for said in map(words.say, SAID):
            assert said in shown
            assert said in paper
        assert [said for said in SAID if said not in entered(story, found.id, job)] == []
        assert "28" in paper
