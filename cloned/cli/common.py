"""What every command of the command line shares: its options, how it asks the daemon, how it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cloned import client
from cloned.config_file import load
from cloned.languages import Language, of_environment
from cloned.quoting import quoted

if TYPE_CHECKING:
    from cloned.core.shown_data import LaptopData, WorkshopData

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The daemon's configuration (default /etc/cloned/cloned.toml).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def runtime(config: Path | None) -> Path:
    """Where the daemon of this configuration listens."""
    return load(config).workshop.runtime


def state(config: Path | None) -> WorkshopData:
    """The whole workshop, from the daemon."""
    told: WorkshopData = client.get(runtime(config), "/api/v1/state")
    return told


def find_laptop(config: Path | None, name: str) -> LaptopData:
    """The laptop that people call so; UsageError from the daemon if none or several fit."""
    told: LaptopData = client.get(runtime(config), f"/api/v1/laptops/{quote(name, safe='')}")
    return told


def print_json(data: object) -> None:
    """Data as JSON on standard output."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


_WHOLE = frozenset({"no.", "tag", "serial", "port", "id", "sink"})
"""Columns whose cells are typed into other commands: no line of a narrow terminal cuts them."""
_NAMES = _WHOLE | {"laptop", "image", "name", "DELIVERY", "ORGANISATION"}
"""And these are names that people or machines gave: an inventory called "inventory" is so in every language."""


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Rows beneath their headings, as wide as the terminal; what laptops tell is text, never markup."""
    from rich.console import Console  # the daemon prints no table
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    speaks = words()
    for column in columns:
        table.add_column(speaks.say(column), no_wrap=column in _WHOLE)
    for row in rows:
        told = (cell if column in _NAMES else speaks.say(cell) for column, cell in zip(columns, row, strict=True))
        table.add_row(*(Text(quoted(cell, 500)) for cell in told))
    Console().print(table)


def gigabytes(size: float) -> str:
    """`7.3 GB`: decimal units, as disks are sold."""
    return words().size(size)


def moment(at: str | float | None) -> str:
    """An ISO time or seconds since 1970 as this terminal's people write it; nothing for None."""
    return words().when(at, seconds=True)


def words() -> Language:
    """What this terminal speaks: as LC_ALL, LC_MESSAGES or LANG say; English without them."""
    return of_environment()


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """A sentence for the person at the terminal, in its language."""
    click.echo(words().say(text) if isinstance(text, str) else text, err=err, nl=nl)


def confirm(question: str) -> None:
    """Ask whoever sits there; click.Abort unless the answer is yes, in this terminal's words or in English."""
    speaks = words()
    yes, no = speaks.gettext("yes"), speaks.gettext("no")
    asked = f"{speaks.say(question)} [{yes[0]}/{no[0].upper()}]"
    answer = str(click.prompt(asked, default=no, show_default=False)).strip().lower()
    if answer not in (yes, yes[0], "yes", "y"):
        raise click.Abort
