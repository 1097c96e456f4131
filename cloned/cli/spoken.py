"""The command line in the terminal's language: helps of commands and options, and what click says itself."""

from __future__ import annotations

import inspect
import re

import click
from click import core, decorators, exceptions, formatting, parser, termui, types

from cloned.languages import Language, of_environment, to_translate

CLICKS = (
    to_translate("Usage:"),
    to_translate("Options"),
    to_translate("Commands"),
    to_translate("Show this message and exit."),
    to_translate("Show the version and exit."),
    to_translate("%(prog)s, version %(version)s"),
    to_translate("Error: {message}"),
    to_translate("Try '{command} {option}' for help."),
    to_translate("No such command {name!r}."),
    to_translate("No such option {name!r}."),
    to_translate("Did you mean {possibility}?"),
    to_translate("(Did you mean one of: {possibilities}?)"),
    to_translate("Option {name!r} does not take a value."),
    to_translate("Option {name!r} requires an argument."),
    to_translate("Option {name!r} requires {nargs} arguments."),
    to_translate("Got unexpected extra argument ({args})"),
    to_translate("Got unexpected extra arguments ({args})"),
    to_translate("Missing argument"),
    to_translate("Missing option"),
    to_translate("Missing command."),
    to_translate("default: {default}"),
    to_translate("required"),
    to_translate("Choose from:\n\t{choices}"),
    to_translate("{value!r} is not {choice}."),
    to_translate("{value!r} is not one of {choices}."),
    to_translate("{value} is not in the range {range}."),
    to_translate("{value!r} is not a valid {number_type}."),
    to_translate("integer"),
    to_translate("float"),
    to_translate("file"),
    to_translate("directory"),
    to_translate("path"),
    to_translate("{name} {filename!r} is a file."),
    to_translate("{name} {filename!r} is a directory."),
    to_translate("{name} {filename!r} is not readable."),
    to_translate("{name} {filename!r} is not writable."),
    to_translate("{name} {filename!r} does not exist."),
    to_translate("Could not open file {filename!r}: {message}"),
    to_translate("Confirm the action without prompting."),
    to_translate("Do you want to continue?"),
    to_translate("Repeat for confirmation"),
    to_translate("Error: The two entered values do not match."),
    to_translate("Error: invalid input"),
    to_translate("Aborted!"),
    to_translate("Invalid value: {message}"),
    to_translate("Invalid value for {param_hint}: {message}"),
)
"""Messages of click 8's own that people meet here."""
METAVARS = (to_translate("[OPTIONS]"), to_translate("COMMAND [ARGS]..."))
"""How click writes what may follow, where it has no message for it."""
PLACES = (
    to_translate("BATCH"),
    to_translate("DEVICE"),
    to_translate("DIRECTORY"),
    to_translate("DISK"),
    to_translate("EVENT"),
    to_translate("FILE"),
    to_translate("FLOAT"),
    to_translate("GRADE"),
    to_translate("HOST"),
    to_translate("INTEGER"),
    to_translate("KIND"),
    to_translate("LAPTOP"),
    to_translate("NAME"),
    to_translate("NOTE"),
    to_translate("NUMBER"),
    to_translate("OURS"),
    to_translate("PATH"),
    to_translate("PORT"),
    to_translate("RANGE"),
    to_translate("SECONDS"),
    to_translate("SERIAL"),
    to_translate("SESSION"),
    to_translate("SINK"),
    to_translate("SPEC"),
    to_translate("TEXT"),
    to_translate("THEIRS"),
    to_translate("UNTIL"),
    to_translate("WHAT"),
    to_translate("WHICH"),
    to_translate("WHY"),
    to_translate("WORD"),
    to_translate("YEAR"),
)
"""What stands in a line of usage for something that one types; others are the same in every language."""
_SPEAKING = (core, decorators, exceptions, formatting, parser, termui, types)


def prepare(group: click.Group) -> None:
    """Have click itself speak the terminal's language, and the group's own help."""
    words = of_environment()
    speak(words)
    if words.code != "en":
        _in(group, words)


def speak(words: Language) -> None:
    """Have click take its words from our catalogue: those of gettext(3) need compiled files, which a checkout lacks."""

    def several(one: str, many: str, count: int) -> str:
        return words.catalogue.gettext(one if count == 1 else many)

    for module in _SPEAKING:
        vars(module).update({"_": words.catalogue.gettext, "ngettext": several})


def translated(command: click.Command, words: Language | None = None) -> click.Command:
    """The command and all beneath it, with helps in the terminal's language."""
    words = words or of_environment()
    _in(command, words)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        translated(each, words)
    return command


def _in(command: click.Command, words: Language) -> None:
    if command.options_metavar:
        command.options_metavar = words.gettext(command.options_metavar)
    if isinstance(command, click.Group):
        command.subcommand_metavar = words.gettext(command.subcommand_metavar)
    if command.help:
        command.help = words.say(inspect.cleandoc(command.help))
    context = click.Context(command)
    for parameter in command.params:
        parameter.metavar = placed(parameter.make_metavar(context), words)
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = words.say(parameter.help)


def placed(metavar: str, words: Language) -> str:
    """`[LAPTOP]` with the words of the language; what is to be typed as it stands is small letters, and stays."""
    return re.sub("[A-Z]+", lambda found: words.gettext(found[0]) if found[0] in PLACES else found[0], metavar)
