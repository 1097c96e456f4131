"""The command line in the terminal's language: helps of commands and options, and what click says itself."""

from __future__ import annotations

import gettext
import inspect

import click

from cloned.assets import root
from cloned.languages import DOMAIN, Language, of_environment, to_translate

CLICKS = (
    to_translate("Usage:"),
    to_translate("Options"),
    to_translate("Commands"),
    to_translate("Show this message and exit."),
    to_translate("Show the version and exit."),
    to_translate("Error: {message}"),
    to_translate("Try '{command} {option}' for help."),
    to_translate("No such command {name!r}."),
    to_translate("No such option: {name}"),
    to_translate("Missing argument"),
    to_translate("Missing option"),
    to_translate("Missing command."),
    to_translate("required"),
    to_translate("Confirm the action without prompting."),
    to_translate("Do you want to continue?"),
    to_translate("Invalid value: {message}"),
    to_translate("Invalid value for {param_hint}: {message}"),
    to_translate("{value!r} is not a valid {number_type}."),
)
"""Messages of click 8's own that people meet here; it looks them up in the domain of `gettext(3)`."""


def prepare(group: click.Group) -> None:
    """Have click itself speak the terminal's language, and the group's own help."""
    words = of_environment()
    if words.code != "en":
        gettext.bindtextdomain(DOMAIN, str(root("web") / "locale"))
        gettext.textdomain(DOMAIN)
        _in(group, words)


def translated(command: click.Command, words: Language | None = None) -> click.Command:
    """The command and all beneath it, with helps in the terminal's language."""
    words = words or of_environment()
    _in(command, words)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        translated(each, words)
    return command


def _in(command: click.Command, words: Language) -> None:
    if command.help:
        command.help = words.say(inspect.cleandoc(command.help))
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = words.say(parameter.help)
