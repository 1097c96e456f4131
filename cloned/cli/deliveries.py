"""`cloned deliveries …`: donors' deliveries, what came of them, and the papers of it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from cloned import client
from cloned.cli import acting
from cloned.cli.common import config_option, echo, json_option, print_json, print_table, runtime
from cloned.core.account_types import Account
from cloned.saying import Phrase

_LANGUAGES = click.Choice(["nl", "fr", "en"])
_YEAR = click.IntRange(2000, 2999)


_VERBS = {"open": "delivery", "close": "delivery-close", "book": "donation", "fate": "fate"}


@click.group(cls=acting.VerbGroup, verbs=_VERBS)
def deliveries() -> None:
    """Donors' deliveries: open one, book laptops on it, and tell what became of them."""


@deliveries.command("list")
@click.option("--year", type=_YEAR, default=None, help="What happened in this year alone.")
@config_option
@json_option
def list_(year: int | None, config: Path | None, as_json: bool) -> None:
    """Show every delivery and what became of its laptops; a star marks the open one."""
    found: list[Account] = client.get(runtime(config), f"/api/v1/deliveries?year={year or ''}")
    if as_json:
        return print_json(found)
    print_table(
        ["DELIVERY", "ORGANISATION", "CAME", "GIVEN", "PARTS", "SCRAPPED", "HERE", "ERASED", "NOT ERASED", "CO2 KG"],
        [_row(each) for each in found],
    )
    return None


def _row(each: Account) -> list[str]:
    names = ("came", "given", "parts", "scrapped", "here", "erased", "not_erased", "co2_kg")
    figures = [each.get(key) for key in names]
    name = f"{each['name']} *" if each["booking"] else each["name"]
    return [name, each["organisation"], *("-" if figure is None else str(figure) for figure in figures)]


@deliveries.command("account")
@click.argument("name")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write."
)
@click.option("--lang", type=_LANGUAGES, default=None, help="Else the workshop's.")
@config_option
def account(name: str, output: Path, lang: str | None, config: Path | None) -> None:
    """Write the account of delivery NAME for its donor."""
    path = f"/api/v1/account.pdf?donation={quote(name, safe='')}&lang={lang or ''}"
    output.write_bytes(client.fetch(runtime(config), path))
    echo(Phrase("{output}: account of delivery {name}", output=output, name=name))


@deliveries.command("report")
@click.argument("year", type=_YEAR)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The CSV to write."
)
@click.option("--lang", type=_LANGUAGES, default=None, help="Else the workshop's.")
@config_option
def report(year: int, output: Path, lang: str | None, config: Path | None) -> None:
    """Write the report of a YEAR as CSV: a line for each delivery, then all together."""
    output.write_bytes(client.fetch(runtime(config), f"/api/v1/deliveries.csv?year={year}&lang={lang or ''}"))
    echo(Phrase("{output}: report of {year}", output=output, year=year))
