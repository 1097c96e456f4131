"""The room as a whole: every listener on every chosen interface, started and ended together."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module

from aiohttp import web

from cloned.config import Config
from cloned.config_boot import LeaseSettings
from cloned.connections import PER_ADDRESS, CountedSite, Crowd, affordable, runner
from cloned.core.answer_data import BootLogEntry
from cloned.errors import MissingError, UsageError
from cloned.netboot import interfaces as nics
from cloned.netboot.choices import Choices
from cloned.netboot.counters import BootCounters, tftp_kind
from cloned.netboot.dhcp import Mode, Segment
from cloned.netboot.files import Shelf
from cloned.netboot.gate import BootGate, HeardAt
from cloned.netboot.history import History
from cloned.netboot.http import BootDecisions, BootSite
from cloned.netboot.interfaces import Interface
from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import LeaseStore, Pool
from cloned.netboot.listener import DhcpServer
from cloned.netboot.menus import Menus
from cloned.netboot.tftp import TftpServer, Told
from cloned.netboot.tftp_content import ContentCache
from cloned.netboot.tftp_transfer import Pump
from cloned.netboot.warnings import lost, warnings_of
from cloned.netlink import NetlinkWatch
from cloned.quoting import quoted
from cloned.saying import Phrase
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

NEEDED = ("undionly.kpxe", "shimx64.efi", "grubx64.efi", "snponly.efi", "live/vmlinuz", "live/initrd")
"""Files without which some laptops don't boot."""


class Netboot:
    """DHCP, TFTP and HTTP for laptops. `start()` listens, `close()` leaves nothing behind.

    `boot` decides what each laptop gets; `memory` holds files that are not on disk (`agent.pyz`); `routes`
    are served beside ours on the boot port. `leases` gives the store of an interface's leases; default:
    a file in the state folder. `heard_at` tells where a laptop is being heard (gate.py).
    `counters` is for the page's metrics.
    """

    def __init__(
        self,
        config: Config,
        boot: BootDecisions,
        *,
        memory: Mapping[str, bytes] | None = None,
        routes: Iterable[web.AbstractRouteDef] = (),
        leases: Callable[[str], LeaseStore] | None = None,
        heard_at: HeardAt = lambda request: ("", False),
    ) -> None:
        self._config, self._leases = config, leases or self._lease_file
        self.history, self.choices = History(), Choices(config.boot.model)
        self.counters = BootCounters()
        self._tasks = TaskOwner("netboot")
        self._kernel = NetlinkWatch()
        self._shelf = Shelf({"": config.boot.files, "live": config.boot.live})
        self._site = BootSite(
            boot=boot,
            menus=Menus(config.boot, config.workshop.language),
            shelf=self._shelf,
            choices=self.choices,
            history=self.history,
            memory=memory or {},
            mac_at=self.mac_at,
            tasks=self._tasks,
            gate=BootGate(heard_at, self._kernel.now_at),
            counter=self.counters.http,
        )
        self._routes = list(routes)
        self._listeners: list[DhcpServer] = []
        self._tftp: list[TftpServer] = []
        self._runner: web.AppRunner | None = None
        self._pump: Pump | None = None

    async def start(self) -> None:
        """Open every socket, or none: MissingError or UsageError says what stands in the way."""
        places = [nics.describe(name) for name in choose_interfaces(self._config)]
        pools = {pool.interface: pool for pool in self._config.dhcp.lease}
        check_pools(places, pools)
        self._cache, self._pump = ContentCache(), self._start_pump()
        try:
            await self._kernel.start()
            self._tasks.start(self._kernel.run(), "netlink", service=True)
            for nic in places:
                self._open(nic, pools.get(nic.name), self._pump)
            await self._serve_http(places)
            self._tasks.start(_raw_packets(), "raw-packets")
        except BaseException:
            await self.close()
            raise

    async def wait(self) -> None:
        """Return never, or raise what a listener died of."""
        await self._tasks.wait()

    async def close(self) -> None:
        """Stop listening; running transfers end."""
        await self._tasks.close()
        await self._kernel.close()
        for listener in self._listeners:
            listener.close()
        for server in self._tftp:
            await server.close()
        if self._pump is not None:
            self._pump.close()
            self._cache.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._listeners, self._tftp, self._runner, self._pump = [], [], None, None

    def warnings(self) -> list[dict[str, str]]:
        """What somebody should look at: `code`, `text`, `hint`."""
        missing = [name for name in NEEDED if self._shelf.find(name) is None]
        found = [each for listener in self._listeners for each in lost(listener.place, self._kernel)]
        return [*found, *warnings_of(self._listeners, self.choices, self.history, missing)]

    def absent(self) -> list[str]:
        """What should listen and does not, by protocol."""
        there = {"DHCP": self._listeners, "TFTP": self._tftp, "HTTP boot": self._runner and self._runner.sites}
        return [name for name, found in there.items() if not found]

    def log(self, mac: str = "") -> list[BootLogEntry]:
        """What laptops asked and got, oldest first (history.py)."""
        return self.history.log(mac)

    def mac_at(self, address: str) -> str:
        """The MAC of the laptop at `address`, or nothing."""
        return self._kernel.mac_at(address) or self.history.mac_of(address)

    def _lease_file(self, interface: str) -> LeaseStore:
        folder = self._config.workshop.state
        folder.mkdir(parents=True, exist_ok=True)
        return LeaseFile(folder / f"leases-{interface}.jsonl")

    def _start_pump(self) -> Pump:
        """The thread that moves TFTP transfers; if it breaks, `wait()` says so."""
        loop = asyncio.get_running_loop()
        broken: asyncio.Future[None] = loop.create_future()

        async def lives() -> None:
            await broken

        self._tasks.start(lives(), "tftp", service=True)
        return Pump(lambda error: loop.call_soon_threadsafe(broken.set_exception, error))

    def _open(self, nic: Interface, lease: LeaseSettings | None, pump: Pump) -> None:
        """DHCP and TFTP on one interface."""
        port = self._config.network.boot_port
        place = Segment(
            nic.name, nic.address, nic.network, port, lease.router if lease else None, lease.dns if lease else ()
        )
        mode = Mode.LEASE if lease is not None else Mode(self._config.dhcp.mode)
        pool = None
        if lease is not None:
            edges = (nic.address, nic.network.network_address, nic.network.broadcast_address)
            others = [address for address in (lease.router, *lease.dns) if address is not None]
            pool = Pool(lease.first, lease.last, lease.seconds, self._leases(nic.name), [*edges, *others])
        listener = DhcpServer(
            place, nic.mac, mode, self.history, pool=pool, choose=self.choices.uefi, counter=self.counters.dhcp
        )
        listener.start()
        self._listeners.append(listener)
        self._tasks.start(listener.run(), f"dhcp.{nic.name}", service=True)
        address = str(nic.address)
        server = TftpServer(
            nic.name,
            address,
            lambda name, client: self._site.found(name, client, f"{address}:{port}"),
            pump,
            self._told,
            mtu=nic.mtu,
            cache=self._cache,
        )
        server.start()
        self._tftp.append(server)

    async def _serve_http(self, places: Sequence[Interface]) -> None:
        self._runner = runner(self._site.application(self._routes))
        crowd = Crowd(PER_ADDRESS, affordable(0.6))
        await self._runner.setup()
        for nic in places:
            port = self._config.network.boot_port
            try:
                await CountedSite(self._runner, str(nic.address), port, crowd=crowd).start()
            except OSError as error:
                hint = Phrase("set another network.boot_port, or stop what uses it (ss -ltnp names it)")
                raise MissingError(
                    Phrase(
                        "HTTP on {address} port {port} ({name}): {error}",
                        address=nic.address,
                        port=port,
                        name=nic.name,
                        error=error,
                    ),
                    hint,
                ) from error

    def _told(self, told: Told) -> None:
        """A TFTP request has come to its end. One of an address without MAC stands in the log under that address."""
        self.counters.tftp.add(tftp_kind(told.name), told.outcome)
        mac = self.mac_at(told.client)
        if told.got or told.why:
            asked = f"TFTP {quoted(told.name, 80)}"
            self.history.add(mac or told.client, asked, told.got, told.why, address=told.client)
        if told.complete:
            self._site.fetched(told.client, mac, told.name)


async def _raw_packets() -> None:
    """Have scapy ready beside the start, which would take half a second longer with it."""
    await asyncio.to_thread(import_module, "cloned.netboot.raw_packets")
    gc.freeze()  # what start-up made stays: looking through all of scapy for garbage holds answers up for 0.1 s


def choose_interfaces(config: Config) -> list[str]:
    """The interfaces named in the configuration, else the one wired interface that has a link."""
    named = list(dict.fromkeys([*config.network.interfaces, *(pool.interface for pool in config.dhcp.lease)]))
    if named:
        return named
    found = nics.wired_with_link()
    if len(found) == 1:
        return found
    if not found:
        raise MissingError("no wired network interface has a link", "plug in the cable to the laptops' switch")
    raise UsageError(
        Phrase("several wired interfaces have a link: {found}", found=", ".join(found)),
        Phrase('name the one that laptops are on, e.g. [network] interfaces = ["{found}"]', found=found[0]),
    )


def check_pools(places: Sequence[Interface], pools: Mapping[str, LeaseSettings]) -> None:
    """Raise UsageError for a pool that does not lie in its interface's network."""
    for nic in places:
        pool = pools.get(nic.name)
        if pool is not None and not (pool.first in nic.network and pool.last in nic.network):
            raise UsageError(
                Phrase(
                    "the pool {first} to {last} is not in the network of {name}, {network}",
                    first=pool.first,
                    last=pool.last,
                    name=nic.name,
                    network=nic.network,
                ),
                "give [[dhcp.lease]] addresses of that network",
            )
