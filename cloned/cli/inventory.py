"""`cloned inventory …`: the ledger of results and the sinks it is pushed to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cloned.cli.common import config_option, json_option, print_json, print_table
from cloned.config import load
from cloned.errors import Exit
from cloned.inventory import offline as commands
from cloned.inventory import rehearsal
from cloned.inventory.sinks.base import Surroundings


@click.group()
def inventory() -> None:
    """Results: what is recorded, what the sinks still have to get."""


@inventory.command()
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Show how many results are recorded and what each sink still has to get."""
    settings = load(config)
    told = asyncio.run(commands.status(ledger_path(settings.workshop.state), [sink.name for sink in settings.sink]))
    if as_json:
        print_json(told)
        return
    click.echo(f"{told['rows']} results recorded")
    columns = ["sink", "state", "waiting", "sent", "refused", "reason"]
    print_table(columns, [[str(sink.get(name, "")) for name in columns] for sink in told["sinks"]])


@inventory.command()
@click.argument("sink", required=False)
@config_option
def retry(sink: str | None, config: Path | None) -> None:
    """Send again what a SINK (or every sink) refused."""
    count = asyncio.run(commands.retry(ledger_path(load(config).workshop.state), sink))
    click.echo(f"{count} results are sent again")


@inventory.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
def export(file: Path, config: Path | None) -> None:
    """Write every result into FILE: .xlsx for spreadsheets, .csv or .json for programs."""
    count, misread = asyncio.run(commands.export(ledger_path(load(config).workshop.state), file))
    click.echo(f"{count} results written to {file}")
    if misread:
        click.echo(
            f"a spreadsheet makes numbers or dates of {misread} cells of it: for people, export to .xlsx", err=True
        )


@inventory.command("test")
@click.argument("sink")
@click.option("--laptop", metavar="LAPTOP", help="Try it with the newest result of this laptop.")
@config_option
@json_option
def rehearse(sink: str, laptop: str | None, config: Path | None, as_json: bool) -> None:
    """Do everything that SINK would, but write; say what it would find, create and change."""
    settings = load(config)
    place = ledger_path(settings.workshop.state)
    around = Surroundings(settings.workshop.name, settings.page.url)
    told = asyncio.run(rehearsal.rehearse(settings.sink, sink, laptop, place, around))
    if as_json:
        print_json([each.told() for each in told])
    else:
        click.echo("\n".join(each.line() for each in told))
    if not all(each.possible for each in told):
        raise SystemExit(Exit.FAILED)


def ledger_path(state: Path) -> Path:
    """Where the ledger is under a state directory."""
    return state / "ledger.sqlite"
