"""`cloned hooks list|run EVENT`: what is run when something happened, and how it fares."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cloned.cli.common import config_option, echo, find_laptop, json_option, print_json, print_table
from cloned.config_file import load
from cloned.errors import Exit
from cloned.inventory.hooks import EVENTS, LOGGED, Hooks
from cloned.json_data import JsonObject
from cloned.languages import to_translate
from cloned.quoting import quoted
from cloned.saying import Phrase, message

EXAMPLE: JsonObject = {
    "id": "0000000000", "number": 1, "tag": "TEST-1", "label": "", "state": "asking", "why": "", "image": "",
    "verdict": "none", "serial": "TEST", "uuid": "", "vendor": "Test", "product": "Test", "macs": [], "port": "",
    "organisation": "", "lent": False, "donation": "",
}  # fmt: skip
"""The laptop that a hook is tried with where none is named."""


@click.group()
def hooks() -> None:
    """Executables that are run when something happened."""


@hooks.command("list")
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Show every hook, and why one is not run. Exit status 1 if one is refused."""
    files = _hooks(config).files()
    if as_json:
        print_json([{"name": each.path.name, "path": str(each.path), "refused": each.refused} for each in files])
    else:
        echo(
            Phrase(
                "{folder}: {count} {count:hook|hooks}; events: {events}",
                folder=load(config).hooks.folder,
                count=len(files),
                events=", ".join(EVENTS),
            )
        )
        print_table(["hook", "state"], [[each.path.name, each.refused or to_translate("is run")] for each in files])
    if any(each.refused for each in files):
        raise SystemExit(Exit.FAILED)


@hooks.command()
@click.argument("event", type=click.Choice(EVENTS))
@click.option("--laptop", metavar="LAPTOP", help="Try it with this laptop, which nothing happens to.")
@config_option
@json_option
def run(event: str, laptop: str | None, config: Path | None, as_json: bool) -> None:
    """Run every hook as for EVENT; show what it says. Exit status 1 if one fails."""
    about = EXAMPLE
    if laptop is not None:
        found = find_laptop(config, laptop)
        about = {name: found.get(name) for name in EXAMPLE}
    told: dict[str, object] = {"test": True}
    if event == "session-over":
        told["session"] = {"id": "test", "number": 1, "image": "test", "laptops": [about["id"]]}
    elif event == "image-ready":
        told["image"] = {"name": "test", "image_hash": "", "used": 0}
    elif event == "evening-over":
        told["evening"] = {"laptops": 0, "through": 0}
    else:
        told["laptop"] = about
    runs = asyncio.run(_hooks(config).fire(event, told))
    if as_json:
        print_json([vars(each) for each in runs])
    else:
        for each in runs:
            echo(Phrase("{name}: {trouble}", name=each.name, trouble=message(each.trouble or "well")))
            lines = each.output.splitlines()
            for line in lines[:LOGGED]:
                click.echo(Phrase("    {line}", line=quoted(line)))
            if lines[LOGGED:]:
                echo(Phrase("and {count} more {count:line|lines}", count=len(lines) - LOGGED))
    if any(each.trouble for each in runs):
        raise SystemExit(Exit.FAILED)


def _hooks(config: Path | None) -> Hooks:
    settings = load(config)
    return Hooks(settings.hooks.folder, settings.workshop.state / "hooks", settings.hooks.seconds)
