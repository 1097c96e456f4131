"""What a laptop tells of its parts after its hello: its screen, once the test pack's drivers found it."""

from __future__ import annotations

from dataclasses import replace

from cloned.core import snapshot as snapshots
from cloned.core.effect_types import Effect, Record
from cloned.core.events import Configured, Event, Finished, Hello, PartsTold, Settings, TrialTold, Vanished
from cloned.core.hardware import Hardware, Screen, hardware
from cloned.core.ids import LaptopId
from cloned.core.laptop import State
from cloned.core.reducer import step
from cloned.core.shown import ShownScreen
from cloned.core.triage import TriageRule, explain
from cloned.core.triage_shipped import SHIPPED
from cloned.core.trial_result import Trial, TrialResult
from tests.unit.core.test_triage import GOOD, NOW, Triaged, laptop, names, shipped

SMALL, LARGE = Screen(1024, 600, 223, 125), Screen(1920, 1080, 309, 174)


def workshop(tests: tuple[str, ...] = ()) -> Triaged:
    story = Triaged("auto")
    story.tell(Configured(Settings(confirm="auto", default_image="school", triage=SHIPPED, tests=tests)))
    return story


def effects(story: Triaged, event: Event) -> tuple[Effect, ...]:
    story.now += 1.0
    story.state, found = step(story.state, event, story.now, "00")
    return found


def test_what_is_told_later_is_added_and_what_is_not_told_stays() -> None:
    late = replace(GOOD, batteries=(), late=("batteries", "tpm"))
    now = late.with_later(Hardware(panel=LARGE, batteries=GOOD.batteries, late=("tpm",)))
    assert now == replace(GOOD, panel=LARGE, late=("tpm",))
    assert hardware(now.data()) == now


def test_the_rules_are_held_against_it_while_the_laptop_goes_on() -> None:
    story = workshop(tests=("usb",))
    before = story.comes()
    assert (before.grade, before.state) == ("A", State.READY)
    assert "screen_height_below" in before.triage.untold
    story.tell(PartsTold(before.id, Hardware(panel=SMALL)))
    after = story.laptop(before.id)
    assert (after.grade, names(after.triage)) == ("C", ["screen-small"])
    assert "screen_height_below" not in after.triage.untold
    assert (after.state, after.session, after.job) == (before.state, before.session, before.job)


def test_it_is_shown_and_explained() -> None:
    story = workshop()
    ident = story.comes().id
    assert snapshots.snapshot(story.state, {}, story.now).laptops[0].screen is None
    story.tell(PartsTold(ident, Hardware(panel=LARGE)))
    assert snapshots.snapshot(story.state, {}, story.now).laptops[0].screen == ShownScreen(1920, 1080, 14.0)
    own = TriageRule("large", (("screen_inches_from", 13.5), ("screen_width_below", 1920)))
    [said] = explain((own,), story.laptop(ident), NOW).rules
    assert [(each.condition, each.found, each.holds) for each in said.conditions] == [
        ("screen_inches_from", "14.0", True),
        ("screen_width_below", "1920", False),
    ]


def test_a_laptop_that_starts_again_without_the_driver_keeps_its_screen_until_it_tells_another() -> None:
    story = workshop()
    ident = story.comes().id
    story.tell(PartsTold(ident, Hardware(panel=LARGE)))
    facts = replace(story.laptop(ident).facts, hardware=GOOD)
    token = next(iter(story.state.boots))
    story.tell(Hello(token, facts, "10.0.0.5"))
    assert story.laptop(ident).facts.hardware == replace(GOOD, panel=LARGE)
    story.tell(Hello(token, replace(facts, hardware=replace(GOOD, panel=SMALL)), "10.0.0.5"))
    assert story.laptop(ident).facts.hardware.panel == SMALL


def test_one_that_is_through_is_recorded_anew_once_its_tests_are_over() -> None:
    story = workshop()
    ident = story.comes().id
    story.clone(ident)
    story.tell(Finished(ident, ()))
    [row] = [each.row for each in effects(story, PartsTold(ident, Hardware(panel=LARGE))) if isinstance(each, Record)]
    assert row["hardware"]["panel"] == {"width": 1920, "height": 1080, "width_mm": 309, "height_mm": 174}
    assert effects(story, PartsTold(ident, Hardware(panel=LARGE))) == ()


def test_with_tests_to_come_there_is_one_row_for_both() -> None:
    story = workshop(tests=("usb",))
    ident = story.comes().id
    story.clone(ident)
    story.tell(Finished(ident, ()))
    assert effects(story, PartsTold(ident, Hardware(panel=LARGE))) == ()
    over = TrialTold(ident, Trial("usb", TrialResult.PASSED, "", 1.0, story.now))
    [row] = [each.row for each in effects(story, over) if isinstance(each, Record)]
    assert row["hardware"]["panel"]["width"] == 1920


def test_nobody_who_is_not_known_or_never_spoke_is_believed() -> None:
    story = workshop()
    before = story.state
    story.tell(PartsTold(LaptopId("nobody"), Hardware(panel=LARGE)))
    assert story.state.laptops == before.laptops


def test_a_laptop_that_is_gone_is_told_of_all_the_same() -> None:
    """Its report was under way when it fell silent."""
    story = workshop()
    ident = story.comes().id
    story.tell(Vanished(ident))
    story.tell(PartsTold(ident, Hardware(panel=LARGE)))
    assert (story.laptop(ident).state, story.laptop(ident).facts.hardware.panel) == (State.GONE, LARGE)


def test_a_desktop_has_no_screen_to_be_told_of() -> None:
    assert shipped(laptop(replace(GOOD, portable=False))).untold == ("disk_bad_from",)
