"""`cloned switch show`: what the switch says, read now, without the daemon."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click
from rich.console import Console

from cloned.cli.common import echo, words
from cloned.config import Switch
from cloned.config_file import load
from cloned.core.shown_data import SwitchShown
from cloned.errors import ClonedError, Exit, UsageError
from cloned.saying import Phrase
from cloned.switch.chain import Chain, join
from cloned.switch.drawing import drawn
from cloned.switch.once import read_all
from cloned.switch.ports import SwitchView
from cloned.switch.server import server_macs

_AUTH = click.Choice(["SHA", "SHA224", "SHA256", "SHA384", "SHA512"], case_sensitive=False)
_PRIVACY = click.Choice(["AES", "AES192", "AES256"], case_sensitive=False)


@click.group()
def switch() -> None:
    """The switch: its ports, who is where, how many laptops fit."""


@switch.command("show")
@click.option("--config", "config", type=click.Path(path_type=Path), help="Configuration file.")
@click.option("--address", metavar="HOST[:PORT]", help="Switch to read, instead of those of the configuration.")
@click.option("--community", envvar="CLONED_SNMP_COMMUNITY", help="SNMP v2c community (public).")
@click.option("--v3-user", envvar="CLONED_SNMP_USER", help="SNMP v3 user; turns v3 on.")
@click.option("--v3-auth-protocol", type=_AUTH, help="SHA, or SHA-2 as SHA224 to SHA512 (SHA256).")
@click.option("--v3-auth-key", "--v3-auth-password", envvar="CLONED_SNMP_AUTH_KEY", help="Authentication passphrase.")
@click.option("--v3-privacy-protocol", "--v3-priv-protocol", type=_PRIVACY, help="AES, AES192 or AES256 (AES).")
@click.option(
    "--v3-privacy-key",
    "--v3-priv-key",
    "--v3-priv-password",
    envvar="CLONED_SNMP_PRIVACY_KEY",
    help="Privacy passphrase.",
)
@click.option("--v3-context", "--v3-context-name", help="SNMP v3 context, where the switch has several.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def show(config: Path | None, address: str | None, as_json: bool, **given: str | None) -> None:
    """Read a switch and show its ports, forwarding table and neighbours."""
    click.get_current_context().exit(shown(chosen(config, address, given), as_json=as_json))


def chosen(config: Path | None, address: str | None, given: dict[str, str | None]) -> tuple[Switch, ...]:
    """The switches to read: the one on the command line, else those of the configuration.

    Options given override the configured switch of that address, if there is one.
    """
    values = {key: value for key, value in given.items() if value is not None}
    for key in ("v3_auth_protocol", "v3_privacy_protocol"):
        if key in values:
            values[key] = values[key].upper()
    configured = load(config).switch
    if address is None:
        if not configured:
            raise UsageError("there is no switch to show", "give --address HOST, or a [[switch]] in the configuration")
        return tuple(_with(one, values) for one in configured)
    known = next((one for one in configured if one.address == address), Switch(address=address))
    one = _with(known, values)
    if not one.v3_user and (one.v3_auth_key or one.v3_privacy_key) and "community" not in values:
        raise UsageError("an SNMP v3 key without a user", "give --v3-user as well, or --community for v2c")
    return (one,)


def _with(configured: Switch, values: dict[str, str]) -> Switch:
    return Switch.model_validate({**configured.model_dump(), **values})


def shown(switches: tuple[Switch, ...], *, as_json: bool) -> Exit:
    """Read and print `switches`; those that fail are told on standard error, the others still shown."""
    macs = server_macs()
    results = asyncio.run(read_all(switches, macs))
    chain = join([result for result in results if isinstance(result, SwitchView)], macs)
    failures = [result for result in results if isinstance(result, ClonedError)]
    if as_json and chain.views:
        _print_json([view.to_json() for view in chain.views], one=len(switches) == 1)
    else:
        _draw(chain)
    for told in (*chain.warnings, *failures):
        echo(Phrase("cloned: {told}", told=told), err=True)
    status = Exit.OK if all(view.ports for view in chain.views) else Exit.FAILED
    return Exit(max(status, *(failure.exit for failure in failures), Exit.OK))


def _draw(chain: Chain) -> None:
    console = Console()
    for view in chain.views:
        console.print(drawn(view, words().say))
    if len(chain.views) > 1:
        said = words().say(Phrase("{places} {places:laptop fits|laptops fit} on all of them", places=chain.places))
        console.print(said, style="bold")


def _print_json(objects: list[SwitchShown], *, one: bool) -> None:
    json.dump(objects[0] if one else objects, sys.stdout, indent=2)
    sys.stdout.write("\n")
