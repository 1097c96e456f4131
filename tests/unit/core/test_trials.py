"""Which tests are asked for when, what they count for, and the grade that a person gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core import trials
from cloned.core.commands import accept
from cloned.core.effect_types import Record
from cloned.core.events import Booted, Command, Configured, Finished, Hello, ImageKnown, Settings, TrialTold
from cloned.core.ids import LaptopId, clean
from cloned.core.laptop import Facts, State
from cloned.core.ledger import ledger_row
from cloned.core.orders import order
from cloned.core.reasons import Reason
from cloned.core.reducer import step
from cloned.core.refusals import Refusal, Refused
from cloned.core.triage import Course
from cloned.core.triage_shipped import SHIPPED
from cloned.core.trial_result import AttendedName, Trial, TrialName, TrialResult
from tests.story import IMAGE
from tests.unit.core.test_triage import GOOD, Triaged, laptop

ALL = [str(name) for name in TrialName]


def workshop(confirm: str = "auto", tests: tuple[str, ...] = (), unusable: bool = False) -> Triaged:
    story = Triaged(confirm)
    if unusable:
        story.tell(ImageKnown(replace(IMAGE, unusable="being checked")))
    story.tell(Configured(Settings(confirm=confirm, default_image="school", triage=SHIPPED, tests=tests)))
    return story


def say(story: Triaged, ident: LaptopId, name: str, result: str = "passed", why: str = "") -> None:
    story.tell(TrialTold(ident, Trial(name, TrialResult(result), why, 1.0, story.now)))


def test_nothing_is_tested_unasked() -> None:
    story = workshop("ask")
    assert "tests" not in order(story.state, story.comes())


def test_a_laptop_that_waits_is_tested_and_one_at_work_never() -> None:
    story = workshop(unusable=True)
    found = story.comes()
    story.tell(Command("test", "an", found.id))
    assert order(story.state, story.laptop(found.id))["tests"] == ALL
    story.tell(ImageKnown(IMAGE))
    at_work = story.laptop(found.id)
    assert at_work.state is State.READY
    assert "tests" not in order(story.state, at_work)


def test_what_is_left_is_tested_after_the_verdict_before_it_goes_off() -> None:
    story = workshop(tests=("memory", "usb"))
    found = story.comes()
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    told = order(story.state, story.laptop(found.id))
    assert (told["do"], told["tests"]) == ("wait", ["memory", "usb"])
    say(story, found.id, "memory")
    say(story, found.id, "usb")
    assert order(story.state, story.laptop(found.id))["do"] == "power"


def test_while_it_is_erased_its_disk_is_left_alone() -> None:
    story = workshop("ask")
    found = replace(story.comes(), state=State.ERASING, trials_wanted=tuple(ALL))
    assert set(ALL) - set(trials.due(found)) == {"disk-read", "disk-selftest"}


def test_a_result_that_nobody_asked_for_counts_for_nothing() -> None:
    story = workshop("ask")
    found = story.comes()
    say(story, found.id, "memory", "failed")
    assert story.laptop(found.id).trials == ()


def test_memory_that_fails_stops_a_laptop_that_waits_for_its_place() -> None:
    story = workshop(tests=("memory",), unusable=True)
    found = story.comes()
    assert found.state is State.WAITING
    say(story, found.id, "memory", "failed", "stuck bit")
    now = story.laptop(found.id)
    assert (now.state, now.reason, now.grade, now.triage.course) == (State.ASIDE, Reason.FOR_PARTS, "D", Course.PARTS)


def test_a_laptop_that_is_done_stays_done_with_another_grade_and_a_new_row() -> None:
    story = workshop(tests=("wifi",))
    found = story.comes()
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    before = story.laptop(found.id)
    told = TrialTold(found.id, Trial("wifi", TrialResult.FAILED, "its scan failed"))
    after, effects = step(story.state, told, story.now + 1, "0" * 32)
    rows = [each.row for each in effects if isinstance(each, Record)]
    assert (before.grade, after.laptops[found.id].grade, after.laptops[found.id].state) == ("A", "C", State.DONE)
    assert [(row["attempt"], row["grade"]) for row in rows] == [(1, "C")]
    assert rows[0]["tests"] == [{"name": "wifi", "result": "failed", "why": "its scan failed"}]


def test_a_locked_laptop_is_in_the_ledger_before_anything_is_written_once() -> None:
    story = workshop()
    identity = clean("", "PF99", "Dell Inc.", "Latitude 5490", ["02:00:00:00:00:99"])
    story.tell(Booted("t99", identity, "02:00:00:00:00:99", "10.0.0.5"))
    hardware = replace(GOOD, passwords=("administrator",), camera=False)
    hello = Hello("t99", Facts(identity, "02:00:00:00:00:99", "uefi", hardware=hardware), "10.0.0.5")
    state, effects = step(story.state, hello, story.now + 1, "1" * 32)
    (row,) = [each.row for each in effects if isinstance(each, Record)]
    assert (row["attempt"], row["verdict"], row["course"], row["grade"]) == (0, "none", "ask", "D")
    assert {each["rule"] for each in row["remarks"]} >= {"locked", "camera-missing"}
    _, again = step(state, hello, story.now + 2, "2" * 32)
    assert not [each for each in again if isinstance(each, Record)]


def test_a_grade_by_hand_needs_a_word_why_and_gives_way_to_none() -> None:
    story = workshop("ask")
    found = story.comes()

    def refused(text: str, why: str = "") -> object:
        answer = accept(story.state, Command("grade", "an", found.id, text=text, why=why))
        return answer.code if isinstance(answer, Refusal) else None

    assert refused("E", "x") is Refused.NO_SUCH_GRADE
    assert refused("B") is Refused.GRADE_WITHOUT_WHY
    assert refused("b", "scratch on the lid") is None
    story.tell(Command("grade", "an", found.id, text="b", why="scratch on the lid"))
    graded = story.laptop(found.id)
    assert (graded.grade, graded.triage.grade) == ("B", "A")
    assert ledger_row(graded, story.now)["remarks"][-1] == {"rule": "grade", "say": "scratch on the lid"}
    story.tell(Command("grade", "an", found.id))
    assert story.laptop(found.id).grade == "A"


def test_what_was_seen_on_it_is_noted_goes_to_the_ledger_and_is_taken_away() -> None:
    story = workshop("ask")
    found = story.comes()
    for text in ("scratch  on\nthe lid", "hinge is loose", "hinge is loose", "x" * 500):
        story.tell(Command("note", "an", found.id, text=text))
    noted = story.laptop(found.id)
    assert noted.notes == ("scratch on the lid", "hinge is loose", "x" * 120)
    said = [each["say"] for each in ledger_row(noted, story.now)["remarks"] if each["rule"] == "note"]
    assert said == list(noted.notes)
    for number in range(40):
        story.tell(Command("note", "an", found.id, text=f"stain {number}"))
    assert len(story.laptop(found.id).notes) == 20, "nobody fills the sheet"
    story.tell(Command("note", "an", found.id))
    assert story.laptop(found.id).notes == ()


def test_what_an_agent_says_of_a_test_is_made_safe() -> None:
    found = trials.read({"name": "memory", "result": "failed", "why": "x\n\x00" + "y" * 999, "seconds": -4}, 5.0)
    assert (found.name, found.result, len(found.why), found.seconds, found.at) == ("memory", "failed", 300, 0.0, 5.0)
    for wrong in ({}, {"name": "memory", "result": "perhaps"}, {"name": "rm -rf", "result": "passed"}):
        with pytest.raises(ValueError, match="a test has a name and a result"):
            trials.read(wrong, 0.0)


PEOPLE = ("keyboard", "screen")


def test_tests_with_a_person_are_offered_whatever_the_laptop_does_and_keep_it_on_when_it_is_done() -> None:
    story = workshop(tests=PEOPLE)
    found = story.comes()
    assert order(story.state, story.laptop(found.id))["attended"] == {"tests": list(PEOPLE), "layout": "be"}
    assert order(story.state, story.laptop(found.id))["do"] == "restore"
    assert "tests" not in order(story.state, story.laptop(found.id))
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    assert order(story.state, story.laptop(found.id))["do"] == "wait"
    say(story, found.id, "keyboard")
    story.tell(Command("skip", "an", found.id, why="no time"))
    assert order(story.state, story.laptop(found.id))["do"] == "power"
    assert "attended" not in order(story.state, story.laptop(found.id))
    assert [(each.name, str(each.result), each.why) for each in story.laptop(found.id).trials] == [
        ("keyboard", "passed", ""),
        ("screen", "skipped", "no time (an)"),
    ]


def test_a_test_with_a_person_is_asked_for_beside_those_that_need_nobody() -> None:
    story = workshop("ask")
    found = story.comes()
    story.tell(Command("test", "an", found.id))
    story.tell(Command("test", "an", found.id, text="attended"))
    story.tell(Command("test", "an", found.id, text="attended"))
    laptop = story.laptop(found.id)
    assert trials.due(laptop) == ALL
    assert trials.for_a_person(laptop) == [str(name) for name in AttendedName]
    assert trials.for_a_person(replace(laptop, state=State.GONE)) == []


def test_leaving_tests_out_needs_tests_and_a_word_why() -> None:
    story = workshop("ask")
    found = story.comes()
    assert accept(story.state, Command("skip", "an", found.id, why="no time")).code is Refused.NO_TESTS_WANTED
    story.tell(Command("test", "an", found.id, text="attended"))
    assert accept(story.state, Command("skip", "an", found.id, why=" ")).code is Refused.SKIP_WITHOUT_WHY
    assert not isinstance(accept(story.state, Command("skip", "an", found.id, why="no time")), Refusal)


def test_a_clone_with_a_dead_camera_stands_there_until_somebody_decided() -> None:
    story = workshop(tests=("camera", "sound"))
    found = story.comes()
    say(story, found.id, "camera", "failed")
    assert trials.undecided(story.laptop(found.id)) == (), "it is not cloned yet"
    story.clone(found.id)
    story.tell(Finished(found.id, ()))
    say(story, found.id, "sound", "passed")
    laptop = story.laptop(found.id)
    assert trials.undecided(laptop) == ("camera",)
    assert "Its camera is dead" in [each.say for each in laptop.triage.remarks]
    story.tell(Command("accept", "an", found.id, why="for somebody who needs none"))
    laptop = story.laptop(found.id)
    assert trials.undecided(laptop) == ()
    assert laptop.history[-1].why == "goes on with camera as it is, by an: for somebody who needs none"
    assert accept(story.state, Command("accept", "an", found.id)).code is Refused.NOTHING_TO_DECIDE
    later = replace(laptop, trials=(*laptop.trials, Trial("lid", TrialResult.FAILED)))
    assert trials.undecided(later) == ("lid",), "what is found later is asked anew"


def test_a_camera_that_does_not_answer_is_dead_too_where_the_case_is_a_laptops() -> None:
    story = workshop()
    laptop = replace(story.comes(), state=State.DONE)
    parts = replace(laptop.facts.hardware, portable=True, camera=False)
    assert trials.undecided(replace(laptop, facts=replace(laptop.facts, hardware=parts))) == ("camera",)
    seen = replace(laptop, facts=replace(laptop.facts, hardware=parts), trials=(Trial("camera", TrialResult.PASSED),))
    assert trials.undecided(seen) == (), "somebody saw himself in it"
    desktop = replace(parts, portable=False)
    assert trials.undecided(replace(laptop, facts=replace(laptop.facts, hardware=desktop))) == ()


@pytest.mark.parametrize("name", [str(name) for name in AttendedName])
def test_results_of_tests_with_a_person_are_read(name: str) -> None:
    found = trials.read({"name": name, "result": "failed", "why": "q is dead\n", "seconds": 31.5}, 5.0)
    assert found == Trial(name, TrialResult.FAILED, "q is dead", 31.5, 5.0)


@pytest.mark.parametrize(
    ("hellos", "had", "then"),
    [(1, (), ("memory",)), (2, (), ()), (1, ("disk-read",), ("disk-read",)), (2, ("disk-read",), ("disk-read",))],
)
def test_the_workshops_tests_are_asked_at_the_first_hello_unless_somebody_asked_for_some(
    hellos: int, had: tuple[str, ...], then: tuple[str, ...]
) -> None:
    assert trials.newly_here(replace(laptop(hellos=hellos), trials_wanted=had), ("memory",)).trials_wanted == then
