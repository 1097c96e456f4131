"""The front panel as people know it: a table, and the sockets in two rows, odd above, even below."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cloned.saying import Phrase, chained
from cloned.switch.ports import Port, SwitchView

_LEGEND = (
    ("up", "█", "green"),
    ("slow", "▄", "yellow"),
    ("down", "·", "bright_black"),
    ("shut", "x", "red"),
    ("uplink", "U", "blue"),
    ("server", "S", "magenta"),
    ("reserved", "R", "cyan"),
    ("unknown", "?", "white"),
)
_MARKS = {kind: (mark, style) for kind, mark, style in _LEGEND}
_WORDS = {
    "up": Phrase("up"),
    "slow": Phrase("slow link"),
    "down": Phrase("down"),
    "shut": Phrase("shut down"),
    "uplink": Phrase("uplink"),
    "server": Phrase("this server"),
    "reserved": Phrase("reserved"),
    "unknown": Phrase("no word"),
}
_OPER = {"up": Phrase("up"), "down": Phrase("down")}
_ROLES = {
    "access": Phrase("for laptops"),
    "uplink": Phrase("uplink"),
    "server": Phrase("this server"),
    "reserved": Phrase("reserved"),
}
_DUPLEX = {"full": Phrase("full"), "half": Phrase("half")}
_HEADINGS = (
    Phrase("port"),
    Phrase("link"),
    Phrase("speed"),
    Phrase("duplex"),
    Phrase("role"),
    Phrase("addresses"),
)
SOCKETS_IN_A_ROW = 24
Say = Callable[[str], str]
"""Words a sentence in the reader's language."""


def drawn(view: SwitchView, say: Say = str) -> RenderableType:
    """Heading, front panel, table and warnings of one switch."""
    name = view.sys_name or view.model or "switch"
    heading = Text.assemble((printable(name), "bold"), f"  {view.address}  {printable(view.sys_descr)[:90]}")
    places = Text(say(Phrase("{capacity} {capacity:laptop fits|laptops fit}", capacity=view.capacity)), "bold")
    warnings = [Text(f"! {printable(say(str(warning)))}", "yellow") for warning in view.warnings]
    below = legend(view.ports, say), Text(), table(view, say), places
    return Group(heading, Text(), *front_panel(view.ports), *below, *warnings)


def printable(text: str) -> str:
    """Text of a switch as one line without control characters, for a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def kind_of(port: Port) -> str:
    """Which entry of the legend a port is."""
    if port.role != "access":
        return port.role
    if port.admin == "down":
        return "shut"
    if port.oper is None:
        return "unknown"
    if port.oper == "down":
        return "down"
    return "slow" if port.slow else "up"


def front_panel(ports: Sequence[Port]) -> list[RenderableType]:
    """The sockets, box by box, odd numbers above even ones as on the switch."""
    drawings: list[RenderableType] = []
    for unit, group in groupby(ports, key=lambda port: _unit(port.name)):
        sockets = list(group)
        if unit:
            drawings.append(Text(printable(unit), "bright_black"))
        for start in range(0, len(sockets), SOCKETS_IN_A_ROW):
            drawings += _rows(sockets[start : start + SOCKETS_IN_A_ROW])
    return drawings


def _rows(sockets: Sequence[Port]) -> Iterable[Text]:
    """Two rows of sockets with their numbers around them."""
    upper, lower = sockets[::2], sockets[1::2]
    yield Text(" " + "".join(f"{_number(port):>4}" for port in upper), "bright_black")
    for row in (upper, lower):
        line = Text(" ")
        for port in row:
            mark, style = _MARKS[kind_of(port)]
            line.append("  [", "bright_black").append(mark, style).append("]", "bright_black")
        yield line
    yield Text(" " + "".join(f"{_number(port):>4}" for port in lower), "bright_black")


def _number(port: Port) -> str:
    match = re.search(r"(\d{1,4})\D*$", port.name)
    return match[1].lstrip("0") or "0" if match else str(port.if_index)[-3:]


def _unit(name: str) -> str:
    """What of a name is common to a box: all before its last number."""
    match = re.match(r"(.*?)\d+\D*$", name)
    return match[1].strip(" :/-") if match else ""


def legend(ports: Sequence[Port], say: Say = str) -> Text:
    """The marks that occur, explained."""
    there = {kind_of(port) for port in ports}
    line = Text()
    for kind, mark, style in _LEGEND:
        if kind in there:
            line.append(f" {mark} ", style).append(f"{say(_WORDS[kind])}  ", "bright_black")
    return line


def table(view: SwitchView, say: Say = str) -> Table:
    """One line for each port."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        found.add_column(say(heading), justify="right" if heading == "speed" else "left")
    neighbours = {index: neighbour.name or neighbour.chassis for index, neighbour in view.neighbours}
    for port in view.ports:
        found.add_row(
            printable(port.name),
            say(_link(port)),
            _speed(port),
            say(_DUPLEX[port.duplex]) if port.duplex else "",
            say(_ROLES[port.role]),
            say(_who(port, neighbours.get(port.if_index, ""))),
            style="" if port.oper == "up" else "bright_black",
        )
    return found


def _link(port: Port) -> str:
    return Phrase("shut down") if port.admin == "down" else _OPER.get(port.oper or "", "?")


def _speed(port: Port) -> str:
    return f"{port.speed_mbps} Mb/s" if port.speed_mbps is not None else ""


def _who(port: Port, neighbour: str) -> str:
    """The addresses on a port, or how many; the neighbour LLDP names comes first."""
    macs = (
        ", ".join(port.macs)
        if len(port.macs) <= 2
        else Phrase("{count} {count:address|addresses}", count=len(port.macs))
    )
    return chained(list(dict.fromkeys(part for part in (printable(neighbour), macs) if part)))
