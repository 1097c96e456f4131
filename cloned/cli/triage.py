"""`cloned triage …`: what the rules make of a laptop, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import click

from cloned import client
from cloned.cli.common import config_option, find_laptop, json_option, print_json, runtime, words
from cloned.code_words import COURSE_WORDS
from cloned.core.answer_data import TriageConditionData, TriageExplainedData, TriageRuleData
from cloned.languages import to_translate
from cloned.saying import Phrase


@click.group()
def triage() -> None:
    """See what is to become of a laptop before anything is written to it."""


@triage.command("explain")
@click.argument("laptop")
@config_option
@json_option
def explain(laptop: str, config: Path | None, as_json: bool) -> None:
    """Say what the rules make of LAPTOP, which of them fitted, and what the others lacked."""
    found = find_laptop(config, laptop)
    told: TriageExplainedData = client.get(runtime(config), f"/api/v1/laptops/{quote(found['id'], safe='')}/triage")
    if as_json:
        return print_json(told)
    click.echo("\n".join(lines(str(found["tag"] or found["number"]), told, words().say)))
    return None


Say = Callable[[str], str]
"""A sentence in the reader's language."""


def lines(name: str, told: TriageExplainedData, say: Say = str) -> Iterator[str]:
    """For people: the result, then every rule that fitted, that might, and that did not.

    Conditions are the configuration's own words; a course is in the reader's, with the configuration's after it.
    """
    result = told["triage"]
    grade = [say(Phrase("grade {grade}", grade=result["grade"]))] if result["grade"] else []
    yield ", ".join((say(Phrase("laptop {name}", name=name)) + f": {_course(result['course'], say)}", *grade))
    if result["needs"]:
        yield "  " + say(Phrase("needs: {needs}", needs=", ".join(map(say, result["needs"]))))
    if result["untold"]:
        yield "  " + say(Phrase("not told: {facts}", facts=", ".join(result["untold"])))
    if not told["rules"]:
        yield "  " + say(Phrase("there are no rules: see [triage] in the configuration"))
    for rule in sorted(told["rules"], key=lambda rule: (not rule["fits"], not rule["doubtful"])):
        sign = "+" if rule["fits"] else "?" if rule["doubtful"] else "-"
        yield f"  {sign} {rule['name']}: {'; '.join(_rule(rule, say))}"
        yield from (f"      {_condition(each, say)}" for each in rule["conditions"])


def _course(course: str, say: Say) -> str:
    """`Ask first (ask)`."""
    return f"{say(COURSE_WORDS[course])} ({course})"


def _rule(rule: TriageRuleData, say: Say) -> Iterator[str]:
    if rule["say"]:
        yield say(rule["say"])
    yield _course(rule["course"], say)
    if rule["grade"]:
        yield say(Phrase("grade {grade} at best", grade=rule["grade"]))
    if rule["needs"]:
        yield say(Phrase("needs {needs}", needs=", ".join(map(say, rule["needs"]))))
    if rule["image"]:
        yield say(Phrase("image {name}", name=rule["image"]))


_HOLDS = {True: to_translate("holds"), False: to_translate("does not hold"), None: to_translate("is not told")}
_YES_NO = {True: to_translate("yes"), False: to_translate("no")}


def _condition(condition: TriageConditionData, say: Say) -> str:
    wanted = condition["wanted"]
    shown = say(_YES_NO[wanted]) if isinstance(wanted, bool) else wanted
    found = say(Phrase("found: {found}", found=say(str(condition["found"])))) if condition["found"] else ""
    return f"{condition['condition']} = {shown} {say(_HOLDS[condition['holds']])}" + (f" ({found})" if found else "")
