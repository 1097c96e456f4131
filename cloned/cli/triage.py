"""`cloned triage …`: what the rules make of a laptop, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cloned import client
from cloned.cli.common import config_option, find_laptop, json_option, print_json, runtime


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
    told = client.get(runtime(config), f"/api/v1/laptops/{quote(found['id'], safe='')}/triage")
    if as_json:
        return print_json(told)
    click.echo("\n".join(lines(str(found["tag"] or found["number"]), told)))
    return None


def lines(name: str, told: dict[str, Any]) -> Iterator[str]:
    """For people: the result, then every rule that fitted, that might, and that did not."""
    result = told["triage"]
    yield f"laptop {name}: {result['course']}" + (f", grade {result['grade']}" if result["grade"] else "")
    if result["needs"]:
        yield f"  needs: {', '.join(result['needs'])}"
    if result["untold"]:
        yield f"  not told: {', '.join(result['untold'])}"
    if not told["rules"]:
        yield "  there are no rules: see [triage] in the configuration"
    for rule in sorted(told["rules"], key=lambda rule: (not rule["fits"], not rule["doubtful"])):
        yield f"  {'+' if rule['fits'] else '?' if rule['doubtful'] else '-'} {rule['name']}: {_rule(rule)}"
        yield from (f"      {_condition(each)}" for each in rule["conditions"])


def _rule(rule: dict[str, Any]) -> str:
    grade = f"grade {rule['grade']} at best" if rule["grade"] else ""
    needs = f"needs {', '.join(rule['needs'])}" if rule["needs"] else ""
    image = f"image {rule['image']}" if rule["image"] else ""
    return "; ".join(part for part in (rule["say"], rule["course"], grade, needs, image) if part)


def _condition(condition: dict[str, Any]) -> str:
    holds = {True: "holds", False: "does not hold", None: "is not told"}[condition["holds"]]
    found = f" (found: {condition['found']})" if condition["found"] else ""
    wanted = (
        {True: "yes", False: "no"}.get(condition["wanted"], condition["wanted"])
        if isinstance(condition["wanted"], bool)
        else condition["wanted"]
    )
    return f"{condition['condition']} = {wanted} {holds}{found}"
