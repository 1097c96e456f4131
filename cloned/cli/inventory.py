"""`cloned inventory …`: the ledger of results and the sinks it is pushed to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from cloned import client
from cloned.cli.common import config_option, echo, find_laptop, json_option, moment, print_json, print_table
from cloned.config_file import load
from cloned.errors import ClonedError, Exit, MissingError, UsageError
from cloned.inventory import imported, rehearsal
from cloned.inventory import offline as commands
from cloned.inventory.deliveries import Which
from cloned.inventory.sinks.base import Surroundings
from cloned.json_data import JsonObject
from cloned.languages import to_translate
from cloned.ownership import hand_over
from cloned.quoting import quoted
from cloned.saying import Phrase

_STATUS = {
    "sink": to_translate("sink"),
    "state": to_translate("state"),
    "waiting": to_translate("waiting"),
    "oldest": to_translate("oldest"),
    "sent": to_translate("sent"),
    "refused": to_translate("refused"),
    "reason": to_translate("reason"),
}
_LOG = {
    "sink": to_translate("sink"),
    "attempt": to_translate("attempt"),
    "revision": to_translate("revision"),
    "state": to_translate("state"),
    "tries": to_translate("tries"),
    "recorded": to_translate("recorded"),
    "sent": to_translate("sent"),
    "reason": to_translate("reason"),
}
"""Columns, and what they are called."""
_SINK_STATES = {
    "idle": to_translate("idle"),
    "sending": to_translate("sending"),
    "failing": to_translate("failing"),
    "asks": to_translate("asks"),
    "unused": to_translate("unused"),
    "waiting": to_translate("waiting"),
    "sent": to_translate("sent"),
    "refused": to_translate("refused"),
    "dead": to_translate("refused"),
    "dropped": to_translate("dropped"),
    "superseded": to_translate("superseded"),
}


def _cell(row: JsonObject, name: str) -> str:
    value = "" if row.get(name) is None else row[name]
    text = value if isinstance(value, str) else str(value)
    return _SINK_STATES.get(text, text) if name == "state" else text


@click.group()
def inventory() -> None:
    """Results: what is recorded, what the sinks still have to get."""


@inventory.command()
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Show how many results are recorded and what each sink still has to get."""
    settings = load(config)
    told = asyncio.run(commands.status(settings.ledger_place, [sink.name for sink in settings.sink]))
    if as_json:
        print_json(told)
        return
    echo(Phrase("{rows} {rows:result|results} recorded", rows=told["rows"]))
    rows = [{**sink, "oldest": age(sink["oldest_seconds"])} for sink in told["sinks"]]
    print_table(list(_STATUS.values()), [[_cell(row, name) for name in _STATUS] for row in rows])
    for sink in told["sinks"]:
        for dead in sink["dead"]:
            said = Phrase(
                "{sink} refused laptop {laptop}, attempt {attempt}: {reason}",
                sink=sink["sink"],
                laptop=dead["laptop"],
                attempt=dead["attempt"],
                reason=dead["reason"],
            )
            echo(quoted(said, 500))


@inventory.command()
@click.argument("laptop")
@config_option
@json_option
def log(laptop: str, config: Path | None, as_json: bool) -> None:
    """Show what every sink got of a LAPTOP, what it said, and what it has not got."""
    told = asyncio.run(commands.log(load(config).ledger_place, called(laptop, config)))
    if as_json:
        print_json(told)
        return
    rows = [{**row, "recorded": moment(row["recorded"]), "sent": moment(row["sent"])} for row in told]
    print_table(list(_LOG.values()), [[_cell(row, name) for name in _LOG] for row in rows])


@inventory.command()
@click.argument("sink", required=False)
@click.argument("laptop", required=False)
@config_option
def retry(sink: str | None, laptop: str | None, config: Path | None) -> None:
    """Send again what a SINK (or every sink) refused, of one LAPTOP or of all."""
    name = None if laptop is None else called(laptop, config)
    count = asyncio.run(commands.retry(load(config).ledger_place, sink, name))
    echo(Phrase("{count} {count:result is|results are} sent again", count=count))


@inventory.command()
@click.argument("sink")
@click.argument("laptop", required=False)
@click.option("--reason", required=True, help="Why it is given up; kept with it.")
@config_option
def drop(sink: str, laptop: str | None, reason: str, config: Path | None) -> None:
    """Give up what a SINK refused, of one LAPTOP (also what it has not taken yet) or of all."""
    name = None if laptop is None else called(laptop, config)
    count = asyncio.run(commands.drop(load(config).ledger_place, sink, name, reason))
    echo(Phrase("{count} {count:result is|results are} dropped", count=count))


@inventory.command()
@click.argument("sink")
@click.argument("which", type=click.Choice(["none", "newest", "all"]))
@config_option
def begin(sink: str, which: Which, config: Path | None) -> None:
    """Say WHICH of the results from before a new SINK was configured it is to get; try `inventory test` first."""
    count = asyncio.run(commands.begin(load(config).ledger_place, sink, which))
    echo(Phrase("{sink} gets {count} {count:result|results} from before", sink=sink, count=count))


@inventory.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
def export(file: Path, config: Path | None) -> None:
    """Write every result into FILE: .xlsx for spreadsheets, .csv, .json or .jsonl for programs."""
    count, misread, written = asyncio.run(commands.export(load(config).ledger_place, file))
    echo(Phrase("{count} {count:result|results} written to {file}", count=count, file=" + ".join(map(str, written))))
    if misread:
        echo(
            Phrase(
                "a spreadsheet misreads {misread} {misread:cell|cells} as numbers or dates: for people, there is .xlsx",
                misread=misread,
            ),
            err=True,
        )


@inventory.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--columns", metavar="OURS=THEIRS,…", default="", help="What its columns are called: serial=S/N,tag=Nr.")
@config_option
def take_in(file: Path, columns: str, config: Path | None) -> None:
    """Take in a list of laptops from FILE (CSV): serial, tag, model, status, label, whether lent; nothing else is kept.

    It takes the place of the one before.
    """
    settings = load(config)
    entries, odd = imported.read(file.read_bytes(), named_columns(columns))
    imported.keep(settings.workshop.state, entries, time.time())
    hand_over(settings.workshop.state)
    for each in odd[:20]:
        echo(quoted(each), err=True)
    if odd[20:]:
        echo(Phrase("and {count} more {count:line|lines}", count=len(odd) - 20), err=True)
    echo(Phrase("{count} {count:laptop|laptops} taken in", count=len(entries)))
    try:
        client.command(settings.workshop.runtime, "reload")
    except MissingError:
        return  # the daemon reads it when it starts


def named_columns(text: str) -> dict[str, str]:
    """`serial=S/N,tag=Nr.` as a mapping. Raises UsageError."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    wrong = [ours for ours, sign, theirs in pairs if ours.strip() not in imported.GUESSES or not theirs.strip()]
    if wrong:
        raise UsageError(
            Phrase("--columns does not know {wrong}", wrong=", ".join(wrong)),
            Phrase("it knows: {guesses}", guesses=", ".join(imported.GUESSES)),
        )
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


@inventory.command("test")
@click.argument("sink")
@click.option("--laptop", metavar="LAPTOP", help="Try it with the newest result of this laptop.")
@config_option
@json_option
def rehearse(sink: str, laptop: str | None, config: Path | None, as_json: bool) -> None:
    """Do everything that SINK would, but write; say what it would find, create and change."""
    settings = load(config)
    around = Surroundings(settings.workshop.name, settings.page.url)
    name = None if laptop is None else called(laptop, config)
    told = asyncio.run(rehearsal.rehearse(settings.sink, sink, name, settings.ledger_place, around))
    if as_json:
        print_json([each.to_json() for each in told])
    else:
        for each in told:
            echo(each.line())
    if not all(each.possible for each in told):
        raise SystemExit(Exit.FAILED)


def called(name: str, config: Path | None) -> str:
    """The id of the laptop that people call so: the daemon knows its number and port, if one runs; else as it is."""
    try:
        return str(find_laptop(config, name)["id"])
    except ClonedError:
        return name


def age(seconds: float | None) -> str:
    """`3 d`, `2 h`, `5 min`, `40 s`; empty where nothing waits."""
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
