"""The scripts that laptops start from: iPXE and GRUB, rendered from pxe/menus for each laptop.

A laptop fetches two. The first (`start`) is the same for all and says how to ask for the second with what SMBIOS
knows; the second holds this boot's token, the menu and the kernel command line:
`cloned.boot=http://SERVER:PORT/TOKEN`, `cloned.want=clone|capture|hardware|memtest|erase`, `BOOTIF=01-aa-bb-…`,
then what the configuration adds for the model.

Whatever a laptop told of itself is reduced to letters, digits and harmless punctuation before it gets into a
script: both languages expand `$`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

import jinja2

from cloned import assets
from cloned.config_boot import BootSettings, Model
from cloned.core.boot import BootAnswer, BootRequest
from cloned.languages import language, to_translate
from cloned.netboot.firmware import BIOS, UEFI

CHAIN = "grub/chain"
"""GRUB asks for CHAIN/MAC/m=MANUFACTURER/p=PRODUCT, with `+` for spaces."""
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:;()/_+@='-]+")
_RESOLUTION = re.compile(r"(\d{3,4})x(\d{3,4})")
_SERIAL = re.compile(r"ttyS(\d)(?:,(\d+))?")


@dataclass(frozen=True)
class Item:
    """A line of the menu. Keys are digits: they lie in the same place on every keyboard, and `c` and `e` are GRUB's."""

    key: str
    name: str
    text: str


_CLONE = Item("1", "clone", to_translate("Clone this laptop"))
_DISK = Item("4", "disk", to_translate("Start from its own disk"))
_ITEMS = (
    _CLONE,
    Item("2", "capture", to_translate("Capture this laptop as a master")),
    Item("3", "hardware", to_translate("Show its hardware")),
    _DISK,
    Item("5", "memtest", to_translate("Test its memory")),
    Item("6", "erase", to_translate("Erase this laptop (it asks once more)")),
)


class Menus:
    """Renders scripts for clients that reach us at `server` (ADDRESS:PORT)."""

    def __init__(self, boot: BootSettings, code: str = "en") -> None:
        self._boot, self._words = boot, language(code)
        loader = jinja2.FileSystemLoader(assets.root("pxe") / "menus")
        self._templates = jinja2.Environment(  # noqa: S701 - scripts, not HTML; `say` is what makes text harmless
            loader=loader,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.globals["_"] = self._said

    def _said(self, message: str, **values: object) -> str:
        """A message in the workshop's language, in signs that every loader draws."""
        return say(self._words.gettext(message, **values), 200)

    def start_ipxe(self, server: str) -> str:
        """The script every iPXE is pointed at by DHCP."""
        return self._templates.get_template("start.ipxe").render(server=server, base=f"http://{server}")

    def start_grub(self, server: str, *, tftp: bool) -> str:
        """GRUB's first configuration: without Secure Boot it asks which iPXE to chain to.

        Only over TFTP: after UEFI HTTP boot GRUB 2.12 takes `ADDRESS:PORT` for a name to resolve and can't chain,
        and chaining over TFTP all the same crashed OVMF. There it loads the kernel through the firmware's own HTTP.
        """
        return self._templates.get_template("start.grub").render(server=server, chain=CHAIN if tftp else "")

    @staticmethod
    def chain_grub(name: str) -> str:
        """What GRUB reads to hand over to iPXE `name`; nothing where it goes on by itself."""
        return f"chainloader /{name}\nboot\n" if name else "# this laptop's menu comes from GRUB itself\n"

    def menu(self, server: str, request: BootRequest, answer: BootAnswer, model: Model) -> str:
        """The laptop's own script, for iPXE (or a thin laptop) or GRUB as `request.via` says."""
        items = _items(request, answer)
        clone = answer.kind == "clone"
        serial = _SERIAL.fullmatch(model.serial or self._boot.serial)
        resolution = _RESOLUTION.fullmatch(model.console)
        return self._templates.get_template("menu.grub" if request.via == "grub" else "menu.ipxe").render(
            server=server,
            base=f"http://{server}",
            mac=request.mac,
            firmware=request.firmware,
            kind=answer.kind,
            title=say(self._title(request, answer)),
            why=say(self._words.say(answer.why)),
            items=[replace(each, text=self._said(each.text)) for each in items],
            default="clone" if clone else "disk",
            seconds=self._boot.clone_seconds if clone else self._boot.menu_seconds,
            command_line=self.command_line(server, answer, model),
            resolution=resolution.groups() if resolution else None,
            serial=(serial[1], serial[2] or "115200") if serial else None,
            memtest_console=f" console=ttyS{serial[1]},{serial[2] or '115200'}" if serial else "",
        )

    def command_line(self, server: str, answer: BootAnswer, model: Model) -> str:
        """The kernel's command line, without what the menu entry adds."""
        serial = model.serial or self._boot.serial
        consoles = f"console=tty0 console={serial}" if serial else ""
        words = [
            f"cloned.boot=http://{server}/{answer.token}",
            consoles,
            self._boot.kernel_parameters,
            model.kernel_parameters,
        ]
        return " ".join(" ".join(words).split())

    def refused(self, why: str, via: str, step: str = "") -> str:
        """A script for a request that can't be answered; iPXE and GRUB alike.

        It says why and what to do next, and starts from the disk.
        """
        head = "" if via == "grub" else "#!ipxe\n"
        said = "".join(f'echo "{say(self._words.say(each))}"\n' for each in (why, step) if each)
        return f"{head}{said}sleep 10\nexit 1\n"

    def _title(self, request: BootRequest, answer: BootAnswer) -> str:
        """Number on the sticker, make, serial: what tells this laptop from its neighbours."""
        tag = self._words.gettext("No. %(tag)s", tag=answer.tag) if answer.tag else ""
        parts = [tag, request.vendor, request.product, request.serial]
        return ", ".join(part for part in parts if part) or request.mac


_KIN = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u0153": "oe", "\u00e6": "ae", "\u00b0": "o", "\u2013": "-", "\u2014": "-",
     "\u2192": "->", "\u00d7": "x", "\u00df": "ss", "\u20ac": "EUR", "\u00b7": "-"}
)  # fmt: skip
"""What stands for signs that have no plain letter of their own."""


def say(text: str, most: int = 100) -> str:
    """`text` without anything that a script or a screen without fonts could trip over."""
    plain = unicodedata.normalize("NFKD", text.translate(_KIN)).encode("ascii", "ignore").decode()
    return " ".join(_UNSAFE.sub(" ", plain).split())[:most]


def _items(request: BootRequest, answer: BootAnswer) -> list[Item]:
    """What this laptop can start: nothing of ours if it is refused.

    Memtest86+ is not signed: under Secure Boot it is the kernel of the live system that tests the memory (`memtest=8`).
    """
    names = {item.name for item in _ITEMS}
    if answer.kind == "refuse":
        names -= {"clone", "capture", "hardware", "erase"}
    if request.firmware not in (BIOS, UEFI, "secureboot") or (
        request.firmware == "secureboot" and answer.kind == "refuse"
    ):
        names -= {"memtest"}
    return [item for item in _ITEMS if item.name in names]
