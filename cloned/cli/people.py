"""`cloned pin` and `cloned user`: who may sign in. They write the file of hashes; a running daemon follows."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from cloned import client
from cloned.cli.common import config_option, echo, json_option, print_json, print_table, runtime, words
from cloned.config_file import load
from cloned.core.verbs import Role
from cloned.errors import UsageError
from cloned.saying import Phrase
from cloned.status.people import People, Person

NO_PIN = Phrase("no PIN signs in here, only people with a name (`cloned user list`); `cloned pin --new` makes one")
KEPT = Phrase(
    "only a hash of the PIN is kept, so nobody can read it; `cloned pin --new` makes another and shows it once"
)


@click.command()
@config_option
@click.option("--new", is_flag=True, help="Make another PIN and show it; whoever signed in with the old one is out.")
@click.option("--off", is_flag=True, help="From now on only people with a name sign in.")
def pin(config: Path | None, new: bool, off: bool) -> None:
    """Make the workshop's PIN, which volunteers act with on the page. It is shown once, a hash is kept."""
    if new and off:
        raise UsageError("a new PIN or none, not both", "cloned pin --new")
    people = _people(config)
    if off:
        people.no_pin()
        return echo(NO_PIN)
    made = people.new_pin() if new else people.settle()
    return echo(made or (KEPT if people.book().pin else NO_PIN))


@click.group()
def user() -> None:
    """Give people names of their own, so that the history says who did what. Initials will do."""


@user.command("add")
@click.argument("name")
@click.option("--administrator", is_flag=True, help="May also change settings, images and people's work.")
@click.option("--generate", is_flag=True, help="Make the password up and show it once.")
@config_option
@json_option
def add(name: str, administrator: bool, generate: bool, config: Path | None, as_json: bool) -> None:
    """Let NAME sign in, with a password that is asked for or comes on standard input (volunteers: a PIN will do)."""
    secret = _generated() if generate else _asked()
    person = _people(config).add(name, Role.ADMINISTRATOR if administrator else Role.VOLUNTEER, secret)
    _told(_shown(person), secret if generate else "", as_json)


@user.command("list")
@config_option
@json_option
def list_(config: Path | None, as_json: bool) -> None:
    """List who may sign in."""
    book = _people(config).book()
    rows = [_shown(each) for each in book.people]
    if as_json:
        return print_json({"pin": book.pin is not None, "people": rows})
    print_table(["name", "role", "since"], [[row["name"], row["role"], row["made"]] for row in rows])
    return echo("and whoever knows the PIN, as volunteer" if book.pin else NO_PIN)


@user.command("password")
@click.argument("name")
@click.option("--generate", is_flag=True, help="Make the password up and show it once.")
@config_option
@json_option
def password(name: str, generate: bool, config: Path | None, as_json: bool) -> None:
    """Give NAME another password; whoever signed in with the old one is signed out."""
    secret = _generated() if generate else _asked()
    people = _people(config)
    people.password(name, secret)
    known = people.book().person(name)
    assert known is not None
    _told(_shown(known), secret if generate else "", as_json)


@user.command("remove")
@click.argument("name")
@config_option
def remove(name: str, config: Path | None) -> None:
    """Let NAME sign in no more, and sign them out. What the history says of them stays (`user forget`)."""
    _people(config).remove(name)
    echo("removed")


@user.command("forget")
@click.argument("name")
@config_option
@json_option
def forget(name: str, config: Path | None, as_json: bool) -> None:
    """Take NAME out of history and journal for good: somebody did it. Backups made before still hold it."""
    answer = client.command(runtime(config), "forget-name", text=name)
    if as_json:
        return print_json(answer)
    echo(Phrase("{count} {count:entry|entries} of the journal changed", count=answer["entries"]))
    return echo("backups that were made before still hold the name: keep them no longer than you must")


@user.command("end")
@click.argument("name", required=False)
@click.option("--all", "everybody", is_flag=True, help="Everybody, those with the PIN too.")
@config_option
def end(name: str | None, everybody: bool, config: Path | None) -> None:
    """Sign NAME out wherever they are signed in; their password stays."""
    if everybody == (name is not None):
        raise UsageError("say whom to sign out", "cloned user end NAME|--all")
    _people(config).end(name or "")
    echo("signed out")


def _people(config: Path | None) -> People:
    return People(load(config).workshop.state)


def _shown(person: Person) -> dict[str, str]:
    return {"name": person.name, "role": str(person.role), "made": person.made}


def _told(person: Mapping[str, str], secret: str, as_json: bool) -> None:
    if as_json:
        return print_json({"ok": True, **person, **({"password": secret} if secret else {})})
    told = Phrase("{name}, {role}", name=person["name"], role=Phrase(str(person["role"])))
    return echo(Phrase("{person}: {secret}", person=told, secret=secret) if secret else told)


def _generated() -> str:
    """Seventy bits, in groups that can be read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(3))


def _asked() -> str:
    """The password: asked for twice where a person sits there, else the first line that comes."""
    if sys.stdin.isatty():
        told: str = click.prompt(words().gettext("Password"), hide_input=True, confirmation_prompt=True, err=True)
        return told.strip()
    return sys.stdin.readline().strip()
