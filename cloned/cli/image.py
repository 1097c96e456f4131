"""`cloned image …` and `cloned live …`: the store of images and the system that laptops boot."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from cloned.cli.common import (
    config_option,
    confirm,
    echo,
    find_laptop,
    gigabytes,
    json_option,
    moment,
    print_json,
    print_table,
    words,
)
from cloned.config_file import load
from cloned.core.shown_data import LaptopData, ProgressData, WorkshopData
from cloned.core.warnings import Warn
from cloned.errors import ImageError, MissingError
from cloned.images import export as exporting
from cloned.images.store import ImageStore
from cloned.json_data import JsonObject
from cloned.languages import to_translate
from cloned.ownership import handing_over
from cloned.saying import Phrase

if TYPE_CHECKING:
    from cloned.images.importing import Keep

directory = click.Path(exists=True, file_okay=False, path_type=Path)


def _store(config: Path | None) -> ImageStore:
    return ImageStore(load(config).workshop.state / "images")


@click.group()
def image() -> None:
    """Images: what laptops are cloned from."""


@image.command("list")
@config_option
@json_option
def list_images(config: Path | None, as_json: bool) -> None:
    """List the images of the store."""
    store = _store(config)
    found = [store.details(name) for name in store.names()]
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["name"],
            each["os"],
            gigabytes(each["used"]),
            gigabytes(each["stored"]),
            gigabytes(each["min_size"]),
            ", ".join(each["firmware"]),
            each["image_hash"][:16],
        ]
        for each in found
    ]
    print_table(["image", "system", "used", "stored", "smallest disk", "boots on", "hash"], rows)
    for each in found:
        for warning in each["warnings"]:
            echo(Phrase("{name}: {warn}", name=each["name"], warn=Warn(**warning)), err=True)


@image.command("import")
@click.argument("path", type=directory)
@click.option("--name", default=None, help="Name in the store; default: the directory's.")
@click.option(
    "--keep",
    type=click.Choice(["reference", "copy", "link"]),
    default="reference",
    show_default=True,
    help="What becomes of the Clonezilla files, which only classic sessions send.",
)
@config_option
def import_image(path: Path, name: str | None, keep: Keep, config: Path | None) -> None:
    """Take in a Clonezilla image directory, proving it on the way. Ctrl-C stops it; the same command carries on."""
    with _progress() as report, _stoppable() as stopped:
        store = _store(config)
        manifest = store.import_image(path, name, report, keep, stopped)
    for warning in store.warnings(manifest.name):
        echo(Phrase("warning: {warning}", warning=warning), err=True)
    echo(
        Phrase(
            "{name}: {count} {count:piece|pieces}, image hash {image_hash}",
            name=manifest.name,
            count=len(manifest.pieces),
            image_hash=manifest.image_hash,
        )
    )


@image.command()
@click.argument("name")
@config_option
def verify(name: str, config: Path | None) -> None:
    """Read every piece of an image and prove it."""
    from cloned.images.scrub import Proof, keep

    store = _store(config)
    with _progress() as report, _stoppable() as stopped:
        wrong = store.verify_image(name, report, stopped)
    if not wrong:  # what is damaged the daemon finds itself, and takes out
        keep(store, Proof(name, time.time(), 0))
    if wrong:
        files = ", ".join(map(str, store.damaged_files(name, wrong)[:5]))
        raise ImageError(
            Phrase(
                "image {name}: {count} {count:piece is|pieces are} damaged ({files})",
                name=name,
                count=len(wrong),
                files=files,
            ),
            "import the image again",
        )
    echo(Phrase("{name}: every piece is right", name=name))


@image.command()
@click.argument("laptop")
@click.argument("name")
@click.option("--disk", default="", help="Which disk to read, where the laptop has several: its path or serial.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay until the image is proven, or failed.")
@config_option
def capture(laptop: str, name: str, disk: str, wait: bool, config: Path | None) -> None:
    """Capture LAPTOP, which runs the live system, as a master: a new image NAME. Its disk is only read."""
    from cloned import client

    runtime = load(config).workshop.runtime
    client.command(runtime, "capture", target=laptop, image=name, **({"disk": disk} if disk else {}))
    if not wait:
        echo(Phrase("{laptop} is being captured as {name}", laptop=laptop, name=name))
        return
    with _progress() as report:
        why = _follow(lambda: client.get(runtime, "/api/v1/state"), name, report)
    if why:
        raise ImageError(
            Phrase("{name} was not captured: {why}", name=name, why=why.rstrip(".")),
            "nothing is left of it; capture it again",
        )
    echo(Phrase("{name} is captured, whole and proven", name=name))


def _follow(state: Callable[[], WorkshopData], name: str, report: Callable[[ProgressStep], None]) -> str:
    """Wait until nothing is captured as `name` any more; why there is no image, empty if there is one."""
    ident = ""
    while True:
        told = state()
        found = next((each for each in told["laptops"] if each["capture"] == name), None)
        if found is None:
            break
        ident = found["id"]
        progress = found["progress"] or ProgressData()
        report(
            CaptureStep(str(progress.get("activity") or "asking"), progress.get("bytes") or 0, progress.get("total"))
        )
        time.sleep(1)
    if any(each["name"] == name for each in told["images"]):
        return ""
    failed = [each for each in told["laptops"] if each["id"] == ident or each["reason"] == "capture-failed"]
    return (
        (failed[0]["why"] or failed[0]["history"][-1]["why"]) if failed else Phrase("the laptop is not there any more")
    )


class CaptureStep(NamedTuple):
    """How far a capture is, for the progress bar."""

    part: str
    done: float
    total: float | None


@image.command()
@click.argument("name")
@click.argument("into", metavar="DIRECTORY", type=click.Path(path_type=Path))
@config_option
def export(name: str, into: Path, config: Path | None) -> None:
    """Write an image as a Clonezilla DIRECTORY, which stock Clonezilla restores."""
    with _progress() as report:
        made = exporting.export(_store(config), name, into, report)
    echo(Phrase("{made}: {name} is there, as Clonezilla restores it", made=made, name=name))


@image.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@config_option
def remove(name: str, yes: bool, config: Path | None) -> None:
    """Remove an image; pieces that other images share stay."""
    if not yes:
        confirm(Phrase("Remove {name} from the store?", name=name))
    freed = _store(config).remove(name)
    echo(Phrase("{name} is removed, {gigabytes} became free", name=name, gigabytes=gigabytes(freed)))


@image.command()
@click.argument("laptop")
@config_option
@json_option
def explain(laptop: str, config: Path | None, as_json: bool) -> None:
    """Say which image a LAPTOP gets, and why."""
    found = find_laptop(config, laptop)
    told = {key: found.get(key) for key in ("number", "vendor", "product", "firmware", "image", "chosen", "why")}
    if as_json:
        print_json(told)
        return None
    known = {"number": told["number"], "model": f"{told['vendor']} {told['product']}".strip()}
    if told["image"]:
        chosen = _sentence(found, "chosen_told", "chosen")
        return echo(Phrase("laptop {number} ({model}): {image}, by {why}", **known, image=told["image"], why=chosen))
    return echo(Phrase("laptop {number} ({model}): no image; {why}", **known, why=_sentence(found, "told", "why")))


def _sentence(found: LaptopData, told: str, plain: str) -> str:
    return Phrase.read(parts) if (parts := found.get(told)) else str(found.get(plain))


@click.group()
def live() -> None:
    """The lean live system that laptops boot."""


@live.command()
@click.option("--firmware/--no-firmware", default=True, show_default=True, help="Take firmware of network cards along.")
@click.option("--clonezilla", is_flag=True, help="Build the full Clonezilla too, which classic sessions need.")
@click.option("--tests/--no-tests", default=True, show_default=True, help="Build the pack for testing parts, too.")
@click.option("--again", is_flag=True, help="Build anew what is current.")
@config_option
def build(firmware: bool, clonezilla: bool, tests: bool, again: bool, config: Path | None) -> None:
    """Build the live system and collect the boot files, unless they are current."""
    from cloned import live as system
    from cloned.live import full, pack
    from cloned.netboot.files import build_boot_files

    settings = load(config)
    boot = settings.boot
    with handing_over(settings.workshop.state):
        if clonezilla:
            echo(Phrase("{squashfs}: Clonezilla is there", squashfs=full.build(boot.live).squashfs))
        made = system.build(boot.live, firmware=firmware, force=again)
        if tests:
            echo(
                Phrase(
                    "{squashfs}: {bytes} MB for testing parts",
                    squashfs=(packed := pack.build(made, force=again)).squashfs,
                    bytes=f"{packed.bytes / 1e6:.1f}",
                )
            )
        build_boot_files(boot.files)
    echo(
        Phrase(
            "{live}: {bytes} MB; {files}: boot files are there",
            live=boot.live,
            bytes=f"{made.bytes / 1e6:.1f}",
            files=boot.files,
        )
    )


@live.command()
@config_option
@json_option
def info(config: Path | None, as_json: bool) -> None:
    """Say what the live system is made of."""
    from cloned import live as system
    from cloned.live import pack

    folder = load(config).boot.live
    told = system.info(folder).to_json()
    with suppress(MissingError):
        told["tests"] = pack.info(folder).to_json()
    click.echo(json.dumps(told, indent=2, default=str) if as_json else "\n".join(_about(told)))


_ABOUT = {
    "folder": to_translate("folder"),
    "kernel": to_translate("kernel"),
    "suite": to_translate("Debian"),
    "firmware": to_translate("with firmware"),
    "digest": to_translate("digest"),
    "vmlinuz_bytes": to_translate("size of the kernel"),
    "initrd_bytes": to_translate("size of the initramfs"),
    "unpacked_bytes": to_translate("size unpacked"),
    "bytes": to_translate("size to be sent"),
    "built": to_translate("built"),
    "tests": to_translate("test pack"),
}
"""What a live system tells of itself, in words."""


def _about(told: JsonObject, indent: str = "") -> Iterator[str]:
    for key, value in told.items():
        name = words().gettext(_ABOUT.get(key, key))
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _about(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_worth(key, value)}"


def _worth(key: str, value: object) -> str:
    if isinstance(value, bool):
        return words().gettext("yes") if value else words().gettext("no")
    if isinstance(value, int | float) and key.endswith("bytes"):
        return words().size(value)
    return moment(value) if key == "built" and isinstance(value, str | int | float) else str(value)


class ProgressStep(Protocol):
    """How far something is; bytes."""

    @property
    def part(self) -> str:
        """What it is at."""

    @property
    def done(self) -> float:
        """Bytes that are through."""

    @property
    def total(self) -> float | None:
        """Of so many, where that is known."""


class _progress:  # noqa: N801 - used as a function
    """A progress bar on a terminal, silence elsewhere."""

    def __enter__(self) -> Callable[[ProgressStep], None]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), disable=not Console(stderr=True).is_terminal)
        self.bar.start()
        task = self.bar.add_task("", total=None)

        def report(progress: ProgressStep) -> None:
            self.bar.update(task, description=progress.part, completed=progress.done, total=progress.total)

        return report

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Whether somebody asked us to stop (Ctrl-C, SIGTERM): asked between two pieces, so that nothing is half done."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
