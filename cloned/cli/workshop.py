"""Commands that look at the running workshop, through the daemon; those that act are in acting.py."""

from __future__ import annotations

from pathlib import Path

import click

from cloned import client
from cloned.cli.common import config_option, echo, json_option, moment, print_json, print_table, runtime, state
from cloned.core.answer_data import BootAskedData
from cloned.core.shown_data import LaptopData, ProgressData
from cloned.languages import to_translate
from cloned.saying import Phrase

STATES = {
    "asking": to_translate("asks"),
    "waiting": to_translate("waits"),
    "ready": to_translate("prepares"),
    "receiving": to_translate("receives"),
    "verifying": to_translate("checks"),
    "finishing": to_translate("finishes"),
    "done": to_translate("done"),
    "aside": to_translate("set aside"),
    "gone": to_translate("gone"),
    "erasing": to_translate("erasing"),
    "erased": to_translate("erased"),
    "gathering": to_translate("gathering"),
    "sending": to_translate("sending"),
    "idle": to_translate("idle"),
    "ended": to_translate("ended"),
}
"""What states of laptops and sessions are called in a line."""


def _duration(seconds: float | None) -> str:
    """Minutes and seconds; nothing for None."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _laptop_row(laptop: LaptopData) -> list[str]:
    progress = laptop.get("progress") or ProgressData()
    total, done = progress.get("total") or 0, progress.get("bytes") or 0
    percent = f"{done * 100 // total} %" if total else ""
    name = " ".join(filter(None, (laptop["vendor"], laptop["product"]))) or laptop["boot_mac"]
    return [
        str(laptop["number"]),
        laptop["tag"],
        name,
        laptop["serial"],
        str(laptop["port"] or ""),
        STATES.get(laptop["state"], laptop["state"]),
        percent,
        _duration(laptop.get("left_seconds")),
        laptop["image"] or "",
        Phrase.read(laptop["told"]) if laptop.get("told") else laptop["why"],
    ]


@click.command()
@config_option
@json_option
def laptops(config: Path | None, as_json: bool) -> None:
    """List the laptops in the workshop and where each stands."""
    told = state(config)
    if as_json:
        return print_json(told["laptops"])
    print_table(
        ["no.", "tag", "laptop", "serial", "port", "state", "", "left", "image", "why"],
        [_laptop_row(laptop) for laptop in told["laptops"]],
    )
    if told.get("left_seconds") is not None:
        echo(Phrase("all through in about {duration}", duration=_duration(told["left_seconds"])))
    return None


@click.command()
@config_option
@json_option
def sessions(config: Path | None, as_json: bool) -> None:
    """List the sessions, running and ended."""
    told = state(config)
    if as_json:
        return print_json(told["sessions"])
    rows = [
        [
            str(each["number"]),
            each["id"],
            each["image"],
            STATES.get(each["state"], each["state"]),
            str(len(each["laptops"])),
            f"{each['bytes'] / 1e6:.0f} MB",
            f"{each['seconds']:.0f} s",
            f"{each['mbit_s']:.0f}",
        ]
        for each in told["sessions"]
    ]
    print_table(["no.", "id", "image", "state", "laptops", "each", "took", "Mbit/s"], rows)
    return None


@click.group()
def netboot() -> None:
    """Look at network booting."""


@netboot.command("log")
@click.argument("mac", required=False, default="")
@config_option
@json_option
def netboot_log(mac: str, config: Path | None, as_json: bool) -> None:
    """Show what laptops asked for while booting and what they got."""
    log: list[BootAskedData] = client.get(runtime(config), "/api/v1/netboot" + (f"/{mac}" if mac else ""))
    if as_json:
        return print_json(log)
    rows = [
        [moment(entry["at"]), entry["mac"], _told(entry, "asked"), _times(entry), _told(entry, "why")] for entry in log
    ]
    print_table(["at", "laptop", "asked", "got", "why"], rows)
    return None


def _boot_row(entry: BootAskedData) -> list[str]:
    return [moment(entry["at"]), entry["mac"], _told(entry, "asked"), _times(entry), _told(entry, "why")]


def _times(entry: BootAskedData) -> str:
    """What was got, and how often where it was asked for again and again."""
    got = _told(entry, "got")
    return (
        got
        if entry.get("times", 1) == 1
        else Phrase("{got} ({count} {count:time|times})", got=got, count=entry["times"])
    )


def _told(entry: BootAskedData, name: str) -> str:
    told = entry.get("told") or {}
    return Phrase.read(told[name]) if name in told else str(entry.get(name, ""))
