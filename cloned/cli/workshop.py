"""Commands that look at and act on the running workshop, through the daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cloned import client
from cloned.config import load
from cloned.control import until as moment
from cloned.core.commands import MOST_GUESTS

config_option = click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="The daemon's configuration file."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _runtime(config: Path | None) -> Path:
    return load(config).workshop.runtime


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _table(columns: list[str], rows: list[list[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _duration(seconds: float | None) -> str:
    """Minutes and seconds; nothing for None."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _laptop_row(laptop: dict[str, Any]) -> list[str]:
    progress = laptop.get("progress") or {}
    total, done = progress.get("total") or 0, progress.get("bytes") or 0
    percent = f"{done * 100 // total} %" if total else ""
    name = " ".join(filter(None, (laptop["vendor"], laptop["product"]))) or laptop["boot_mac"]
    return [
        str(laptop["number"]),
        laptop["tag"],
        name,
        laptop["serial"],
        str(laptop["port"] or ""),
        laptop["state"],
        percent,
        _duration(laptop.get("left_seconds")),
        laptop["image"] or "",
        laptop["why"],
    ]


@click.command()
@config_option
@json_option
def laptops(config: Path | None, as_json: bool) -> None:
    """List the laptops in the workshop and where each stands."""
    state = client.get(_runtime(config), "/api/v1/state")
    if as_json:
        return _print_json(state["laptops"])
    _table(
        ["no.", "tag", "laptop", "serial", "port", "state", "", "left", "image", "why"],
        [_laptop_row(laptop) for laptop in state["laptops"]],
    )
    if state.get("left_seconds") is not None:
        click.echo(f"all through in about {_duration(state['left_seconds'])}")
    return None


@click.command()
@config_option
@json_option
def sessions(config: Path | None, as_json: bool) -> None:
    """List the sessions, running and ended."""
    state = client.get(_runtime(config), "/api/v1/state")
    if as_json:
        return _print_json(state["sessions"])
    rows = [
        [
            str(each["number"]),
            each["id"],
            each["image"],
            each["state"],
            str(len(each["laptops"])),
            f"{each['bytes'] / 1e6:.0f} MB",
            f"{each['seconds']:.0f} s",
            f"{each['mbit_s']:.0f}",
        ]
        for each in state["sessions"]
    ]
    _table(["no.", "id", "image", "state", "laptops", "each", "took", "Mbit/s"], rows)
    return None


def _act(config: Path | None, do: str, **words: Any) -> None:
    """Send a command with the words that were given, and say what came of it."""
    given = {key: value for key, value in words.items() if value not in (None, "", 0.0)}
    answer = client.command(_runtime(config), do, **given)
    click.echo(f"{do}: {answer.get('state', 'done')}")


@click.command()
@click.argument("image")
@click.option("--guests", type=click.IntRange(1, MOST_GUESTS), help="Open a classic session for so many stock clients.")
@config_option
def start(image: str, guests: int | None, config: Path | None) -> None:
    """Lift a hold or pause: laptops confirmed for IMAGE start now, without waiting for more to gather.

    With --guests, open a session for stock Clonezilla clients instead, and say what to type on them. They are
    never verified, so they are never done.
    """
    if guests is None:
        return _act(config, "start", image=image)
    answer = client.command(_runtime(config), "start", image=image, guests=guests)
    opened = next(
        each for each in client.get(_runtime(config), "/api/v1/state")["sessions"] if each["id"] == answer["session"]
    )
    click.echo(_for_guests(opened, load(config).network.boot_port))
    return None


def _for_guests(session: dict[str, Any], port: int) -> str:
    """What to type on each guest, where DISK is the name of its disk."""
    server = (session.get("sender") or {}).get("server", "SERVER")
    return "\n".join(
        (
            f"session {session['number']} waits for {session['guests']} guests; on each, as root, with DISK=its disk:",
            f"  curl http://{server}:{port}/classic/{session['id']}/$DISK.tar | tar -x -C /tmp",
            f"  ocs-sr -or /tmp -l en_US.UTF-8 -batch -nogui -scr -p true --mcast-port {session['port']} "
            f"multicast_restoredisk {session['image']} $DISK",
            f"`cloned cancel {session['id']}` ends it.",
        )
    )


@click.command()
@click.argument("session", required=False, default="")
@config_option
def cancel(session: str, config: Path | None) -> None:
    """End a SESSION (id, number or image; all if none is named). Its laptops must be confirmed again."""
    _act(config, "cancel", target=session)


@click.command()
@click.argument("laptop")
@config_option
def retry(laptop: str, config: Path | None) -> None:
    """Take a LAPTOP in again that was set aside; what is right on its disk stays."""
    _act(config, "retry", target=laptop)


@click.command()
@click.argument("laptop")
@click.option("--image", default="", help="The image; default: the one chosen for it.")
@click.option("--disk", default="", help="Path, serial or WWN; needed where it has several.")
@config_option
def confirm(laptop: str, image: str, disk: str, config: Path | None) -> None:
    """Confirm that a LAPTOP's disk may be erased and overwritten with an image."""
    _act(config, "confirm", target=laptop, image=image, disk=disk)


@click.command()
@click.argument("product")
@click.option("--image", required=True, help="The image each of them gets.")
@click.option("--vendor", default="", help="Only of this maker.")
@click.option("--until", default="", help="HH:MM or a date and time; default: as long as confirmations last.")
@config_option
def batch(product: str, image: str, vendor: str, until: str, config: Path | None) -> None:
    """Confirm every new laptop of model PRODUCT that comes from now on."""
    _act(config, "batch", text=product, image=image, vendor=vendor, until=moment(until))


@click.command()
@click.argument("laptop", required=False, default="")
@config_option
def pause(laptop: str, config: Path | None) -> None:
    """Pause a LAPTOP, or everything."""
    _act(config, "pause", target=laptop)


@click.command("continue")
@click.argument("laptop", required=False, default="")
@config_option
def go_on(laptop: str, config: Path | None) -> None:
    """Go on with a LAPTOP, or with everything that was paused or held."""
    _act(config, "continue", target=laptop)


@click.command()
@click.argument("laptop")
@config_option
def exclude(laptop: str, config: Path | None) -> None:
    """Leave a LAPTOP out until `cloned retry` takes it in again."""
    _act(config, "exclude", target=laptop)


@click.command()
@click.argument("laptop")
@click.argument("image")
@config_option
def move(laptop: str, image: str, config: Path | None) -> None:
    """Give a LAPTOP another IMAGE; it must be confirmed again."""
    _act(config, "move", target=laptop, image=image)


@click.command()
@click.argument("image")
@click.argument("until")
@config_option
def hold(image: str, until: str, config: Path | None) -> None:
    """Hold the laptops of IMAGE UNTIL a time (HH:MM)."""
    _act(config, "hold", image=image, until=moment(until))


@click.command()
@click.argument("laptop")
@click.argument("number")
@config_option
def tag(laptop: str, number: str, config: Path | None) -> None:
    """Note the NUMBER on a LAPTOP's sticker."""
    _act(config, "tag", target=laptop, text=number)


@click.group()
def netboot() -> None:
    """Look at network booting."""


@netboot.command("log")
@click.argument("mac", required=False, default="")
@config_option
@json_option
def netboot_log(mac: str, config: Path | None, as_json: bool) -> None:
    """Show what laptops asked for while booting and what they got."""
    log = client.get(_runtime(config), "/api/v1/netboot" + (f"/{mac}" if mac else ""))
    if as_json:
        return _print_json(log)
    rows = [[entry["at"], entry["mac"], entry["asked"], _times(entry), entry.get("why", "")] for entry in log]
    _table(["at", "laptop", "asked", "got", "why"], rows)
    return None


def _times(entry: dict[str, Any]) -> str:
    """What was got, and how often where it was asked for again and again."""
    return f"{entry['got']} ({entry['times']} times)".strip() if entry.get("times", 1) > 1 else str(entry["got"])
