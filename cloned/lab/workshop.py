"""A lab from beginning to end: build it, power on, follow, look for itself, report, take it down."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cloned import processes
from cloned.errors import MissingError
from cloned.lab import stock as stocks
from cloned.lab import switchbox, vm_parts
from cloned.lab.checks import Bystander
from cloned.lab.daemon import PAGE, DaemonProcess, DaemonSettings, server_address
from cloned.lab.display import Display
from cloned.lab.fault import OnLaptop
from cloned.lab.forward import Forward
from cloned.lab.injector import FaultInjector, Stage
from cloned.lab.laptops import PARTS, LabDisk, LabIdentity, LabLaptop, LaptopKind, disk_size, identities
from cloned.lab.machine import VirtualLaptop, check_host
from cloned.lab.media import SMALL_BYTES, FurtherDisk, plant, remembered
from cloned.lab.network import BRIDGE, SWITCH, LabNetwork, inside
from cloned.lab.options import LabOptions
from cloned.lab.registry import RegisteredLab
from cloned.lab.services import GATE, WEBHOOK, Services
from cloned.lab.thinbox import ThinBox
from cloned.status.people import People

TOOLS = {
    LaptopKind.THIN: ("ip", "nft", "ethtool", "snmpd", "unshare", "setpriv"),
    LaptopKind.VM: ("ip", "nft", "ethtool", "snmpd", "setpriv", "qemu-system-x86_64"),
}


@dataclass
class LabWorkshop:
    """What stands while a lab runs."""

    options: LabOptions
    entry: RegisteredLab
    display: Display
    stock: stocks.Stock
    network: LabNetwork
    identities: Sequence[LabIdentity]
    laptops: dict[int, LabLaptop]
    services: Services
    daemon: DaemonProcess
    injector: FaultInjector
    forward: Forward
    bystander: Bystander
    pin: str
    """What acting on the page needs."""

    @property
    def page(self) -> str:
        """Where a browser on this machine finds the page."""
        return f"http://127.0.0.1:{self.forward.port}/"

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.daemon.settings.state / "cloned.toml"


def check_machine(options: LabOptions) -> None:
    """Raise MissingError, with the next step, for what this lab needs and the machine has not."""
    for tool in TOOLS[options.of_kind]:
        processes.need(tool)
    if options.of_kind is LaptopKind.VM:
        check_host(set(options.kinds_of_firmware))
        if options.parts:
            processes.need(vm_parts.NEEDS)
    slow = any(text.startswith("slow-disk") for text in options.faults)
    if slow and options.of_kind is LaptopKind.THIN and not Path("/dev/fuse").exists():
        raise MissingError("/dev/fuse is not there, a slow disk of a thin laptop needs it", "modprobe fuse")


async def build(options: LabOptions, entry: RegisteredLab, display: Display, stack: AsyncExitStack) -> LabWorkshop:
    """Everything up to a daemon that is ready, laptops still off. What was made is undone when `stack` ends."""
    scratch = Path(entry.scratch)
    packed = bool(options.tests) and options.of_kind is LaptopKind.VM
    ready = partial(stocks.prepare, options.image_name, display.say, classic=options.classic, tests=packed)
    stock = await asyncio.to_thread(ready)
    stocks.check_room(scratch, stock.manifest, options.laptops)
    network = LabNetwork(entry.run, options.laptops, options.bits_per_second)
    stack.callback(network.close)
    network.build()
    who = identities(entry.run, options.laptops, options.kinds_of_firmware)
    laptops = {each.number: _laptop(each, options, stock, network, entry, stack) for each in who}
    network.plug_server()
    plug_snmpd(network, Path(entry.folder), stack)
    services = await stack.enter_async_context(Services(network.path(network.switch)))
    daemon = _daemon(
        options=options, entry=entry, stock=stock, network=network, services=services, who=who, display=display
    )
    stack.push_async_callback(daemon.stop)
    injector = FaultInjector(
        options.wanted_faults, Stage(network, options.of_kind, laptops, daemon, services, stock.manifest), display.say
    )
    stack.push_async_callback(injector.close)
    injector.prepare()
    bystander = Bystander(scratch)
    stack.callback(bystander.close)
    forward = await stack.enter_async_context(Forward(network.path(network.server), server_address(), PAGE))
    pin = await asyncio.to_thread(People(daemon.settings.state).new_pin)
    daemon.start()
    await daemon.ready()
    return LabWorkshop(
        options=options,
        entry=entry,
        display=display,
        stock=stock,
        network=network,
        identities=who,
        laptops=laptops,
        services=services,
        daemon=daemon,
        injector=injector,
        forward=forward,
        bystander=bystander,
        pin=pin,
    )


def _laptop(
    who: LabIdentity,
    options: LabOptions,
    stock: stocks.Stock,
    network: LabNetwork,
    entry: RegisteredLab,
    stack: AsyncExitStack,
) -> LabLaptop:
    """A laptop with an empty disk, or with old data on all of its disks where they are to be erased."""
    folder = Path(entry.scratch) / f"laptop-{who.number}"
    folder.mkdir(parents=True)
    given = options.images_of.get(who.number, [])
    plants = who.number in options.erasers
    before = {path: remembered(path) for path in given} if plants else {}
    disk = _disk(given, folder / "disk", disk_size(stock.manifest), plants=plants)
    laptop: LabLaptop
    if options.of_kind is LaptopKind.THIN:
        laptop = ThinBox(who, disk, folder, network)
    else:
        laptop = machine = VirtualLaptop(who, disk, folder, network, entry.folder / f"qmp-{who.number}")
        machine.kind, *kinds = options.disks_of(who.number)
        machine.further = tuple(
            FurtherDisk(
                _disk(given, folder / f"disk-{number}", SMALL_BYTES, plants=plants),
                kind,
                f"{who.disk_serial.replace('DSK', 'MORE')}{number}",
            )
            for number, kind in enumerate(kinds, 2)
        )
        laptop.others = tuple(each.disk.path for each in machine.further)
        laptop.parts = dict(PARTS) if options.parts else {}
    laptop.remembered = before
    laptop.chooses = "erase" if plants and ":" in options.erase else ""  # else it would be confirmed and cloned
    stack.callback(laptop.close)
    return laptop


def _disk(given: list[Path], path: Path, size: int, *, plants: bool) -> LabDisk:
    """The next file that was given, or a disk of our own; old data is planted on ours alone."""
    if given:
        file = given.pop(0)
        return LabDisk(file, file.stat().st_size)
    disk = LabDisk.create(path, size)
    if plants:
        plant(disk)
    return disk


def plug_snmpd(network: LabNetwork, folder: Path, stack: AsyncExitStack) -> None:
    """snmpd for the bridge; it ends with the lab."""
    indexes = inside(network.switch, ["sh", "-c", "grep -H . /sys/class/net/port*/ifindex"]).decode()
    speeds = {} if network.rate is None else {int(line.rpartition(":")[2]): network.rate for line in indexes.split()}
    config = folder / "snmpd.conf"
    config.write_text(switchbox.configuration(str(SWITCH.ip), BRIDGE, speeds, sys.executable))
    snmpd = ["snmpd", "-f", "-C", "-c", str(config), "-Lf", str(folder / "snmpd.log")]
    command = ["ip", "netns", "exec", network.switch, *snmpd]
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder / "snmp")}
    process = processes.spawn(command, env=environment)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _daemon(
    options: LabOptions,
    entry: RegisteredLab,
    stock: stocks.Stock,
    network: LabNetwork,
    services: Services,
    who: Sequence[LabIdentity],
    display: Display,
) -> DaemonProcess:
    state = Path(entry.scratch) / "state"
    state.mkdir()
    (state / "images").symlink_to(stock.store.root)
    cursed = {fault.laptop for fault in options.wanted_faults if isinstance(fault, OnLaptop) and fault.changes_disk}
    settings = DaemonSettings(
        state=state,
        runtime=entry.folder / "daemon",
        live=stock.live,
        boot=stock.boot,
        image=stock.manifest.name,
        kind=options.of_kind,
        mbit_s=None if network.rate is None else max(10, network.rate // 1_000_000),
        webhook=WEBHOOK,
        classic=(stock.manifest.name,) if options.classic else (),
        webhook_secret=services.inventory.secret,
        erase=options.erase,
        tests=options.tests,
        gates={each.mac: f"{GATE}/{each.number}" for each in who if each.number in cursed},
    )
    return DaemonProcess(settings, network.server, Path(entry.scratch) / "daemon.log", display.say)


def troubles(laptop: LabLaptop, lines: int = 3) -> str:
    """The last words on a laptop's screen, on one line."""
    shown = [line.strip() for line in laptop.shown().replace("\r", "\n").splitlines() if line.strip()]
    return " / ".join(shown[-lines:])
