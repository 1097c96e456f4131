"""Triage: what is to become of a laptop, before anything is written to it. Pure, and every answer is explained.

Every rule that fits counts: the gravest course is taken, the lowest grade, all needs, and the image of the first rule
that names one. A rule of which something is not told does not fit, so a laptop that says nothing of itself is cloned.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from cloned.core.reasons import Reason
from cloned.core.triage_facts import CONDITIONS, Value, worded_fact
from cloned.saying import Phrase, chained, message

if TYPE_CHECKING:  # a laptop carries its triage
    from cloned.core.laptop import Laptop

GRADES = ("A", "B", "C", "D")


class Course(StrEnum):
    """What is to become of a laptop; each outweighs those before it."""

    CLONE = "clone"
    ASK = "ask"
    PARTS = "parts"
    GIVE_BACK = "give-back"


_WEIGHT = {course: weight for weight, course in enumerate(Course)}
REASONS = {
    Course.ASK: Reason.TRIAGE_ASKS,
    Course.PARTS: Reason.FOR_PARTS,
    Course.GIVE_BACK: Reason.GIVE_BACK,
}


@dataclass(frozen=True)
class TriageRule:
    """`when` holds conditions of triage_facts.py with their values; all must hold. Empty texts change nothing."""

    name: str
    when: tuple[tuple[str, Value], ...] = ()
    course: Course = Course.CLONE
    say: str = ""
    grade: str = ""
    """The best that such a laptop can have."""
    needs: tuple[str, ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class TriageRemark:
    """A rule that fitted, and what it said."""

    rule: str
    say: str
    course: Course = Course.CLONE
    grade: str = ""


@dataclass(frozen=True, slots=True)
class Triage:
    """What the rules make of a laptop."""

    course: Course = Course.CLONE
    grade: str = ""
    """A to D; empty where nothing was told or no rules are set."""
    needs: tuple[str, ...] = ()
    image: str = ""
    remarks: tuple[TriageRemark, ...] = ()
    untold: tuple[str, ...] = ()
    """Conditions that could not be judged."""

    @property
    def words(self) -> str:
        """Why, in one line: what the gravest rules say."""
        return chained([message(each.say) or each.rule for each in self.remarks if each.course is self.course])


@dataclass(frozen=True)
class ConditionSeen:
    """One condition of one rule, held against a laptop."""

    condition: str
    wanted: Value
    found: str
    """In words; empty where it is not told."""
    holds: bool | None
    """None: not told."""


@dataclass(frozen=True)
class RuleSeen:
    """A rule held against a laptop."""

    rule: TriageRule
    conditions: tuple[ConditionSeen, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether every condition holds for sure."""
        return all(each.holds for each in self.conditions)

    @property
    def doubtful(self) -> bool:
        """Whether it would fit if what is not told were so."""
        return not self.fits and all(each.holds is not False for each in self.conditions)


def see_rules(rules: tuple[TriageRule, ...], laptop: Laptop, now: float) -> tuple[RuleSeen, ...]:
    """Every rule held against `laptop`; `now`: seconds since 1970, which its clock is held against."""
    return tuple(RuleSeen(rule, tuple(_seen(*each, laptop, now) for each in rule.when)) for rule in rules)


def _seen(name: str, wanted: Value, laptop: Laptop, now: float) -> ConditionSeen:
    condition = CONDITIONS[name]
    found = condition.read(laptop, now)
    holds = None if found is None else condition.holds(found, wanted)
    return ConditionSeen(name, wanted, worded_fact(found), holds)


def judge(rules: tuple[TriageRule, ...], laptop: Laptop, now: float) -> Triage:
    """What `rules` make of `laptop`."""
    if not rules:
        return Triage()
    seen = see_rules(rules, laptop, now)
    fitting = [each.rule for each in seen if each.fits]
    doubts = (each for rule in seen if rule.doubtful for each in rule.conditions if each.holds is None)
    return Triage(
        max((rule.course for rule in fitting), key=_WEIGHT.__getitem__, default=Course.CLONE),
        max((rule.grade for rule in fitting if rule.grade), default="A") if laptop.facts.hardware.known else "",
        tuple(dict.fromkeys(need for rule in fitting for need in rule.needs)),
        next((rule.image for rule in fitting if rule.image), ""),
        tuple(TriageRemark(rule.name, rule.say, rule.course, rule.grade) for rule in _telling(fitting)),
        tuple(dict.fromkeys(each.condition for each in doubts)),
    )


def _telling(fitting: list[TriageRule]) -> list[TriageRule]:
    """Without those that another says more exactly: who has less than 4 GB of memory has less than 8."""
    return [
        rule
        for rule in fitting
        if not any(
            other.course is rule.course and _within(other, rule) and not _within(rule, other) for other in fitting
        )
    ]


def judged(rules: tuple[TriageRule, ...], laptop: Laptop, now: float) -> Laptop:
    """`laptop` with what the rules make of it."""
    found = judge(rules, laptop, now)
    return laptop if found == laptop.triage else replace(laptop, triage=found)


@dataclass(frozen=True)
class RuleShown:
    """A rule as it was held against a laptop."""

    name: str
    fits: bool
    doubtful: bool
    """It would fit if what is not told were so."""
    course: Course
    grade: str
    say: str
    needs: tuple[str, ...]
    image: str
    conditions: tuple[ConditionSeen, ...]


@dataclass(frozen=True)
class TriageExplained:
    """What the rules make of a laptop, and every rule with its reasons."""

    laptop: str
    triage: Triage
    rules: tuple[RuleShown, ...]


def explain(rules: tuple[TriageRule, ...], laptop: Laptop, now: float) -> TriageExplained:
    """Every rule held against `laptop`, in words."""
    return TriageExplained(
        laptop.id, judge(rules, laptop, now), tuple(_shown(each) for each in see_rules(rules, laptop, now))
    )


def _shown(seen: RuleSeen) -> RuleShown:
    rule = seen.rule
    words = rule.name, seen.fits, seen.doubtful, rule.course, rule.grade, rule.say, rule.needs, rule.image
    return RuleShown(*words, seen.conditions)


def worse(course: str, than: str) -> bool:
    """Whether one course outweighs another; an empty one is `clone`."""
    return _WEIGHT[Course(course or "clone")] > _WEIGHT[Course(than or "clone")]


def contradictions(rules: tuple[TriageRule, ...]) -> list[str]:
    """What cannot be meant: in words, one line each."""
    found = [line for rule in rules for line in _impossible(rule)]
    for at, one in enumerate(rules):
        found += [line for other in rules[at + 1 :] if (line := _against_each_other(one, other))]
    return found


_OPPOSITE = (
    ("memory_at_least_gb", "memory_below_gb"),
    ("disk_at_least_gb", "disk_below_gb"),
    ("screen_inches_from", "screen_inches_below"),
)


def _impossible(rule: TriageRule) -> list[str]:
    """What is wrong with a rule by itself."""
    found: list[str] = []
    when = dict(rule.when)
    for low, high in _OPPOSITE:
        if low in when and high in when and float(when[low]) >= float(when[high]):
            found.append(
                Phrase(
                    "{name}: {low} = {least} and {high} = {most} never hold together",
                    name=rule.name,
                    low=low,
                    least=when[low],
                    high=high,
                    most=when[high],
                )
            )
    if when.get("battery") == "missing" and "battery_below" in when:
        found.append(
            Phrase(
                "{name}: a battery that is missing is never below {battery_below} %",
                name=rule.name,
                battery_below=when["battery_below"],
            )
        )
    if rule.image and rule.course in (Course.PARTS, Course.GIVE_BACK):
        found.append(
            Phrase(
                "{name}: it names the image {image} for laptops that are not cloned ({course})",
                name=rule.name,
                image=rule.image,
                course=rule.course,
            )
        )
    return found


def _against_each_other(one: TriageRule, other: TriageRule) -> str:
    """Whether two rules fit the very same laptops, or one's laptops all, and want what cannot be both."""
    same = set(one.when) == set(other.when)
    if one.image and other.image and one.image != other.image and (same or set(one.when) <= set(other.when)):
        return Phrase(
            "{one} and {other}: the image {image} is never taken, {one} gives {first} first",
            one=one.name,
            other=other.name,
            image=other.image,
            first=one.image,
        )
    if same and one.course is not other.course and not (_only_remarks(one) or _only_remarks(other)):
        return Phrase(
            "{one} and {other} fit the same laptops, and say {course} and {course2}",
            one=one.name,
            other=other.name,
            course=one.course,
            course2=other.course,
        )
    if same and one.grade and other.grade and one.grade != other.grade:
        return Phrase(
            "{one} and {other} fit the same laptops, and say grade {grade} and grade {grade2}",
            one=one.name,
            other=other.name,
            grade=one.grade,
            grade2=other.grade,
        )
    for better, lower in ((one, other), (other, one)):
        if better.grade and better.grade < lower.grade and _within(better, lower):
            return Phrase(
                "{name} never gives grade {grade}: {lower} fits all its laptops, and says {lower_grade}",
                name=better.name,
                grade=better.grade,
                lower=lower.name,
                lower_grade=lower.grade,
            )
    return ""


def _only_remarks(rule: TriageRule) -> bool:
    """Whether it says a sentence and decides nothing, so that a graver one beside it is no contradiction."""
    return rule.course is Course.CLONE and bool(rule.say) and not (rule.image or rule.grade or rule.needs)


def _within(narrow: TriageRule, wide: TriageRule) -> bool:
    """Whether every laptop that `narrow` fits is fitted by `wide`: each of its conditions is one of them, or weaker."""
    told = dict(narrow.when)
    return all(name in told and _implies(name, told[name], wanted) for name, wanted in wide.when)


def _implies(name: str, told: Value, wanted: Value) -> bool:
    if told == wanted:
        return True
    if "_below" in name:
        return float(told) <= float(wanted)
    return name.endswith(("_from", "_at_least_gb")) and float(told) >= float(wanted)
