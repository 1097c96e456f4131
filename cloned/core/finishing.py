"""The steps that finish a verified disk, as the agent is told them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloned.clonezilla.nvram import BootEntry
from cloned.core.words import iso
from cloned.order_types import EntryStep, FinishStep
from cloned.saying import sentence

if TYPE_CHECKING:  # the configuration names steps, and knows nothing of laptops
    from cloned.core.laptop import Laptop

STEPS = ("grow", "hostname", "machine-id", "ssh-host-keys", "efi-entry", "stamp")
"""Every step there is, in the order in which they are done."""
RESULTS = ("done", "skipped", "failed")
"""What may come of one."""
LABEL = 63
"""Characters of a host name (RFC 1123 §2.1)."""
VALUES = ("{tag}", "{number}", "{serial}", "{mac}")
"""What tells the names of two laptops apart: a pattern has one of them."""


@dataclass(frozen=True)
class FinishWishes:
    """What the configuration wants done after the verdict."""

    grow: bool = True
    hostname: str = ""
    machine_id: bool = False
    ssh_host_keys: bool = False
    efi_entry: bool = True
    stamp: bool = False


def steps(
    wishes: FinishWishes,
    laptop: Laptop,
    now: float,
    boot: Sequence[BootEntry] = (),
    *,
    twin: Collection[str] = (),
) -> list[FinishStep]:
    """Steps in the order they are to be done, each `{"name", …arguments}`. `boot`: what started the master.

    `twin`: which of "tag" and "serial" another laptop has so that a host name shows it alike (`named_alike`).
    """
    found: list[FinishStep] = []
    if wishes.grow:
        found.append({"name": "grow"})
    if wishes.hostname:
        found.append({"name": "hostname", "hostname": hostname(wishes.hostname, laptop, twin=twin)})
    if wishes.machine_id:
        found.append({"name": "machine-id"})
    if wishes.ssh_host_keys:
        found.append({"name": "ssh-host-keys"})
    if wishes.efi_entry:
        found.append(
            {
                "name": "efi-entry",
                "entries": [EntryStep(label=each.label, partition=each.partition, loader=each.loader) for each in boot],
            }
        )
    if wishes.stamp:
        found.append(
            {"name": "stamp", "image": laptop.goal.image, "image_hash": laptop.job.image_hash, "date": iso(now)}
        )
    return found


def hostname(pattern: str, laptop: Laptop, *, twin: Collection[str] = ()) -> str:
    """A host name (RFC 1123 label) from a pattern with {tag}, {number}, {serial}, {mac}: no two laptops get one.

    A value that this laptop has not, or a serial number that a `twin` has too, gives way to its MAC address, and that
    to its number; a tag that a twin has but for signs that no host name has (DM/1 and DM-1) gets that behind it. A
    laptop without a tag is set aside before it comes here (tags.py) if the pattern has one.
    """
    mac = laptop.facts.boot_mac.replace(":", "") or str(laptop.number)
    serial = "" if "serial" in twin else laptop.identity.serial
    tag = f"{laptop.tag}-{mac}" if "tag" in twin else laptop.tag
    values = (tag or mac, str(laptop.number), serial if re.search("[A-Za-z0-9]", serial) else mac, mac)
    text = pattern
    for key, value in zip(VALUES, values, strict=True):
        text = text.replace(key, value)
    return _label(_plain(text))


def _plain(text: str) -> str:
    """What of a text may stand in a host name: letters without their accents, digits, hyphens."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9-]+", "-", letters.lower()).strip("-")


def named_alike(laptops: Iterable[Laptop], laptop: Laptop) -> frozenset[str]:
    """Which of "tag" and "serial" a host name would show as it shows another laptop's, whoever made that."""
    others = [each for each in laptops if each.id != laptop.id]
    mine = {"tag": _plain(laptop.tag), "serial": _plain(laptop.identity.serial)}
    theirs = {"tag": {_plain(each.tag) for each in others}, "serial": {_plain(each.identity.serial) for each in others}}
    return frozenset(name for name, word in mine.items() if word and word in theirs[name])


def _label(name: str) -> str:
    """`name`, or as much of it as a label holds and what tells it from others that begin so."""
    if len(name) <= LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LABEL - 9].rstrip('-')}-{digest}"


def read_steps(steps: object) -> tuple[tuple[str, str, str], ...]:
    """What an agent says came of its steps: (name, result, detail); ValueError for words that are not ours."""
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise ValueError("finished comes with a list of steps")
    found = tuple(
        (step.get("name"), step.get("result"), _detail(step.get("detail"))) for step in steps[: len(STEPS) + 1]
    )
    names = [name for name, _, _ in found]
    if any(name not in STEPS or result not in RESULTS for name, result, _ in found) or len(set(names)) < len(names):
        raise ValueError(f"a step is one of {', '.join(STEPS)}, once, and ends {', '.join(RESULTS)}")
    return tuple((str(name), str(result), detail) for name, result, detail in found)


def _detail(text: object) -> str:
    """One line, as far as somebody reads it."""
    if isinstance(text, Mapping):
        return sentence(text)
    return (
        " ".join("".join(char if char.isprintable() else " " for char in text).split())[:300]
        if isinstance(text, str)
        else ""
    )
