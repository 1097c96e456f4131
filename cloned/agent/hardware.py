"""Shows what this laptop is made of, on its own screen, until somebody presses a key.

It is what "show hardware" of the boot menu starts, and the memory test under Secure Boot. Nothing is written to any
disk and the server gives no orders: the laptop does not even say hello.
"""

from __future__ import annotations

import os
import queue
import re
from collections.abc import Iterable
from typing import TypedDict

from cloned.agent import disks, facts, power, smart, sysfs
from cloned.agent.options import AgentOptions
from cloned.agent.screen import Console, wrap
from cloned.agent.spoken import say

_DMI = "/sys/class/dmi/id"
_SUPPLY = "/sys/class/power_supply"
_KEYS = {"r": "reboot", "o": "poweroff"}
_FIRMWARE = {"bios": "BIOS", "uefi": "UEFI, Secure Boot off", "secureboot": "UEFI, Secure Boot on"}
_SMART = {"ok": "SMART: good", "failing": "SMART: FAILING, replace it", "": "SMART: not told"}
_BAD_MEMORY = re.compile(r"bad mem addr (0x[0-9a-f]+) - (0x[0-9a-f]+) reserved")
"""What the kernel's own memory test says of each place (mm/memtest.c)."""
_TEST = re.compile(r"early_memtest: # of tests: (\d+)")
_NAMES = ("Serial", "UUID", "Firmware", "Processor", "Memory", "Battery", "Disk", "Network")
"""What stands at the beginning of lines."""
HELP = (
    "Nothing is written to this laptop's disk.",
    "R  start again: in the menu, 4 starts from its own disk     O  switch off     any other key  look again",
)


class SeenDisk(TypedDict):
    """A disk with what it says of its health. Bytes."""

    path: str
    size: int
    serial: str
    model: str
    transport: str
    rotational: bool
    why_not: str
    smart: smart.Health


class SeenHardware(TypedDict):
    """Everything that is shown: a hello's facts, and beside them what only a person wants to know."""

    vendor: str
    product: str
    serial: str
    uuid: str
    firmware: str
    cpu: str
    cores: int
    memory: int
    disks: list[SeenDisk]
    nics: list[facts.NetworkCard]
    bios: str
    batteries: list[tuple[str, int]]
    """Name and percent of the designed capacity that is left."""
    memtest: list[str]


def run(options: AgentOptions) -> None:
    """Show it and obey the keys; does not return but by starting again or switching off."""
    console = Console(options.live)
    keys: queue.SimpleQueue[str] = queue.SimpleQueue()
    console.listen(keys.put)
    while True:
        console.show([say("Looking at the hardware ...")])
        console.show(compose(gather(options)))
        key = keys.get()
        if key in _KEYS:
            power.act(_KEYS[key], options.live)


def gather(options: AgentOptions) -> SeenHardware:
    """Everything that is shown: a hello's facts, and beside them what only a person wants to know."""
    found = facts.gather(options)
    return {
        "vendor": found["vendor"],
        "product": found["product"],
        "serial": found["serial"],
        "uuid": found["uuid"],
        "firmware": found["firmware"],
        "cpu": found["cpu"],
        "cores": found["cores"],
        "memory": found["memory"],
        "nics": found["nics"],
        "disks": [_seen(disk) for disk in found["disks"]],
        "bios": " ".join(filter(None, (sysfs.text(f"{_DMI}/{name}") for name in ("bios_version", "bios_date")))),
        "batteries": batteries(),
        "memtest": memory_test(kernel_log()),
    }


def health(disk: disks.DiskFacts) -> smart.Health:
    """SMART of a disk that has it, sticks and cards left out: asking can hang them."""
    if disk["transport"] not in ("sata", "nvme", "scsi") or not disk["size"]:
        return smart.understand({})
    return smart.health(disk["path"])


def _seen(disk: disks.DiskFacts) -> SeenDisk:
    return {
        "path": disk["path"],
        "size": disk["size"],
        "serial": disk["serial"],
        "model": disk["model"],
        "transport": disk["transport"],
        "rotational": disk["rotational"],
        "why_not": disk["why_not"],
        "smart": health(disk),
    }


def batteries() -> list[tuple[str, int]]:
    """Name and percent of the designed capacity that is left, of each battery (power_supply class of sysfs)."""
    found: list[tuple[str, int]] = []
    for name in sysfs.names(_SUPPLY):
        for kind in ("energy", "charge"):
            full, new = (sysfs.number(f"{_SUPPLY}/{name}/{kind}_{word}") for word in ("full", "full_design"))
            if full and new:
                found.append((name, full * 100 // new))
    return found


def kernel_log() -> str:
    """What the kernel has said since it started (/dev/kmsg, one record a read); empty where it may not be read."""
    said: list[str] = []
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        while record := os.read(log, 8192):
            said.append(record.decode("utf-8", "replace"))
    except OSError:  # nothing more to read
        pass
    finally:
        os.close(log)
    return "".join(said)


def memory_test(log: str) -> list[str]:
    """What the kernel's memory test came to, where it ran (`memtest=PATTERNS` on its command line)."""
    test = _TEST.search(log)
    if test is None:
        return []
    bad = dict.fromkeys(f"{first} - {last}" for first, last in _BAD_MEMORY.findall(log))
    if not bad:
        return [say("Memory test: {count} {count:pattern|patterns}, nothing wrong", count=test[1])]
    found = say("Memory test: {count} BAD {count:place|places}, replace a memory module:", count=len(bad))
    return [found, *(f"  {each}" for each in list(bad)[:4])]


def compose(found: SeenHardware) -> list[str]:
    """The lines to show: at most as many as an old text screen has, for a laptop with few disks and cards."""
    name = " ".join(word for word in (found["vendor"], found["product"]) if word) or say("A laptop without a name")
    lines = [
        name,
        _line("Serial", found["serial"] or say("none")),
        _line("UUID", found["uuid"] or say("none")),
        _line("Firmware", f"{say(_FIRMWARE.get(found['firmware'], found['firmware']))}  {found['bios']}"),
        _line("Processor", _cores(found)),
        _line("Memory", f"{found['memory'] / 2**30:.1f} GiB"),
        *(
            _line("Battery", say("{name}: {share} of its capacity when new", name=name, share=f"{share} %"))
            for name, share in found["batteries"]
        ),
        *_several("Disk", map(_disk, found["disks"])),
        *_several("Network", map(_card, found["nics"])),
        *found["memtest"], "", *map(say, HELP),
    ]  # fmt: skip
    return [part for line in lines for part in wrap(line)]


def _cores(found: SeenHardware) -> str:
    return say("{cpu}, {count} {count:core|cores}", cpu=found["cpu"] or say("unknown"), count=found["cores"])


def _line(what: str, words: str) -> str:
    return f"{say(what):11}{words}"


def _several(what: str, lines: Iterable[str]) -> list[str]:
    return [_line(what, line) for line in lines] or [_line(what, say("none found"))]


def _disk(disk: SeenDisk) -> str:
    kind = {"nvme": "NVMe SSD", "mmc": "eMMC"}.get(
        disk["transport"], f"{disk['transport'].upper()} {say('hard disk') if disk['rotational'] else 'SSD'}"
    )
    words = (disk["model"], disk["serial"], f"({say(disk['why_not'])})" if disk["why_not"] else "")
    named = " ".join(word for word in words if word)
    size = f"{disk['size'] / 10**9:.1f} GB"
    return "  ".join((disk["path"].removeprefix("/dev/"), size, kind, named, _health(disk["smart"])))


def _health(said: smart.Health) -> str:
    verdict = say(_SMART.get(said["verdict"], "SMART: not told"))
    count = said["reallocated"]
    return say("{verdict}, {count} bad {count:sector|sectors}", verdict=verdict, count=count) if count else verdict


def _card(card: facts.NetworkCard) -> str:
    speed = f"{card['speed_mbps']} Mbit/s" if card["speed_mbps"] else say("no link")
    return f"{card['name']}  {card['mac']}  {speed}  {card['driver']}"
