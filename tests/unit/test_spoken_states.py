"""Laptops in every state of an evening with erasures, tests and triage, as the real workshop leaves them: no word of their
page, of the pages of work, of the laptop's own screen and of the papers is English in a language of brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from cloned.agent import screen, spoken
from cloned.core.evening import board
from cloned.core.events import Command, Finished, SwitchChanged, TrialTold
from cloned.core.hardware import MemorySlot
from cloned.core.laptop import State
from cloned.core.orders import order
from cloned.core.snapshot import snapshot
from cloned.core.triage import Course, TriageRule
from cloned.core.triage_shipped import SHIPPED
from cloned.core.trial_result import AttendedName, Trial, TrialName, TrialResult
from cloned.core.workshop import Workshop
from cloned.disk import erase_machine as machine
from cloned.disk.erase_record import ErasureFault
from cloned.languages import bracketed
from cloned.papers.evening import summary
from cloned.papers.label import OF, labels
from cloned.papers.media import MEDIA
from cloned.papers.overview import overview
from cloned.papers.sheet import sheets
from cloned.papers.subject import PrintingSite, of_laptop
from cloned.saying import Phrase
from cloned.status.api import RECORDS, WORKSHOP
from cloned.status.pages import Pages
from cloned.status.schema import worded
from cloned.status.work import FLOW, HOUSE, WORK
from tests.unit.core.test_erasing import Shop
from tests.unit.core.test_triage import GOOD, LOCKED, Triaged
from tests.unit.core.test_trials import workshop
from tests.unit.status.fakes import FakeRecords, FakeWorkshop
from tests.unit.status.houses import FakeHouse, flow
from tests.unit.test_spoken import MONTHS, read, words_outside

TOLD = frozenset(
    f"{MONTHS} dell inc latitude probook big old pf pro clonezilla school nvme sata uefi bios usb smart wwn mac mbit ann "
    "xlsx pdf min and intel dev sda nvme0n1 bat fan tool clk png cloned pin snipe printer page room files import directory "
    "cloned toml etc gent image nvram deel http example qr".split()
)
"""What laptops, people and settings of these tests are called: nothing of it is a state, a result or a reason."""
ALL_TESTS = tuple(map(str, TrialName)) + tuple(map(str, AttendedName))


def erasing() -> Workshop:
    shop = Shop()
    shop.boot()
    assert shop.erase("N1", "S1") is None
    shop.record(machine.starting(shop.disk("N1"), ("tool 1",)))
    return shop.state


def erased() -> Workshop:
    shop = Shop()
    shop.boot()
    assert shop.erase("N1", "S1") is None
    shop.carry_out("N1")
    assert shop.carry_out("S1").state is State.ERASED
    return shop.state


def not_erased(fault: ErasureFault) -> Callable[[], Workshop]:
    def made() -> Workshop:
        shop = Shop()
        shop.boot()
        assert shop.erase("N1", "S1") is None
        shop.carry_out("N1")
        shop.record(machine.fail(shop.disk("S1"), fault, Phrase("it did not end within {seconds} s", seconds=9)))
        return shop.state

    return made


def asked_to_erase() -> Workshop:
    shop = Shop()
    shop.boot(wants="erase")
    return shop.state


def having(result: str, attended: bool = False) -> Callable[[], Workshop]:
    def made() -> Workshop:
        story: Triaged = workshop("ask", tests=ALL_TESTS if attended else tuple(map(str, TrialName)))
        story.tell(SwitchChanged(8, "", 1000))
        found = story.comes()
        story.tell(Command("confirm", "Ann", found.id, image="school", disk=found.facts.disks[0].key))
        story.clone(found.id)
        story.tell(Finished(found.id, ()))
        if result:
            for name in map(str, TrialName):
                why = Phrase("{count} {count:key does|keys do} not answer: {names}", count=1, names="K")
                told = Trial(name, TrialResult(result), why if result == "failed" else "", 30.0, story.now)
                story.tell(TrialTold(found.id, told))
        return story.state

    return made


def judged(rule: TriageRule | None = None, locked: bool = False, small: bool = False) -> Callable[[], Workshop]:
    def made() -> Workshop:
        story = Triaged("ask", rules=(rule,) if rule else SHIPPED)
        story.tell(SwitchChanged(8, "", 1000))
        story.comes(LOCKED if locked else replace(GOOD, slots=(MemorySlot("A", 2 * 2**30),)) if small else GOOD)
        return story.state

    return made


def ruled(course: Course) -> Callable[[], Workshop]:
    return judged(TriageRule("school", (("memory_below_gb", 4),), course, "", "D"), small=True)


STORIES: dict[str, Callable[[], Workshop]] = {
    "erasing": erasing,
    "erased": erased,
    "asked to erase": asked_to_erase,
    "not erased": not_erased(ErasureFault.GONE),
    "tests running": having(""),
    "tests failed": having("failed"),
    "tests passed": having("passed"),
    "tests left": having("skipped"),
    "waits for two minutes": having("passed", attended=True),
    "triage asks": judged(locked=True),
    "triage: clone, small": judged(small=True),
    **{f"triage: {course}": ruled(course) for course in Course},
}


def shown(state: Workshop) -> Any:
    return snapshot(state, {}, 1500.0)


def english(texts: Iterable[str]) -> set[str]:
    """Words that nobody translated and nobody told; an address and the hash of these tests' image are none."""
    plain = (re.sub(r"https?://\S+", " ", text) for text in texts)
    return {word for word in words_outside(plain) - TOLD if len(set(word)) > 1}


def left(html: str) -> set[str]:
    return english(read(html))


@pytest.mark.parametrize("fault", ErasureFault)
async def test_no_word_of_why_it_was_not_erased_is_english(fault: ErasureFault) -> None:
    fake = FakeWorkshop(worded(shown(not_erased(fault)())))
    (laptop,) = fake.state["laptops"]
    assert laptop["erasure"]["disks"][1]["fault"] == str(fault)
    assert left((await Pages(fake, FakeRecords()).laptop(laptop["id"], bracketed())).parts["laptop"]) == set()


@pytest.mark.parametrize("story", STORIES)
async def test_no_word_of_its_pages_is_english(story: str) -> None:
    state = STORIES[story]()
    fake = FakeWorkshop(worded(shown(state)))
    pages, brackets = Pages(fake, FakeRecords()), bracketed()
    (ident,) = state.laptops
    assert left((await pages.laptop(ident, brackets)).parts["laptop"]) == set()
    for name, part in (await pages.wall(brackets)).everything().items():
        assert (name, left(str(part)) if name != "version" else set()) == (name, set())
    app: Any = {WORKSHOP: fake, RECORDS: FakeRecords(), HOUSE: FakeHouse(), FLOW: flow()}
    for name in ("laptops", "sessions", "evening", "switch"):
        html = pages.part(name, await WORK[name].gather(app, {}), brackets).parts["work"]
        assert (name, left(html)) == (name, set())


@pytest.mark.parametrize("story", STORIES)
def test_no_word_of_its_own_screen_is_english(story: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Brackets(dict[str, str]):
        def get(self, message: str, otherwise: Any = "") -> Any:
            return bracketed().say(message) if message else otherwise

    monkeypatch.setattr(spoken, "_PACKED", Brackets())
    state = STORIES[story]()
    (laptop,) = state.laptops.values()
    told = order(state, laptop)
    told["screen"] = [bracketed().say(line) for line in told.get("screen", [])]
    report = {"state": "erasing" if laptop.state is State.ERASING else "waiting", "test": "memory", "disks": []}
    assert english([" ".join(screen.compose(told, report))]) == set()


def left_on(paper: bytes) -> set[str]:
    said = " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(paper)).pages).split())
    return words_outside([re.sub(r"http://\S+|[a ]{16,}", " ", said)]) - TOLD  # its address, its image's hash


SITE = PrintingSite("Deel IT", "http://cloned.example")


@pytest.mark.parametrize("story", STORIES)
def test_no_word_of_its_papers_is_english(story: str) -> None:
    state, brackets = STORIES[story](), bracketed()
    (laptop,) = state.laptops.values()
    subject = replace(of_laptop(laptop), tag="DM-1")
    assert left_on(sheets([subject], SITE, brackets)) == set()
    assert left_on(labels([subject], MEDIA["62"], SITE, brackets)) == set()
    assert left_on(overview([subject], "", SITE, brackets)) == set()
    assert left_on(summary(board(shown(state)), "Deel IT", 1500.0, brackets)) == set()


def test_no_word_of_the_labels_of_what_lies_beside_it_is_english() -> None:
    """They know a laptop's model and its battery, and nothing of its state."""
    laptops = [each for make in STORIES.values() for each in make().laptops.values()]
    different = {of_laptop(each).hardware: each for each in laptops}
    assert len(different) > 2
    for laptop in different.values():
        subject = replace(of_laptop(laptop), tag="DM-1")
        for part in OF[1:]:
            assert left_on(labels([subject], MEDIA["62"], SITE, bracketed(), of=part)) == set()
