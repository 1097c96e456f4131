"""`cloned token`: what programs act with over the API. It writes the file of hashes; a running daemon follows."""

from __future__ import annotations

from pathlib import Path

import click

from cloned.cli.common import config_option, echo, json_option, print_json, print_table
from cloned.config_file import load
from cloned.saying import Phrase
from cloned.status.tokens import SCOPES, Tokens


@click.group()
def token() -> None:
    """Tokens of programs that use the API."""


@token.command("new")
@click.argument("name")
@click.option("--scope", type=click.Choice(list(SCOPES)), default="read", show_default=True, help="What it may do.")
@config_option
@json_option
def new(name: str, scope: str, config: Path | None, as_json: bool) -> None:
    """Make a token called NAME and show it, once: only its hash is kept."""
    made = Tokens(load(config).workshop.state).make(name, scope)
    if as_json:
        return print_json({"name": name, "scope": scope, "token": made})
    return click.echo(made)


@token.command("list")
@config_option
@json_option
def list_(config: Path | None, as_json: bool) -> None:
    """List tokens by name, with what they may do; those of the configuration are `act`."""
    settings = load(config)
    rows = [
        {"name": each.name, "scope": each.scope, "made": each.made} for each in Tokens(settings.workshop.state).known()
    ]
    rows += [{"name": name, "scope": "act", "made": "configuration"} for name in settings.page.tokens]
    if as_json:
        return print_json(rows)
    return print_table(["name", "scope", "made"], [[row["name"], row["scope"], row["made"]] for row in rows])


@token.command("drop")
@click.argument("name")
@config_option
def drop(name: str, config: Path | None) -> None:
    """Have the token NAME be worth nothing any more."""
    Tokens(load(config).workshop.state).drop(name)
    echo(Phrase("{name} is worth nothing any more", name=name))
