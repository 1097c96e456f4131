"""`cloned evening over|paper`: say that it is over, and its summary on paper."""

from __future__ import annotations

from pathlib import Path

import click

from cloned import client
from cloned.cli import acting
from cloned.cli.common import config_option, echo, runtime
from cloned.saying import Phrase


@click.group(cls=acting.VerbGroup, verbs={"over": "evening-over"})
def evening() -> None:
    """The evening: say that it is over, and its summary on paper."""


@evening.command("paper")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write."
)
@click.option("--lang", type=click.Choice(["nl", "fr", "en"]), default=None, help="Else the workshop's.")
@config_option
def paper(output: Path, lang: str | None, config: Path | None) -> None:
    """Write the evening so far: who waits for whom, how long steps took, what held it up."""
    output.write_bytes(client.fetch(runtime(config), f"/evening.pdf?lang={lang or ''}"))
    echo(Phrase("{output}: summary of the evening", output=output))
