"""`cloned tag`: the number on a laptop's sticker."""

from __future__ import annotations

from pathlib import Path

import click

from cloned import client
from cloned.cli.common import config_option, echo, find_laptop, json_option, print_json, runtime
from cloned.core.tags import NEXT
from cloned.errors import UsageError
from cloned.json_data import JsonObject


@click.command("tag")
@click.argument("laptop")
@click.argument("number", required=False)
@click.option(NEXT, "following", is_flag=True, help="Give it the next number of the pattern under [tags].")
@config_option
@json_option
def tag(laptop: str, number: str | None, following: bool, config: Path | None, as_json: bool) -> None:
    """Note the NUMBER on a LAPTOP's sticker, or give it the next one; without either, say which it has.

    A number is given once: no other laptop gets it again, also when this one is forgotten. An empty NUMBER takes the
    laptop's away.
    """
    if following and number is not None:
        raise UsageError("a number or --next, not both", "cloned tag LAPTOP [NUMBER|--next]")
    if number is None and not following:
        answer: JsonObject = {"ok": True, "tag": find_laptop(config, laptop)["tag"]}
    else:
        answer = client.command(runtime(config), "tag", target=laptop, text=NEXT if following else number)
    if as_json:
        print_json(answer)
    else:
        echo(answer["tag"] or "no number")
