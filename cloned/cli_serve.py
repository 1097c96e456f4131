"""`cloned serve` and what goes with running it: check, pin, backup, restore."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from cloned.config import load

config_option = click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="Configuration (default /etc/cloned/cloned.toml)."
)


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Run the daemon: boot laptops, send images, verify disks, show the page."""
    from cloned.app import Daemon

    settings = load(config)
    asyncio.run(_until_told(Daemon(settings)))


async def _until_told(daemon: object) -> None:
    """Run until SIGTERM or SIGINT, then end in order."""
    from cloned.app import Daemon

    assert isinstance(daemon, Daemon)
    work = asyncio.ensure_future(daemon.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        click.echo("stopped", err=True)


@click.command()
@config_option
def pin(config: Path | None) -> None:
    """Show the workshop's PIN, which acting on the page needs."""
    from cloned.status.auth import read_pin

    click.echo(read_pin(load(config).workshop.state))
