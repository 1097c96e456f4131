"""A daemon in a namespace and thin laptops that are off, for tests of what the service goes through."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from cloned import client
from cloned.lab.bench.service import serving
from cloned.lab.daemon import DaemonProcess
from cloned.lab.laptops import Firmware, LabDisk, identities
from cloned.lab.network import LabNetwork
from cloned.lab.thinbox import ThinBox

DISK_BYTES = 1 << 30


async def workshop(
    stack: AsyncExitStack, folder: Path, laptops: int, environment: Mapping[str, str] | None = None
) -> tuple[DaemonProcess, list[ThinBox]]:
    """Both, until `stack` ends; the state is made in `folder`. `environment`: more of it for the daemon."""
    (folder / "state").mkdir(exist_ok=True)
    network = LabNetwork(f"cl{secrets.token_hex(2)}", laptops)
    stack.callback(network.close)
    network.build()
    boxes = []
    for who in identities(network.run, laptops, (Firmware.BIOS, Firmware.UEFI)):
        place = folder / f"laptop-{who.number}"
        place.mkdir()
        boxes.append(ThinBox(who, LabDisk.create(place / "disk", DISK_BYTES), place, network))
        stack.callback(boxes[-1].close)
    network.plug_server()
    daemon = serving(folder, network)
    daemon.environment.update(environment or {})
    stack.push_async_callback(daemon.stop)
    daemon.start()
    await daemon.ready()
    return daemon, boxes


async def verified(daemon: DaemonProcess, laptops: int, jobs: int) -> bool:
    """Whether each was for the `jobs`th time; who asks is confirmed, as by a volunteer who clones it again."""
    found = await daemon.ask("/api/v1/laptops")
    for each in found:
        if each["state"] == "asking" and each["disks"]:
            order = {"do": "confirm", "target": each["id"], "image": "sample"}
            await client.call(daemon.settings.runtime, "POST", "/api/v1/commands", order)
    return [(each["state"], each["job"]) for each in found] == [("done", jobs)] * laptops
