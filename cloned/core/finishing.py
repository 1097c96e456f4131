"""The steps that finish a verified disk, as the agent is told them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cloned.clonezilla.nvram import BootEntry
from cloned.core.laptop import Laptop
from cloned.core.ledger import iso


@dataclass(frozen=True)
class FinishWishes:
    """What the configuration wants done after the verdict."""

    grow: bool = True
    hostname: str = ""
    machine_id: bool = False
    ssh_host_keys: bool = False
    efi_entry: bool = True
    stamp: bool = False


def steps(wishes: FinishWishes, laptop: Laptop, now: float, boot: Sequence[BootEntry] = ()) -> list[dict[str, Any]]:
    """Steps in the order they are to be done, each `{"name", …arguments}`. `boot`: what started the master."""
    found: list[dict[str, Any]] = []
    if wishes.grow:
        found.append({"name": "grow"})
    if wishes.hostname:
        found.append({"name": "hostname", "hostname": hostname(wishes.hostname, laptop)})
    if wishes.machine_id:
        found.append({"name": "machine-id"})
    if wishes.ssh_host_keys:
        found.append({"name": "ssh-host-keys"})
    if wishes.efi_entry:
        found.append({"name": "efi-entry", "entries": [asdict(each) for each in boot]})
    if wishes.stamp:
        found.append({"name": "stamp", "image": laptop.image, "image_hash": laptop.image_hash, "date": iso(now)})
    return found


def hostname(pattern: str, laptop: Laptop) -> str:
    """A host name (RFC 1123 label) from a pattern with {tag}, {number}, {serial}, {mac}.

    A laptop without a tag is set aside before it comes here (tags.py) if the pattern has one.
    """
    mac = laptop.boot_mac.replace(":", "")
    text = pattern
    for key, value in (
        ("tag", laptop.tag),
        ("number", str(laptop.number)),
        ("serial", laptop.identity.serial),
        ("mac", mac),
    ):
        text = text.replace("{" + key + "}", value)
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63] or "laptop"
