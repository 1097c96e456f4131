"""The record of a result: its ledger row with a few words that people need, for templates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Required, TypedDict, cast

from cloned.core.fillers import usable_text
from cloned.core.hardware import Battery, hardware
from cloned.core.row_types import DiskRow, ErasureRow, Row
from cloned.inventory.sinks.base import Delivery
from cloned.inventory.sinks.templates import Template
from cloned.json_data import JsonObject, as_object

Role = Literal["done", "failed", "erased", "waiting", "lent", "back"]


class ResultRecord(TypedDict, total=False):
    """What sinks read of a record beside its templates; each text may be empty."""

    kind: str
    laptop: Required[str]
    serial: Required[str]
    """Empty where the laptop cannot be known by it."""
    tag: str
    uuid: str
    vendor: str
    product: str
    at: str
    image: str
    verdict: str
    state: str
    macs: list[str]
    mac: str
    organisation: str
    disk: DiskRow
    erasure: ErasureRow


ROLES: dict[str, Role] = {
    "done": "done", "aside": "failed", "gone": "failed", "erased": "erased", "lent": "lent", "back": "back",
}  # fmt: skip
"""What the state of a laptop means for its status elsewhere; any other is on its way still: waiting."""

_SEEN = frozenset({"unset", "c09lvqa"})
"""Serials that makers left on many laptops and that `core.fillers` has no rule for: two with one are not the same."""


def is_erasure(row: Mapping[str, object]) -> bool:
    """Whether a row tells of an erasure and not of a clone."""
    return row.get("kind") == "erasure"


def is_lending(row: Mapping[str, object]) -> bool:
    """Whether a row tells that a laptop went out or came back."""
    return row.get("kind") == "lending"


def of_erasures(templates: Iterable[Template]) -> bool:
    """Whether any of them asks for what an erasure came to."""
    return any(path.split(".")[0] == "erasure" for each in templates for path in each.paths)


def filled(record: Mapping[str, object], templates: Mapping[str, Template]) -> dict[str, str]:
    """What is to be written, by name."""
    return {name: text for name, each in templates.items() if (text := text_of(record, each)) is not None}


def text_of(record: Mapping[str, object], wanted: Template) -> str | None:
    """A filled template; None where an erasure or a lending leaves alone what a clone wrote."""
    if is_lending(record):
        return None
    return None if is_erasure(record) and not of_erasures([wanted]) else wanted.fill(record)


def role(row: JsonObject) -> Role:
    """What a row says of the laptop's status; where a clone follows an erasure, it is on its way still."""
    if is_erasure(row) and as_object(row.get("erasure") or {}).get("then") == "clone":
        return "waiting"
    return ROLES.get(str(row.get("state")), "waiting")


def standing(row: JsonObject) -> Role:
    """Whose status a laptop gets: a clone that is told anew leaves it to what became of the laptop since."""
    match row.get("lending"):
        case "lent":
            return "lent"
        case "back":
            return "back"
        case _:
            return role(row)


def usable(serial: object) -> str:
    """The serial where a laptop can be known by it, else ""."""
    text = str(serial or "").strip()
    return text if usable_text(text) and text.casefold() not in _SEEN else ""


def record_of(delivery: Delivery, **more: object) -> ResultRecord:
    """Everything that a template may name; `more` is what the workshop adds (`report`, `workshop`)."""
    row = delivery.row
    disk: dict[str, object] = {**(row.get("disk") or {})}
    if size := (row.get("disk") or DiskRow()).get("size"):
        disk["size_gb"] = round(size / 1e9)
    at = str(row.get("at") or "")
    if is_erasure(row):
        more["erasure"] = _erasure(row.get("erasure") or ErasureRow(), at)
    found = {
        **row,
        **_parts(row),
        "disk": disk,
        "smart": disk.get("smart") or "",
        "serial": usable(row.get("serial")),
        "date": at[:10],
        "time": at[11:16],
        "mac": _own_mac(row),
        "key": delivery.key,
        "attempt": delivery.attempt,
        "revision": delivery.revision,
        **more,
    }
    return cast("ResultRecord", found)


def _own_mac(row: Row) -> str:
    """The MAC address of a card of its own, where it has one: dongles go from laptop to laptop."""
    macs, dongles = row.get("macs") or [""], row.get("dongles") or ()
    return str(next((mac for mac in macs if mac not in dongles), macs[0]))


def _parts(row: Row) -> dict[str, object]:
    """What it is made of, in the words that people write into an inventory; left out where it was not told."""
    made_of = hardware(row.get("hardware"))
    design, full = (sum(getattr(each, name) for each in made_of.batteries) for name in ("design_wh", "full_wh"))
    share = Battery(design_wh=design, full_wh=full).left
    cycles = [each.cycles for each in made_of.batteries if each.cycles is not None]
    left = None if share is None else round(share * 100)
    battery = {"left": left, "wear": None if left is None else 100 - left, "cycles": max(cycles, default=None),
               "design_wh": design or None, "full_wh": full or None}  # fmt: skip
    panel = made_of.panel
    screen = {} if panel is None else {"width": panel.width, "height": panel.height, "inches": panel.inches or None}
    memory = int(row.get("memory") or 0)
    return {
        "battery": battery,
        "screen": screen,
        "memory": f"{memory / 2**30:.0f} GB" if memory >= 2**29 else "",
        "wifi": made_of.wifi,
        "tpm": made_of.tpm,
        "windows_key": made_of.product_key_edition,
    }


def _erasure(told: ErasureRow, at: str) -> dict[str, object]:
    """An erasure with its methods, each once, and its day."""
    methods = (str(disk.get("method") or "none") for disk in told.get("disks") or [])
    return {**told, "methods": list(dict.fromkeys(methods)), "date": at[:10]}
