"""The wall, from a snapshot: which tile goes where, what needs a person, what is on its way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from cloned.core.row_types import SinkStatus
from cloned.core.shown import ShownLaptop
from cloned.core.shown_data import (
    ErasureData,
    LaptopData,
    PortData,
    ProgressData,
    SessionData,
    SwitchData,
    TriageData,
    WorkshopData,
)
from cloned.core.trial_result import AttendedName
from cloned.saying import Phrase

Laptop = LaptopData

WORKING = frozenset({"ready", "receiving", "verifying", "finishing", "erasing"})
RESTING = frozenset({"done", "gone", "erased"})
_LEAVING = RESTING | {"aside"}
"""States in which a laptop may be switched off and away. Who else is not heard of becomes `gone`."""
_ATTENDED = frozenset(map(str, AttendedName))
TAIL = 5
"""Signs of a number that are shown large together; a longer one is shown in two parts."""
PER_ROW = 12
"""Ports side by side; a 48-port switch is drawn as two blocks of two rows."""


@dataclass(frozen=True)
class Tile:
    """One laptop, small."""

    id: str
    label: str
    """The number on its sticker, else `#` and the number of its arrival."""
    model: str
    state: str
    image: str
    percent: int | None
    left: float | None
    """Seconds until it is through."""
    why: str
    port: str
    paused: bool
    disks: tuple[int, int] | None = None
    """While it is erased: the disk that one waits for, and how many there are; the others may run beside it."""
    grade: str = ""

    @property
    def tail(self) -> str:
        """What tells it from the others: the end of a long number, which is shown largest."""
        found = re.search(rf"[0-9]{{1,{TAIL}}}$", self.label)
        return self.label if len(self.label) <= TAIL else found[0] if found else self.label[-8:]

    @property
    def head(self) -> str:
        """What of the number stands before it, such as `DM-2026-`."""
        return self.label.removesuffix(self.tail)


@dataclass(frozen=True)
class Socket:
    """A socket of the switch, and the laptop in it."""

    name: str
    number: int
    kind: str
    """access, uplink, server or reserved."""
    up: bool
    slow: str
    """`100 Mb/s` or `half duplex` where the link is worse than it should be."""
    tile: Tile | None


@dataclass(frozen=True)
class Panel:
    """A switch's front: blocks of ports, each in two rows, odd above even as they are on the metal."""

    name: str
    blocks: tuple[tuple[Socket, ...], ...]
    rows: int
    silent: float | None
    """Seconds since it was read last, where it does not answer now."""

    @property
    def shape(self) -> tuple[object, ...]:
        """What of it is drawn, but for the tiles themselves; a silence by the minute."""
        minutes = None if self.silent is None else self.silent // 60
        ports = [
            (port.name, port.kind, port.up, port.slow, port.tile.id if port.tile else "")
            for block in self.blocks
            for port in block
        ]
        return self.name, minutes, ports


@dataclass(frozen=True)
class Notice:
    """Something that a person should know or do."""

    kind: str
    """warning, aside, master, ask, sink, keyboard, part or need."""
    id: str
    text: str
    hint: str
    laptops: tuple[Laptop, ...] = ()


@dataclass(frozen=True)
class Stream:
    """A session that is open: one image on its way."""

    id: str
    image: str
    working: int
    through: int
    mbit_s: float
    left: float | None
    """Seconds until the last of those that receive or verify is through, where all know it."""


@dataclass(frozen=True)
class Wall:
    """Everything on the screen."""

    notices: tuple[Notice, ...]
    panels: tuple[Panel, ...]
    others: tuple[Tile, ...]
    """Laptops in no known port, in order of arrival."""
    resting: tuple[Tile, ...]
    """Those of them that are through or gone."""
    streams: tuple[Stream, ...]
    counts: Mapping[str, int]

    @property
    def shape(self) -> str:
        """Changes where tiles come, go or move, and with the links and silences of the switches around them."""
        return repr(
            (
                [panel.shape for panel in self.panels],
                [tile.id for tile in self.others],
                [tile.id for tile in self.resting],
            )
        )

    def tiles(self) -> Iterable[Tile]:
        """Every tile once."""
        for panel in self.panels:
            for block in panel.blocks:
                yield from (port.tile for port in block if port.tile is not None)
        yield from self.others
        yield from self.resting


def present(laptops: Sequence[ShownLaptop], now: str) -> tuple[ShownLaptop, ...]:
    """Those that the screen shows: who rests and was last seen over a day ago stands in the list alone.

    `now`: as `Snapshot.now`.
    """
    limit = (datetime.fromisoformat(now) - timedelta(days=1)).isoformat()[:19]
    return tuple(each for each in laptops if each.state not in _LEAVING or each.since[:19] >= limit)


def wall(snapshot: WorkshopData, sinks: Sequence[SinkStatus] = ()) -> Wall:
    """Lay the screen out. `sinks`: as `needs.Records.sinks` gives them."""
    laptops: list[Laptop] = list(snapshot.get("laptops") or [])
    switches = list(snapshot.get("switches") or [])
    seats = seat(laptops, switches)
    panels = tuple(_panel(index, switch, seats) for index, switch in enumerate(switches) if switch.get("ports"))
    seated = {laptop["id"] for laptop in seats.values()}
    loose = [tile(laptop) for laptop in laptops if laptop["id"] not in seated]
    counts: dict[str, int] = {}
    for laptop in laptops:
        counts[laptop["state"]] = counts.get(laptop["state"], 0) + 1
    return Wall(
        notices=tuple(notices(snapshot, sinks)),
        panels=panels,
        others=tuple(each for each in loose if each.state not in RESTING),
        resting=tuple(each for each in loose if each.state in RESTING),
        streams=tuple(_stream(each, laptops) for each in snapshot.get("sessions") or [] if not each.get("ended")),
        counts=counts,
    )


def _stream(session: SessionData, laptops: Iterable[Laptop]) -> Stream:
    members = [each for each in laptops if each.get("session") == session["id"]]
    working = [each for each in members if each["state"] in WORKING]
    lefts = [tile(each).left for each in working if each["state"] in ("receiving", "verifying")]
    known = [left for left in lefts if left is not None]
    return Stream(
        id=session["id"],
        image=session["image"],
        working=len(working),
        through=sum(1 for each in members if each["state"] == "done"),
        mbit_s=float(session.get("mbit_s") or 0),
        left=max(known) if known and len(known) == len(lefts) else None,
    )


def label(laptop: Laptop) -> str:
    """How people call a laptop."""
    return laptop.get("tag") or f"#{laptop.get('number', '?')}"


def tile(laptop: Laptop) -> Tile:
    """A laptop as a tile."""
    progress = laptop.get("progress") or ProgressData()
    total = progress.get("total")
    moving = (laptop["state"] in WORKING or laptop.get("capture")) and total
    done = (progress.get("bytes") or 0) / total if moving and total else 0.0
    left = laptop.get("left_seconds", progress.get("left_seconds"))
    return Tile(
        id=laptop["id"],
        label=label(laptop),
        model=laptop.get("product") or laptop.get("vendor") or "",
        state=laptop["state"],
        image=laptop.get("image") or "",
        paused=bool(laptop.get("paused")),
        percent=min(100, int(100 * done)) if moving and total and isfinite(done) else _erased(laptop),
        left=left if left is not None and isfinite(left) and (moving or laptop["state"] == "waiting") else None,
        why=laptop.get("why") or "",
        port=str(laptop.get("port") or ""),
        disks=_disk_of_disks(laptop),
        grade=str(laptop.get("grade") or ""),
    )


def _disk_of_disks(laptop: Laptop) -> tuple[int, int] | None:
    disks = (laptop.get("erasure") or ErasureData()).get("disks") or []
    if laptop["state"] != "erasing" or not disks:
        return None
    through = sum(each["phase"] in ("verified", "failed") for each in disks)
    return min(through + 1, len(disks)), len(disks)


def _erased(laptop: Laptop) -> int | None:
    """Percent of an erasure: the slowest disk's, since that is what one waits for."""
    disks = (laptop.get("progress") or ProgressData()).get("disks") or {}
    if laptop["state"] != "erasing" or not disks:
        return None
    return min(100, int(100 * min(each["done"] for each in disks.values())))


def seat(laptops: Iterable[Laptop], switches: Sequence[SwitchData]) -> dict[tuple[int, int], Laptop]:
    """(switch, ifIndex) → the laptop in that port: by the MACs seen there, else by the port it was located at."""
    by_mac: dict[str, tuple[int, int]] = {}
    by_name: dict[str, tuple[int, int]] = {}
    for index, switch in enumerate(switches):
        for port in switch.get("ports") or []:
            if port.get("role", "access") == "access":
                place = (index, int(port["if_index"]))
                by_mac.update((mac, place) for mac in port.get("macs") or [])
                by_name.setdefault(str(port.get("name")), place)
                by_name[f"{switch.get('address')}/{port.get('name')}"] = place
    seats: dict[tuple[int, int], Laptop] = {}
    for laptop in sorted(laptops, key=lambda each: each["state"] in RESTING):
        macs = [str(laptop.get("boot_mac")), *(laptop.get("macs") or [])]
        located = by_name.get(str(laptop.get("port") or ""))
        found = next((by_mac[mac] for mac in macs if mac in by_mac), located)
        if found is not None:
            seats.setdefault(found, laptop)
    return seats


def _panel(index: int, switch: SwitchData, seats: Mapping[tuple[int, int], Laptop]) -> Panel:
    ports = [
        _port(number, port, seats.get((index, port["if_index"]))) for number, port in enumerate(switch["ports"], 1)
    ]
    rows = 1 if len(ports) <= PER_ROW else 2
    size = PER_ROW * rows
    name = switch.get("sys_name") or switch.get("address") or ""
    silent = switch.get("age") if switch.get("error") else None
    return Panel(name, tuple(tuple(ports[at : at + size]) for at in range(0, len(ports), size)), rows, silent)


def _port(number: int, port: PortData, laptop: Laptop | None) -> Socket:
    up, speed = port.get("oper") == "up", port.get("speed_mbps")
    slow = Phrase("half duplex") if port.get("duplex") == "half" else f"{speed} Mb/s" if speed and speed < 1000 else ""
    return Socket(
        name=str(port.get("name") or port["if_index"]),
        number=number,
        kind=port.get("role") or "access",
        up=up,
        slow=slow if up and laptop is not None else "",
        tile=None if laptop is None else tile(laptop),
    )


def notices(snapshot: WorkshopData, sinks: Sequence[SinkStatus]) -> Iterable[Notice]:
    """What needs a person, the most pressing first: warnings, laptops set aside, sinks in trouble, laptops that ask;
    last, what has to be fetched."""
    for warning in snapshot.get("warnings") or []:
        code = str(warning.get("code") or "")
        yield Notice("warning", f"warning-{code}", str(warning.get("text") or code), str(warning.get("hint") or ""))
    laptops: list[Laptop] = list(snapshot.get("laptops") or [])
    for group in _alike([each for each in laptops if each["state"] == "aside"], ("reason", "why")):
        yield Notice(
            "aside",
            f"aside-{group[0]['id']}",
            group[0].get("why") or "",
            group[0].get("next_step") or "",
            group,
        )
    yield from _troubled(sinks)
    for laptop in laptops:
        if laptop["state"] == "asking" and laptop.get("wants"):  # a master is never among those to be overwritten
            said, hint = laptop.get("why") or "", laptop.get("next_step") or ""
            kind = "erase" if laptop["wants"] == "erase" else "master"
            yield Notice(kind, f"{kind}-{laptop['id']}", said, hint, (laptop,))
    for group in _alike(
        [each for each in laptops if each["state"] == "asking" and not each.get("wants")],
        ("reason", "why", "vendor", "product", "image"),
    ):
        yield Notice("ask", f"ask-{group[0]['id']}", group[0].get("why") or "", group[0].get("next_step") or "", group)
    yield from _people(laptops)
    yield from fetching(laptops)


def _people(laptops: Sequence[Laptop]) -> Iterable[Notice]:
    """Laptops that wait for somebody at their keyboard, and those that are cloned with a part that is bad."""
    at_keyboard = tuple(each for each in laptops if each["state"] != "gone" and _for_a_person(each))
    if at_keyboard:
        yield Notice("keyboard", "keyboard", "", Phrase("Press T on the laptop, at any time"), at_keyboard)
    for laptop in laptops:
        if laptop.get("undecided"):
            hint = Phrase("Give it out as it is, repair it, or take it for parts")
            yield Notice("part", f"part-{laptop['id']}", "", hint, (laptop,))


def _for_a_person(laptop: Laptop) -> bool:
    return any(name in _ATTENDED for name in laptop.get("tests_wanted") or ())


def fetching(laptops: Iterable[Laptop]) -> Iterable[Notice]:
    """What has to be fetched: a notice for each thing, with the laptops that are still here and lack it."""
    lacking: dict[str, list[Laptop]] = {}
    for laptop in laptops:
        if laptop["state"] not in ("gone", "erased") and not laptop.get("lent"):
            for need in (laptop.get("triage") or TriageData()).get("needs") or []:
                lacking.setdefault(str(need), []).append(laptop)
    for need, group in sorted(lacking.items(), key=lambda each: -len(each[1])):
        yield Notice("need", f"need-{need}", need, "", tuple(group))


def _alike(laptops: Iterable[Laptop], names: tuple[str, ...]) -> list[tuple[Laptop, ...]]:
    groups: dict[tuple[object, ...], list[Laptop]] = {}
    for laptop in laptops:
        groups.setdefault(tuple(laptop.get(name) for name in names), []).append(laptop)
    return [tuple(group) for group in groups.values()]


def _troubled(sinks: Sequence[SinkStatus]) -> Iterable[Notice]:
    for sink in sinks:
        name = str(sink["sink"])
        if sink.get("refused"):
            reason = sink["dead"][0]["reason"] if sink.get("dead") else ""
            yield Notice(
                "sink",
                name,
                Phrase(
                    "{sink} refused {count} {count:result|results}: {reason}",
                    sink=name,
                    count=sink["refused"],
                    reason=reason,
                ),
                Phrase("Put it right there, then retry"),
            )
        elif sink.get("state") == "asks":
            yield Notice(
                "sink",
                "",
                Phrase("{name} is new: it has none of the results from before", name=name),
                Phrase(
                    "Try `cloned inventory test {name}`, then `cloned inventory begin {name} newest`, `all` or `none`",
                    name=name,
                ),
            )
        elif sink.get("state") == "failing":
            yield Notice(
                "sink",
                "",
                Phrase(
                    "{count} {count:result waits|results wait} for {sink}: {reason}",
                    sink=name,
                    count=sink["waiting"],
                    reason=sink.get("reason") or "",
                ),
                Phrase("Nothing is lost: they go by themselves once it is back"),
            )
