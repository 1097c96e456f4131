"""`cloned print`: papers of a laptop or of today, into a file or to the workshop's printer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import click

from cloned import client
from cloned.cli.common import config_option, json_option, print_json, runtime
from cloned.config import Config
from cloned.config_file import load
from cloned.errors import ClonedError, UsageError
from cloned.papers.printer import hand_over
from cloned.saying import Phrase

PAPERS = ("label", "sheet")


@click.command("print", context_settings={"ignore_unknown_options": False})
@click.argument("what", nargs=-1, metavar="[LAPTOP] label|sheet")
@click.option("--today", is_flag=True, help="Of every laptop that had a result today, instead of one LAPTOP.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), help="Into a FILE.")
@click.option("--media", help="What labels are printed on: 62, 62x29, L7160 or L6009.")
@click.option("--place", type=click.IntRange(1), help="On sheets of labels, the first free place.")
@click.option("--of", type=click.Choice(["laptop", "charger", "battery"]), help="What a label is for.")
@click.option("--lang", type=click.Choice(["nl", "fr", "en"]), help="Instead of the workshop's language.")
@config_option
@json_option
def print_(
    what: tuple[str, ...],
    today: bool,
    output: Path | None,
    config: Path | None,
    as_json: bool,
    **query: str | int | None,
) -> None:
    """Print a label or hand-over sheet of a LAPTOP, or of all of today, or put it into a FILE (-: standard output)."""
    laptop, paper = _asked(what, today)
    printer = "" if output else _printer(load(config), paper)
    data = client.fetch(runtime(config), _path(laptop, paper, query))
    if output:
        _write(output, data)
    else:
        _to_printer(printer, f"cloned {paper} {laptop or 'today'}", data)
    if as_json:
        print_json({"ok": True, "bytes": len(data), **({"file": str(output)} if output else {"printer": printer})})


def _printer(config: Config, paper: str) -> str:
    """The CUPS name of the printer for a paper. UsageError where none is configured."""
    name = config.print.label if paper == "label" else config.print.sheet
    if not name:
        hint = Phrase(
            'name a file with -o, for example -o {paper}.pdf, or a printer in [print] {paper} = "NAME"', paper=paper
        )
        raise UsageError("say where to", hint)
    return name


def _to_printer(printer: str, title: str, data: bytes) -> None:
    """Hand a PDF to CUPS, which queues it where the printer is away. ClonedError with its own words."""
    hand_over(printer, title, data)


def _asked(what: tuple[str, ...], today: bool) -> tuple[str, str]:
    """The laptop (none for today's) and the paper. UsageError."""
    names = list(what)
    if len(names) != (1 if today else 2) or names[-1] not in PAPERS:
        raise UsageError("say whose paper, and which", "cloned print LAPTOP|--today label|sheet [-o FILE]")
    return ("" if today else names[0]), names[-1]


def _path(laptop: str, paper: str, query: Mapping[str, str | int | None]) -> str:
    given = {key: value for key, value in query.items() if value is not None and (paper == "label" or key == "lang")}
    where = f"/laptops/{quote(laptop, safe='')}/{paper}.pdf" if laptop else f"/today/{paper}s.pdf"
    return where + (f"?{urlencode(given)}" if given else "")


def _write(output: Path, data: bytes) -> None:
    if str(output) == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ClonedError(
            Phrase("{output} could not be written: {error}", output=output, error=error),
            "name another file with -o",
        ) from error
