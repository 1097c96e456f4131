"""The evening as a board, from laptops that went through the real workshop."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from pypdf import PdfReader

from cloned.core.commands import refusal
from cloned.core.evening import EVENINGS, board
from cloned.core.evening_steps import STEPS
from cloned.core.events import Command, Finished, TrialTold
from cloned.core.snapshot import snapshot
from cloned.core.trial_result import Trial, TrialResult
from cloned.inventory.happenings import happened_between
from cloned.inventory.rows import clean
from cloned.languages import language
from cloned.papers.evening import summary
from cloned.status import wall
from cloned.status.pages import Painter
from cloned.status.schema import worded
from tests.unit.core.test_trials import workshop


def evening() -> tuple[Any, Any]:
    """A laptop that is cloned, its camera dead, a person's test still to come, after ten minutes of waiting."""
    story = workshop("ask", tests=("camera", "keyboard", "memory"))
    found = story.comes()
    story.now += 600
    story.tell(Command("confirm", "an", found.id, image="school", disk=story.laptop(found.id).facts.disks[0].key))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    for name, result, seconds in (("camera", "failed", 30.0), ("memory", "passed", 95.0)):
        story.tell(TrialTold(found.id, Trial(name, TrialResult(result), "", seconds, story.now)))
    story.now += 60
    return story, found


def test_who_waits_for_whom_and_what_held_it_up() -> None:
    story, found = evening()
    seen = board(snapshot(story.state, {}, story.now))
    assert (seen.laptops, seen.through, seen.tested, seen.person_minutes) == (1, 1, 1, 0.5)
    assert [(str(each.what), each.person, each.laptops[0].id) for each in seen.waiting] == [
        ("wait for two minutes at the keyboard", True, found.id),
        ("are cloned, with a part that is bad", True, found.id),
    ]
    assert {str(each.what): each.seconds >= 600 for each in seen.held_up}["nobody said yet what to do"]
    assert {step.name: (step.laptops, step.longest) for step in seen.steps}["test"] == (1, 95.0)


def test_an_evening_before_is_none_of_this_one() -> None:
    story, found = evening()
    story.tell(Command("skip", "an", found.id, why="no time"))
    story.tell(Command("accept", "an", found.id))
    told = snapshot(story.state, {}, story.now + 13 * 3600)
    assert board(told).laptops == 0
    assert board(replace(told, laptops=())).waiting == ()


def test_both_stand_on_the_wall_until_somebody_was_there() -> None:
    story, found = evening()
    notices = {each.kind: each for each in wall.wall(worded(snapshot(story.state, {}, story.now))).notices}
    assert [each["id"] for each in notices["keyboard"].laptops] == [found.id]
    assert list(notices["part"].laptops[0]["undecided"]) == ["camera"]
    story.tell(Command("skip", "an", found.id, why="no time"))
    story.tell(Command("accept", "an", found.id))
    left = {each.kind for each in wall.wall(worded(snapshot(story.state, {}, story.now))).notices}
    assert not left & {"keyboard", "part"}


def test_the_page_is_drawn_in_each_language() -> None:
    story, _ = evening()
    told = snapshot(story.state, {}, story.now)
    for code, words in (("nl", "Wie wacht op wie"), ("fr", "Qui attend qui"), ("en", "Who waits for whom")):
        painter = Painter(language(code), "1")
        assert words in painter.draw("work/evening.html", {"board": board(told), "names": STEPS})
        assert words in painter.draw("work/evening.html", {"board": board(replace(told, laptops=())), "names": STEPS})


def test_an_evening_that_is_over_leaves_one_row_and_is_told_to_hooks_once() -> None:
    story, _ = evening()
    before = story.state
    story.tell(Command("evening-over", "an", ""))
    [row] = [each for each in story.state.unrecorded.values() if each.get("kind") == "evening"]
    assert (row["kind"], row["laptop"], row["attempt"]) == ("evening", "evening", EVENINGS + int(story.now // 3600))
    told = row["evening"]
    assert (told["laptops"], told["through"], told["tested"], told["person_minutes"]) == (1, 1, 1, 0.5)
    assert told["held_up"][0]["what"] == "nobody said yet what to do"
    kept = clean(row)
    assert kept.dropped == ()
    assert kept.data["evening"] == json.loads(json.dumps(told))
    [(event, about)] = happened_between(before, story.state)
    assert (event, about["evening"]) == ("evening-over", told)
    assert list(happened_between(story.state, story.state)) == []


def test_an_evening_without_laptops_is_none() -> None:
    story = workshop("ask", tests=())
    said = refusal(story.state, Command("evening-over", "an", ""))
    assert said is not None
    assert str(said.code) == "no-evening"


@pytest.mark.parametrize(
    ("code", "said"), [("en", "Who waits for whom"), ("nl", "Wie wacht op wie"), ("fr", "Qui attend qui")]
)
def test_the_evening_on_paper_says_what_the_page_says(code: str, said: str) -> None:
    story, _ = evening()
    made = summary(board(snapshot(story.state, {}, story.now)), "Deel IT", story.now, language(code))
    [page] = PdfReader(io.BytesIO(made)).pages
    text = " ".join(page.extract_text().split())
    assert said in text
    assert "Deel IT" in text
    assert ("0,5" if code != "en" else "0.5") in text


def test_an_evening_of_nothing_is_a_page_too() -> None:
    story = workshop("ask", tests=())
    made = summary(board(snapshot(story.state, {}, story.now)), "Deel IT", story.now, language("en"))
    assert "Nothing." in PdfReader(io.BytesIO(made)).pages[0].extract_text()
