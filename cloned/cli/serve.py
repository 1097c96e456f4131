"""`cloned serve` and what goes with running it: check, pin, backup, restore."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from cloned.cli.common import config_option
from cloned.config import load


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


@click.command()
@config_option
def check(config: Path | None) -> int:
    """Say what would go wrong, before it does."""
    from cloned.check import check as look

    worst = 0
    for finding in look(load(config)):
        click.echo(
            f"{'ok ' if finding.error is None else 'NOT'}  {finding.what}"
            + (f": {finding.error}" if finding.error else "")
        )
        worst = max(worst, int(finding.error.exit) if finding.error is not None else 0)
    return worst


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
def backup(file: Path, config: Path | None) -> None:
    """Save journal, ledger and PIN into FILE (.tar.gz); images are not in it."""
    from cloned.backup import backup as save

    click.echo(f"{file}: " + ", ".join(save(load(config).workshop.state, file)))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
def restore(file: Path, config: Path | None) -> None:
    """Bring a backup back, into a state directory that holds no workshop."""
    from cloned.backup import restore as bring_back

    click.echo("restored: " + ", ".join(bring_back(load(config).workshop.state, file)))
