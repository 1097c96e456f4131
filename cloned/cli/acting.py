"""Commands that act on the running workshop: each made from its line in the table of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cloned import client
from cloned.cli.common import config_option, echo, json_option, print_json, runtime, state, words
from cloned.cli.spoken import placed
from cloned.cli.workshop import STATES
from cloned.config_file import load
from cloned.core.commands import TABLE, VERBS
from cloned.core.shown_data import SessionData
from cloned.core.verbs import Holds, Verb, Word
from cloned.json_data import JsonObject, as_object, as_text
from cloned.saying import Phrase, message


def names() -> list[str]:
    """Verbs that are commands of their own."""
    return [verb.name for verb in TABLE if not verb.command_line]


def command(verb: Verb) -> click.Command:
    """`cloned VERB …`: target and needed words are arguments, the others options."""
    parameters: list[click.Parameter] = []
    if verb.target.noun:
        metavar = verb.target.noun.upper()
        parameters.append(click.Argument(["target"], required=not verb.target.optional, metavar=metavar))
    parameters += [_parameter(word) for word in verb.takes]
    made = click.Command(verb.name, params=parameters, callback=_acts(verb), help=_help(verb))
    return config_option(json_option(made))


def made(name: str) -> click.Command | None:
    """The command of a verb, by any of its names."""
    found = next((verb for verb in TABLE if name in (verb.name, *verb.also) and not verb.command_line), None)
    return None if found is None else command(found)


class VerbGroup(click.Group):
    """A group that also has verbs of the table: made when they are asked for, in the language of then."""

    def __init__(self, *args: Any, verbs: Mapping[str, str], **more: Any) -> None:
        """`verbs`: the name of each command, and of its verb."""
        super().__init__(*args, **more)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, by name."""
        return sorted((*super().list_commands(ctx), *self._verbs))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None if there is none."""
        verb = self._verbs.get(cmd_name)
        return command(VERBS[verb]) if verb else super().get_command(ctx, cmd_name)


def _parameter(word: Word) -> click.Parameter:
    kind = click.INT if word.holds is Holds.COUNT else click.STRING
    if word.flag:
        return click.Option(
            [f"--{word.shown}", word.field], is_flag=True, flag_value=word.flag, help=f"{words().say(word.help)}."
        )
    if word.needed and not word.option:
        return click.Argument([word.field], type=kind, metavar=word.shown.upper())
    return click.Option(
        [f"--{word.shown}", word.field], type=kind, required=word.needed, help=f"{words().say(word.help)}."
    )


def _help(verb: Verb) -> str:
    lines = [
        f"{placed(word.shown.upper(), words())}: {words().say(word.help)}."
        for word in verb.takes
        if word.needed and not word.option
    ]
    return "\n\n".join((words().say(verb.help), *lines))


def _acts(verb: Verb) -> Callable[..., None]:
    def act(config: Path | None, as_json: bool, **words: object) -> None:
        given = {key: value for key, value in words.items() if value is not None}
        answer = client.command(runtime(config), verb.name, **given)
        if as_json:
            return print_json(answer)
        if "port" in answer and "session" in answer:
            return _say_to_guests(config, as_text(answer["session"]))
        echo(Phrase("{name}: {get}", name=verb.name, get=_state(answer)))
        return None

    return act


def _state(answer: JsonObject) -> str:
    """What became of it, as a sentence that can be said in any language."""
    if answer.get("told"):
        return Phrase.read(answer["told"])
    state = str(answer.get("state", "done"))
    return message(STATES.get(state, state))


def _say_to_guests(config: Path | None, session: str) -> None:
    opened = next(each for each in state(config)["sessions"] if each["id"] == session)
    for line in for_guests(opened, load(config).network.boot_port):
        echo(line)


def for_guests(session: SessionData, port: int) -> list[str]:
    """What to type on each guest, line by line; DISK is its disk. They are never verified, so never done."""
    server = as_object(session.get("sender") or {}).get("server", "SERVER")
    return [
        Phrase(
            "session {number} waits for {guests} {guests:guest|guests}; on each, as root, with DISK=its disk:",
            number=session["number"],
            guests=session["guests"],
        ),
        f"  curl http://{server}:{port}/classic/{session['id']}/$DISK.tar | tar -x -C /tmp",
        f"  ocs-sr -or /tmp -l en_US.UTF-8 -batch -nogui -scr -p true --mcast-port {session['port']} "
        f"multicast_restoredisk {session['image']} $DISK",
        Phrase("`cloned cancel {id}` ends it.", id=session["id"]),
    ]
