"""`cloned lab run|up|down`: a whole workshop on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cloned.cli.common import echo
from cloned.errors import MissingError, UsageError
from cloned.lab.faults import KINDS
from cloned.lab.options import LabOptions
from cloned.saying import Phrase


@click.group()
def lab() -> None:
    """Run a whole workshop on this machine: switch, server, laptops, faults."""


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `run` and `up` have in common."""
    options = [
        click.option("--laptops", default=2, show_default=True, help="How many."),
        click.option("--kind", type=click.Choice(["vm", "thin"]), default="vm", show_default=True,
                     help="QEMU machines that boot through firmware, or processes in namespaces, by the dozen."),
        click.option("--firmware", default="bios,uefi", show_default=True,
                     help="bios, uefi, secureboot; several with commas: the laptops take them in turn."),
        click.option("--image", default="", help="Image to clone: sample, bulk, or a Clonezilla directory."),
        click.option("--rate", default="1gbit", show_default=True, help="Speed of every cable, or `none`."),
        click.option("--late", multiple=True, metavar="N:SECONDS",
                     help="Power laptop N on so long after the others began to receive."),
        click.option("--classic", is_flag=True, help="Clone as Clonezilla does (vm only)."),
        click.option("--disks", default="", metavar="KIND[+KIND],…",
                     help="Disks that the laptops have in turn (vm only): virtio, nvme, sata, scsi, …4k; "
                          "sata+nvme: two of them, cloned to is the first."),
        click.option("--erase", default="", metavar="always|first|only[:N,…]",
                     help="Erase old data before cloning, or `only` erase: all laptops, or those named."),
        click.option("--tests", type=click.Choice(["all"]), default=None,
                     help="Test every laptop's parts, as far as nobody is needed for it."),
        click.option("--disk-image", "disk_images", multiple=True, metavar="N:FILE",
                     help="This file is laptop N's disk (raw); it is never deleted. Again for its further disks."),
        click.option("--fault", "faults", multiple=True, metavar="SPEC", help=", ".join(kind.form for kind in KINDS)),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@lab.command()
@_shared
@click.option("--keep", is_flag=True, help="Leave page and daemon running afterwards.")
@click.option("--json", "json_path", default="", metavar="FILE", help="Write the report there; - is standard output.")
def run(keep: bool, json_path: str, **asked: Any) -> int:
    """Clone laptops and see what came of it. Exit 0 only if every laptop ended verified."""
    return _contained(LabOptions(**_understood("run", asked), keep=keep, json=_writable(json_path)))


@lab.command()
@_shared
def up(**asked: Any) -> int:
    """Start a lab and leave it running."""
    return _contained(LabOptions(**_understood("up", asked)))


@lab.command()
@click.option("--classic", is_flag=True, help="Clonezilla itself too, for classic sessions.")
def prepare(classic: bool) -> None:
    """Build live system, boot files and sample images now, so that no run has to."""
    from cloned.images import samples
    from cloned.lab import stock

    for image in samples.NAMES:
        stock.prepare(image, click.echo, classic=classic)
    echo(Phrase("all of it is in {folder}", folder=stock.cache_root()))


@lab.command()
def down() -> None:
    """End labs that were left running, and remove what killed ones left."""
    from cloned.lab import registry

    if os.geteuid() != 0:
        raise MissingError("only root can end a lab", "use sudo")
    from cloned.lab.stock import cache_root, tidy

    tidy(cache_root())
    for run in registry.sweep():
        echo(Phrase("{run}: removed what was left", run=run))
    for entry in list(registry.entries()):
        if entry.kept:
            registry.end(entry)
            echo(Phrase("{run}: ended", run=entry.run))
        else:
            left = Phrase(
                "{run}: a `cloned lab run` is at work with it (process {pid}); left alone", run=entry.run, pid=entry.pid
            )
            echo(left)


def _contained(options: LabOptions) -> int:
    options.check()
    from cloned.lab import contain

    return contain.run(options.to_json()).exit


def _understood(action: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Command-line words as fields of Options."""
    firmware = tuple(word.strip() for word in asked["firmware"].split(","))
    rate = "" if asked["rate"] == "none" else asked["rate"]
    disks = tuple(word.strip() for word in asked["disks"].split(",")) if asked["disks"] else ()
    asked["tests"] = asked["tests"] or ""
    return {**asked, "action": action, "firmware": firmware, "rate": rate, "disks": disks}


def _writable(path: str) -> str:
    """Fail before the run, not after it."""
    if path in ("", "-"):
        return path
    folder = Path(path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise UsageError(Phrase("--json {path} cannot be written", path=path), "name a file in a folder that is there")
    return path
