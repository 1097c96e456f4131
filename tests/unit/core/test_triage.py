"""Triage: every rule with its reasons, and nothing written to a laptop that is locked or dying."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloned.core import fitness
from cloned.core.disks import Disk
from cloned.core.events import Booted, Command, Configured, Hello, ImageKnown, Settings
from cloned.core.hardware import Battery, Hardware, MemorySlot, Screen
from cloned.core.ids import Identity, LaptopId, clean
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.core.ledger import ledger_row
from cloned.core.orders import order
from cloned.core.reasons import Reason
from cloned.core.triage import Course, Triage, TriageRule, contradictions, explain, judge
from cloned.core.triage_facts import CONDITIONS
from cloned.core.triage_shipped import SHIPPED, combined
from cloned.core.trial_result import Trial, TrialResult
from tests.story import DISK, GB, IMAGE, Story

NOW = 1_790_000_000.0
GOOD = Hardware(
    cores=4, threads=8, slots=(MemorySlot("A", 8 * 2**30), MemorySlot("B", 8 * 2**30)), wifi="Intel 8086:24fd",
    batteries=(Battery("BAT0", 50.0, 48.0, 12),), tpm="2.0", firmware_date="2021-03-04", portable=True, charger=True,
    camera=True, bluetooth=True, sound=True, uefi=True, passwords=(), wpbt=False, product_key=False, clock="2026-09-01",
)  # fmt: skip


def laptop(hardware: Hardware = GOOD, *disks: Disk, hellos: int = 1, **known: object) -> Laptop:
    """A good one, but for what is said."""
    identity = Identity(vendor="Dell Inc.", product="Latitude 5490")
    given = {"cpu": "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "memory": 16 * 10**9, "firmware": "uefi", **known}
    facts = Facts(identity, hardware=hardware, disks=disks or (replace(DISK, smart="ok"),), **given)  # type: ignore[arg-type]
    return Laptop(LaptopId("l1"), 1, facts, State.ASKING, NOW, NOW, contact=Contact(hellos=hellos))


def shipped(of: Laptop) -> Triage:
    return judge(SHIPPED, of, NOW)


def names(found: Triage) -> list[str]:
    return [each.rule for each in found.remarks]


def test_a_good_laptop_is_cloned_with_the_best_grade() -> None:
    found = shipped(laptop())
    assert (found.course, found.grade, found.needs, names(found)) == (Course.CLONE, "A", (), [])


def test_a_laptop_that_tells_nothing_is_cloned_without_a_grade() -> None:
    found = shipped(laptop(Hardware(), DISK, memory=0, cpu="", firmware=""))
    assert (found.course, found.grade, names(found)) == (Course.CLONE, "", [])
    assert {"locked", "battery_below", "memory_below_gb"} <= set(found.untold)


@pytest.mark.parametrize(
    ("changed", "rule", "course", "grade", "needs"),
    [
        ({"passwords": ("administrator",)}, "locked", Course.ASK, "D", ("the firmware's password",)),
        ({"batteries": (Battery("B", 50.0, 20.0),)}, "battery-worn", Course.CLONE, "C", ("battery",)),
        ({"batteries": (Battery("B", 50.0, 39.0),)}, "battery-used", Course.CLONE, "B", ()),
        ({"batteries": ()}, "battery-missing", Course.CLONE, "C", ("battery",)),
        ({"charger": False}, "charger-missing", Course.CLONE, "A", ("charger",)),
        ({"camera": False}, "camera-missing", Course.CLONE, "B", ()),
        ({"panel": Screen(1024, 600, 223, 125)}, "screen-small", Course.CLONE, "C", ()),
        ({"wifi": ""}, "wifi-missing", Course.CLONE, "C", ("wireless card",)),
        ({"clock": "2009-01-01"}, "clock-stopped", Course.CLONE, "A", ("coin cell",)),
        ({"slots": (MemorySlot("A", 2 * 2**30),)}, "memory-small", Course.CLONE, "D", ("memory",)),
        ({"tpm": ""}, "windows-11-unfit", Course.CLONE, "B", ()),
        ({"wpbt": True}, "wpbt", Course.CLONE, "A", ()),
    ],
)
def test_what_ships(changed: dict[str, object], rule: str, course: Course, grade: str, needs: tuple[str, ...]) -> None:
    found = shipped(laptop(replace(GOOD, **changed)))  # type: ignore[arg-type]
    assert rule in names(found)
    assert (found.course, found.grade, found.needs) == (course, grade, needs)


def test_disks() -> None:
    dying, worn = replace(DISK, smart="failing"), replace(DISK, smart="ok", worn=95)
    assert names(shipped(laptop(GOOD, dying))) == ["disk-failing"]
    assert shipped(laptop(GOOD, dying)).course is Course.ASK
    assert names(shipped(laptop(GOOD, worn))) == ["disk-worn"]
    gone = replace(DISK, eligible=False)
    assert names(shipped(laptop(GOOD, gone)))[:1] == ["disk-missing"]
    assert shipped(laptop(replace(GOOD, hides_disks="VMD"), gone)).course is Course.ASK


def test_a_camera_that_passed_its_test_is_there_whatever_the_hello_saw() -> None:
    found = laptop(replace(GOOD, camera=False))
    assert "camera-missing" in [each.rule for each in shipped(found).remarks]
    passed = replace(found, trials=(Trial("camera", TrialResult.PASSED),))
    assert "camera-missing" not in [each.rule for each in shipped(passed).remarks]


def test_a_desktop_misses_no_battery_and_no_camera() -> None:
    desktop = replace(GOOD, portable=False, batteries=(), camera=False, charger=None)
    assert shipped(laptop(desktop)).grade == "A"


def test_the_gravest_course_the_lowest_grade_and_all_needs_count() -> None:
    own = (
        TriageRule("old", (("generation_below", 9),), Course.PARTS, "Too old for us", "C", ("glue",), "small"),
        TriageRule("dell", (("vendor", "dell*"),), image="other", needs=("glue", "tape")),
    )
    found = judge(combined(own), laptop(replace(GOOD, passwords=("power-on",))), NOW)
    assert (found.course, found.grade, found.image) == (Course.PARTS, "D", "small")
    assert found.needs == ("glue", "tape", "the firmware's password")
    assert found.words == "Too old for us"


def test_own_rules_take_the_place_of_those_that_ship() -> None:
    mild = TriageRule("locked", (("locked", True),), say="A password, which we know")
    rules = combined((mild,), without=("battery-worn",))
    assert [rule.name for rule in rules].count("locked") == 1
    assert "battery-worn" not in {rule.name for rule in rules}
    assert judge(rules, laptop(replace(GOOD, passwords=("administrator",))), NOW).course is Course.CLONE


def test_the_rules_that_ship_do_not_contradict_each_other_and_look_at_what_there_is() -> None:
    assert contradictions(SHIPPED) == []
    assert len({rule.name for rule in SHIPPED}) == len(SHIPPED)
    for rule in SHIPPED:
        assert {name for name, _ in rule.when} <= CONDITIONS.keys()
        assert rule.say


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((TriageRule("a", (("memory_at_least_gb", 8.0), ("memory_below_gb", 4.0))),), "never hold together"),
        ((TriageRule("a", (("screen_inches_from", 17), ("screen_inches_below", 15))),), "never hold together"),
        ((TriageRule("a", (("battery", "missing"), ("battery_below", 40))),), "is never below 40 %"),
        (
            (TriageRule("a", (("locked", True),), Course.PARTS, image="x"),),
            "names the image x for laptops that are not",
        ),
        (
            (TriageRule("a", (("locked", True),), Course.PARTS), TriageRule("b", (("locked", True),), Course.ASK)),
            "a and b fit the same laptops, and say parts and ask",
        ),
        (
            (TriageRule("a", (("camera", False),), grade="B"), TriageRule("b", (("camera", False),), grade="C")),
            "say grade B and grade C",
        ),
        (
            (
                TriageRule("a", (("vendor", "Dell*"),), image="x"),
                TriageRule("b", (("vendor", "Dell*"), ("locked", False)), image="y"),
            ),
            "the image y is never taken, a gives x first",
        ),
        (  # a workshop that would grade worn batteries better than another rule does
            (
                TriageRule("mine", (("battery_below", 30), ("portable", True)), grade="A"),
                TriageRule("worn", (("battery_below", 50),), grade="C"),
            ),
            "mine never gives grade A: worn fits all its laptops, and says C",
        ),
        (
            (
                TriageRule("bad", (("disk_bad_from", 10),), grade="C"),
                TriageRule("mine", (("disk_bad_from", 50), ("locked", False)), grade="B"),
            ),
            "mine never gives grade B: bad fits all its laptops, and says C",
        ),
    ],
)
def test_contradictions_are_told(rules: tuple[TriageRule, ...], said: str) -> None:
    (line,) = contradictions(rules)
    assert said in line


def test_a_graver_rule_beside_one_that_only_says_something_is_no_contradiction() -> None:
    [remark] = [rule for rule in SHIPPED if rule.name == "key-present"]
    graver = TriageRule("ours", remark.when, Course.ASK, "Look for the sticker")
    assert contradictions((remark, graver)) == []
    assert contradictions((replace(remark, grade="B"), graver)) != []


def test_every_condition_can_be_read_of_every_laptop() -> None:
    for of in (laptop(), laptop(Hardware(), memory=0, cpu=""), laptop(replace(GOOD, clock="yesterday"), hellos=0)):
        for condition in CONDITIONS.values():
            found = condition.read(of, NOW)
            assert found is None or isinstance(found, bool | int | float | str)


@pytest.mark.parametrize(("hardware", "found"), [(Hardware(), None), (replace(GOOD, tpm=""), "none"), (GOOD, "2.0")])
def test_a_part_is_missing_only_where_parts_were_told_at_all(hardware: Hardware, found: str | None) -> None:
    assert CONDITIONS["tpm"].read(laptop(hardware), 0.0) == found


def test_explained_rule_by_rule() -> None:
    told = explain(SHIPPED, laptop(replace(GOOD, camera=False, charger=None)), NOW)
    seen = {rule.name: rule for rule in told.rules}
    assert seen["camera-missing"].fits
    assert (seen["charger-missing"].fits, seen["charger-missing"].doubtful) == (False, True)
    (first, second) = seen["charger-missing"].conditions
    assert (first.holds, first.found, second.holds) == (None, "", True)
    assert (seen["locked"].fits, seen["locked"].doubtful, seen["locked"].conditions[0].found) == (False, False, "no")


@pytest.mark.parametrize(
    ("cpu", "found"),
    [
        ("Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", 8),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 11),
        ("Intel(R) Core(TM) i7-10510U CPU", 10),
        ("Intel(R) Core(TM) i3-1005G1 CPU", 10),
        ("12th Gen Intel(R) Core(TM) i5-1235U", 12),
        ("Intel(R) Core(TM) m3-7Y30 CPU", 7),
        ("Intel(R) Core(TM) i5-520M", 1),
        ("Intel(R) Core(TM) i5 CPU M 520", 0),
        ("Intel(R) Core(TM)2 Duo CPU T7300", 0),
        ("Intel(R) Core(TM) Ultra 5 125U", 14),
        ("AMD Ryzen 5 3500U with Radeon Vega", 3),
        ("AMD Ryzen 7 PRO 5850U", 5),
        ("QEMU Virtual CPU version 2.5+", None),
    ],
)
def test_generations_of_processors(cpu: str, found: int | None) -> None:
    assert fitness.generation(cpu) == found


def test_windows_11() -> None:
    assert fitness.carries_windows_11(laptop()) is True
    assert fitness.carries_windows_11(laptop(cpu="Intel(R) Core(TM) i5-6300U CPU")) is False
    assert fitness.carries_windows_11(laptop(cpu="Something new")) is None
    assert fitness.carries_windows_11(laptop(GOOD, replace(DISK, size=32 * GB))) is False
    assert fitness.carries_windows_11(laptop(firmware="bios")) is True
    assert fitness.carries_windows_11(laptop(replace(GOOD, uefi=None), firmware="bios")) is None


# -- in the workshop ------------------------------------------------------------------------------------


class Triaged(Story):
    """A workshop with rules; laptops tell what is in them."""

    def __init__(self, confirm: str = "auto", rules: tuple[TriageRule, ...] = SHIPPED) -> None:
        super().__init__(confirm)
        self.tell(Configured(Settings(confirm=confirm, default_image="school", triage=rules)))

    def comes(self, hardware: Hardware = GOOD, serial: str = "PF1", disk: Disk = DISK) -> Laptop:
        self.boots += 1
        mac = f"02:00:00:00:00:{len(serial):02x}"
        identity = clean("", serial, "Dell Inc.", "Latitude 5490", [mac])
        token = f"t{self.boots}"
        self.tell(Booted(token, identity, mac, "10.0.0.5"))
        facts = Facts(identity, mac, "uefi", memory=16 * GB, disks=(disk,), hardware=hardware)
        self.tell(Hello(token, facts, "10.0.0.5"))
        ident = self.state.boots[token].laptop
        assert ident is not None
        return self.state.laptops[ident]


LOCKED = replace(GOOD, passwords=("administrator",))


def test_a_locked_laptop_asks_though_all_are_confirmed_by_themselves() -> None:
    story = Triaged()
    assert story.comes().state is State.READY
    found = story.comes(LOCKED, "PF20")
    assert (found.state, found.reason, found.goal.confirmation) == (State.ASKING, Reason.TRIAGE_ASKS, None)
    assert "password" in found.detail
    screen = order(story.state, found)["screen"]
    assert any("password" in line for line in screen)
    assert screen[-1] == "It needs: the firmware's password."


def test_a_dying_disk_is_told_before_a_batch_takes_it() -> None:
    story = Triaged("ask")
    story.tell(Command("batch", "an", image="school", text="Latitude 5490", until=story.now + 9000))
    assert story.comes().state is State.READY
    found = story.comes(GOOD, "PF20", replace(DISK, smart="failing"))
    assert (found.state, found.reason) == (State.ASKING, Reason.TRIAGE_ASKS)


def test_a_person_may_overrule_it_and_is_not_asked_twice() -> None:
    story = Triaged()
    found = story.comes(LOCKED)
    story.tell(Command("confirm", "an", found.id, "school", disk=found.facts.disks[0].key))
    assert story.laptop(found.id).state is State.READY
    again = story.comes(LOCKED)
    assert (again.id, again.state) == (found.id, State.READY)


def test_a_word_given_before_it_got_worse_no_longer_holds() -> None:
    story = Triaged()
    found = story.comes()
    assert found.goal.confirmation is not None
    again = story.comes(LOCKED)
    assert (again.id, again.state, again.reason) == (found.id, State.ASKING, Reason.TRIAGE_ASKS)


def test_rules_that_come_while_it_waits_are_asked_too() -> None:
    story = Triaged(rules=())
    story.tell(ImageKnown(replace(IMAGE, unusable="being checked")))
    found = story.comes(LOCKED)
    assert found.state is State.WAITING
    story.tell(Configured(Settings(confirm="auto", default_image="school", triage=SHIPPED)))
    assert (story.laptop(found.id).state, story.laptop(found.id).reason) == (State.ASKING, Reason.TRIAGE_ASKS)


@pytest.mark.parametrize(("course", "reason"), [(Course.PARTS, Reason.FOR_PARTS), (Course.GIVE_BACK, Reason.GIVE_BACK)])
def test_parts_and_give_back_set_it_aside_until_it_comes_better(course: Course, reason: Reason) -> None:
    story = Triaged(rules=(TriageRule("small", (("memory_below_gb", 4),), course, "Too little memory", "D"),))
    small = replace(GOOD, slots=(MemorySlot("A", 2 * 2**30),))
    found = story.comes(small)
    assert (found.state, found.reason, found.detail) == (State.ASIDE, reason, "Too little memory")
    story.tell(Command("retry", "an", found.id))
    assert story.laptop(found.id).state is State.ASIDE
    story.tell(Command("confirm", "an", found.id, "school", disk=found.facts.disks[0].key))
    assert story.laptop(found.id).state is State.READY


def test_memory_was_put_in_and_it_goes_on_by_itself_where_that_is_allowed() -> None:
    rules = (TriageRule("small", (("memory_below_gb", 4),), Course.PARTS, "Too little memory"),)
    story = Triaged(rules=rules)
    assert story.comes(replace(GOOD, slots=(MemorySlot("A", 2 * 2**30),))).state is State.ASIDE
    again = story.comes()
    assert (again.state, again.reason) == (State.ASKING, Reason.KNOWN_BEFORE)  # seen before: a person says so


def test_a_rule_names_the_image() -> None:
    rules = (TriageRule("old", (("cores_below", 8),), image="small"),)
    story = Triaged("ask", rules)
    story.tell(ImageKnown(replace(IMAGE, name="small")))
    found = story.comes()
    assert (found.goal.image, found.goal.chosen) == ("small", "triage: old")


def test_a_mark_counts_at_once() -> None:
    story = Triaged("ask", (TriageRule("broken", (("mark", "broken*"),), Course.PARTS, "Marked as broken", "D"),))
    found = story.comes()
    story.tell(Command("mark", "an", found.id, text="broken hinge"))
    assert story.laptop(found.id).triage.course is Course.PARTS


def test_the_ledger_tells_what_was_found_only_where_there_are_rules() -> None:
    row = ledger_row(replace(laptop(), triage=shipped(laptop(replace(GOOD, camera=False)))), NOW)
    assert (row["grade"], row["course"], row["needs"]) == ("B", "clone", [])
    assert row["remarks"] == [{"rule": "camera-missing", "say": "No camera answers"}]
    assert "grade" not in ledger_row(laptop(), NOW)


def test_a_battery_that_lies_hides_no_worn_one_beside_it() -> None:
    both = replace(GOOD, batteries=(Battery("BAT0", 20.0, 4_000_000.0), Battery("BAT1", 60.0, 10.0)))
    assert both.left == pytest.approx(30 / 80)
    assert "battery-worn" in names(shipped(laptop(both)))


def test_what_a_narrower_rule_says_is_not_said_again() -> None:
    small = shipped(laptop(replace(GOOD, slots=(MemorySlot("A", 2 << 30),), batteries=(Battery("BAT0", 50.0, 14.0),))))
    assert names(small) == ["memory-small", "battery-worn", "windows-11-unfit"]
    assert (small.grade, small.needs) == ("D", ("memory", "battery"))


def test_firmware_of_the_very_day_is_not_before_it_and_a_clock_may_be_slow_by_180_days() -> None:
    assert not CONDITIONS["firmware_before"].holds("2021-03-04", "2021-03-04")
    assert CONDITIONS["firmware_before"].holds("2021-03-03", "2021-03-04")
    stopped = CONDITIONS["clock_stopped"]  # NOW is 2026-09-21
    assert stopped.read(laptop(replace(GOOD, clock="2026-03-25")), NOW) is False
    assert stopped.read(laptop(replace(GOOD, clock="2026-03-24")), NOW) is True


def test_hours_and_bad_places_are_those_of_the_worst_disk_that_tells_them() -> None:
    told, silent = replace(DISK, hours=7, bad=3), replace(DISK, path="/dev/sdb", serial="S2")
    for name, right in (("disk_hours_from", 7), ("disk_bad_from", 3)):
        assert CONDITIONS[name].read(laptop(GOOD, told, silent), NOW) == right
        assert CONDITIONS[name].read(laptop(GOOD, silent), NOW) is None


def test_a_narrower_rule_of_the_same_grade_is_no_contradiction() -> None:
    wide = TriageRule("a", (("memory_below_gb", 8.0),), grade="C")
    narrow = TriageRule("b", (("memory_below_gb", 4.0),), grade="C")
    assert contradictions((wide, narrow)) == []
