"""The command line: `cloned …`. Exit status 0 all well, 1 failed, 2 wrong usage, 3 something needed is missing."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from cloned import __version__, logs
from cloned.errors import ClonedError, Exit
from cloned.logs import LogFormat
from cloned.memory import STARTING, collect_seldom

if TYPE_CHECKING:
    from cloned.languages import Language

_COMMANDS = {
    "serve": "cloned.cli.serve:serve",
    "check": "cloned.cli.serve:check",
    "backup": "cloned.cli.serve:backup",
    "restore": "cloned.cli.serve:restore",
    "pin": "cloned.cli.people:pin",
    "token": "cloned.cli.token:token",
    "user": "cloned.cli.people:user",
    "image": "cloned.cli.image:image",
    "live": "cloned.cli.image:live",
    "switch": "cloned.cli.switch:switch",
    "lab": "cloned.cli.lab:lab",
    "laptops": "cloned.cli.workshop:laptops",
    "sessions": "cloned.cli.workshop:sessions",
    "netboot": "cloned.cli.workshop:netboot",
    "inventory": "cloned.cli.inventory:inventory",
    "hooks": "cloned.cli.hooks:hooks",
    "tag": "cloned.cli.tag:tag",
    "print": "cloned.cli.print:print_",
    "erase": "cloned.cli.erase:erase",
    "deliveries": "cloned.cli.deliveries:deliveries",
    "triage": "cloned.cli.triage:triage",
    "evening": "cloned.cli.evening:evening",
}
"""Each command where its module is: importing all of them would take longer than most commands do.

Commands that act on the workshop are not among them: they are made from the core's table (acting.py)."""


class _Lazy(click.Group):
    """A group that imports a command when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from cloned.cli import acting

        return [*_COMMANDS, *acting.names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            from cloned.cli import acting
            from cloned.cli.spoken import translated

            made = acting.made(cmd_name)
            return None if made is None else translated(made)
        if cmd_name == "serve":
            collect_seldom(STARTING)
        module, name = place.split(":")
        from cloned.cli.spoken import translated

        command: click.Command = getattr(importlib.import_module(module), name)
        return translated(command)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cloned")
@click.option("-v", "--verbose", is_flag=True, help="Tell more of what is going on.")
@click.option(
    "--log-format",
    type=click.Choice(["auto", "text", "json", "journal"]),
    default="auto",
    help="Lines with key=value, JSON, or fields of systemd's journal; auto: the journal where it listens, else text.",
)
def cloned(verbose: bool, log_format: LogFormat) -> None:
    """Boot laptops from the network, clone them by multicast, and prove every disk."""
    logs.start(log_format, logging.DEBUG if verbose else logging.INFO)


def error_text(error: ClonedError) -> str:
    """An error and its next step, as this terminal speaks."""
    words = spoken()
    said, hint = words.say(error.message), words.say(error.hint)
    return f"{said}: {hint}" if hint else said


def spoken() -> Language:
    """Only asked for where something is said: it takes a while to import."""
    from cloned.languages import of_environment

    return of_environment()


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; every error is one clear line on standard error and an exit status."""
    from cloned.cli.spoken import prepare

    collect_seldom()
    prepare(cloned)
    try:
        code = cloned.main(args, prog_name="cloned", standalone_mode=False)
    except click.exceptions.Abort:
        print(spoken().gettext("stopped"), file=sys.stderr)
        sys.exit(Exit.FAILED)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except ClonedError as error:
        print(f"cloned: {error_text(error)}", file=sys.stderr)
        sys.exit(error.exit)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else Exit.OK)
