"""The daemon: every room made real and wired to the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

from aiohttp import web

from cloned import ledger_questions
from cloned import memory as given_back
from cloned.accounts import DeliveryDesk
from cloned.casting.caster import Caster
from cloned.casting.members import SessionMembers
from cloned.casting.unicast import piece_routes
from cloned.client import SOCKET
from cloned.config import Config
from cloned.connections import runner as make_runner
from cloned.control import Control
from cloned.core.events import Command
from cloned.core.finishing import FinishWishes, named_alike, steps
from cloned.core.laptop import Laptop
from cloned.engine import Engine
from cloned.erasures import ErasureDesk
from cloned.forgetting import Forgetting
from cloned.house import House
from cloned.images.capture import Captures, capture_routes
from cloned.images.scrub import Scrub
from cloned.images.store import ImageStore
from cloned.images.watch import ImageWatch
from cloned.inventory.database import LedgerError
from cloned.journal import Journal
from cloned.lag import LoopLag
from cloned.languages import language
from cloned.live import kept_agent
from cloned.logs import tell_changes
from cloned.measures import Gathered
from cloned.monitor import Monitor
from cloned.multicast.health import MulticastHealth
from cloned.netboot.agents import AgentApi
from cloned.netboot.guests import Guests
from cloned.netboot.interfaces import describe, link_speed
from cloned.netboot.masters import Masters
from cloned.netboot.service import Netboot, choose_interfaces
from cloned.numbers import recall_when_there
from cloned.order_types import FinishStep
from cloned.outset import Outset
from cloned.overview import Overview
from cloned.papers.office import Office
from cloned.papers.spool import Spool
from cloned.papers.subject import PrintingSite
from cloned.readiness import Readiness
from cloned.rereading import configure, reread, reread_answer
from cloned.rounds import Examine, Rounds
from cloned.signing import SiteKey
from cloned.status.app import create_app
from cloned.status.auth import Auth
from cloned.status.front_door import listen_page
from cloned.status.guard import AccessRules
from cloned.status.hosts import names as host_names
from cloned.status.live import Hub
from cloned.status.own_socket import listen_socket
from cloned.status.secure import Certificate
from cloned.status.throughput import Throughput
from cloned.status.warmth import Warmth
from cloned.switch.service import SwitchService
from cloned.systemd import Heartbeat, notify
from cloned.tally import Tally
from cloned.troubles import Troubles

log = logging.getLogger(__name__)


class Daemon:
    """One workshop. `run()` returns only by being cancelled, or raises what a part died of."""

    def __init__(
        self, config: Config, outset: Outset, file: Path | None = None, examine: Examine | None = None
    ) -> None:
        """`outset`: what it begins with, already under way perhaps; `file`: where the configuration came from, to be
        read again on `reload`; `examine`: what `check` runs.
        """
        self.config, self.file, self._outset = config, file, outset
        self.rounds = Rounds(examine, lambda: self.config)
        self.tasks = outset.tasks
        state = config.workshop.state
        self.interface = choose_interfaces(config)[0]
        self.store = ImageStore(state / "images")
        self.mbps = config.network.link_mbps or link_speed(self.interface)
        self.caster = Caster(
            self.store,
            self._address,
            self.mbps,
            interface=self.interface,
            most_mbps=config.sessions.rate_mbps,
            tell=lambda event: self.engine.submit(event),
            may_ask=SessionMembers(lambda: self.engine.workshop).may_ask,
        )
        self.journal = Journal(state / "journal.sqlite")
        self.auth = Auth(state, {name: token.get_secret_value() for name, token in config.page.tokens.items()})
        if self.auth.new_pin:
            log.warning(
                "the workshop's PIN is %s; only a hash of it is kept, `cloned pin` says more", self.auth.new_pin
            )
        page = config.page
        self.certificate = Certificate(page.certificate, page.key) if page.certificate and page.key else None
        self.hub = Hub()
        self.lag = LoopLag()
        self.ending: Callable[[Exception], None] = lambda error: None
        self.troubles = Troubles(self.tasks, self.caster, state)

    def _address(self) -> str:
        """Of our card, as it is now: it may get another one."""
        return str(describe(self.interface).address)

    async def run(self) -> None:
        """Bring every part up in order, say so, and stay until one ends; then take all down."""
        async with AsyncExitStack() as self.stores, AsyncExitStack() as stack:
            stack.push_async_callback(self.tasks.close)  # after the ports, and before what they all write into
            await self._start(stack)
            notify("READY=1")
            self.tasks.supervise(self.rounds.run, "check")
            log.info("ready: the page is on port %d, laptops boot from %s", self.config.page.port, self.interface)
            await self._wait()

    async def _wait(self) -> None:
        """Until the first part ends; `ending` hears at once what it died of."""
        try:
            await self._first_end()
        except Exception as error:
            self.ending(error)
            raise

    async def _first_end(self) -> None:
        waits = [asyncio.ensure_future(part.wait()) for part in (self.tasks, self.netboot, self.caster)]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()

    async def _start(self, stack: AsyncExitStack) -> None:
        self.stores.callback(self.journal.close)
        self.stores.push_async_callback(self._outset.close)
        await self._outset.begin()
        self.ledger, self.inventory = self._outset.ledger, self._outset.inventory
        await self._start_engine(stack)
        self._start_papers()
        await asyncio.to_thread(given_back.set_apart)  # before a laptop may speak
        await self._start_rooms(stack)
        await self._start_page(stack)

    async def _start_engine(self, stack: AsyncExitStack) -> None:
        """The engine first: it must know all that was before a laptop may speak."""
        stack.push_async_callback(self.caster.close)
        self.engine = Engine(self.journal, self.caster, self.ledger, recall=self.ledger.known)
        stack.push_async_callback(self.engine.close)
        self.tally = Tally()
        self.engine.followers += [self.tally.happened, tell_changes]
        notify("STATUS=reading the journal\nEXTEND_TIMEOUT_USEC=1800000000")
        count = await asyncio.to_thread(self.engine.replay)
        log.info("%d events replayed", count)
        with suppress(LedgerError):  # it was told that the ledger is away
            await self.troubles.compare(count, self.engine, self.ledger)
        self.monitor = Monitor(self.engine, self.config.sessions.headway_seconds)
        rooms = {
            "inventory-retry": self.inventory.retry,
            **Forgetting(self.engine, self.journal, self.inventory.forget).rooms(),
            "reload": self._reload,
            "recheck": self.rounds.recheck,
            "seen": self.troubles.seen,
            "print": self._print,
            "swap": self._swapped,
        }
        self.control = Control(self.engine, rooms)
        self.tasks.start(self.engine.run(), "engine", service=True)
        await configure(self.engine, self.config)
        away = self.inventory.ledger_away
        await recall_when_there(self.engine, self.ledger, self.config.workshop.state, self.tasks, away)
        self.images = ImageWatch(self.engine, self.store, self.config.sessions.classic)
        await self.images.look()
        self.captures = Captures(self.store, changed=lambda: self.masters.wake())
        self.masters = Masters(self.engine, self.captures, self.images.look)
        await self.masters.recover()
        self.scrub = Scrub(
            self.store,
            self.config.images.verify_hours * 3600,
            lambda: self.engine.workshop.busy(),
            lambda _: self.images.look(everything=True),
        )
        ports = self.config.sessions.ports
        self.places = SwitchService(
            self.engine, self.config.switch, ports, self.mbps, booting=self._booting, moved=self.hub.now
        )
        await self.places.tell()
        await self.engine.catch_up()
        self.tasks.start(self.engine.run_effects(), "effects", service=True)

    def _start_papers(self) -> None:
        """Whoever sends results to an inventory has waited for them, if it wants one."""
        config = self.config
        self.office = Office(self.engine, self.ledger, self._site, config.workshop.language, config.print.media)
        self.desk = ErasureDesk(config, self.engine, self.ledger, SiteKey.open(config.workshop.state))
        self._outset.sheet.drawn_by(lambda of: self.office.attached(of.laptop))
        self._outset.certificate.drawn_by(lambda of: self.desk.paper_of(of.row))

    async def _start_rooms(self, stack: AsyncExitStack) -> None:
        words = language(self.config.workshop.language)
        kept = self.config.workshop.state / "agent.pyz"
        agent = await asyncio.to_thread(kept_agent, kept, words.say, words.digest)
        api = AgentApi(self.engine, self.monitor, self.store, self.caster, self._finishing, words.say)
        self.netboot = Netboot(
            self.config,
            self.engine,
            memory={"agent.pyz": agent},
            routes=[
                *api.routes(),
                *Guests(self.engine, self.store).routes(),
                *self.masters.routes(),
                *capture_routes(self.captures, self.tasks.start),
                *piece_routes(self.caster, self.caster.link, api.may_fetch, self.caster.fetched),
            ],
            heard_at=self.monitor.heard_at,
        )
        await self.netboot.start()
        stack.push_async_callback(self.netboot.close)
        self.tasks.supervise(self.lag.run, "lag")
        self.tasks.supervise(self.monitor.run, "monitor")
        self.tasks.supervise(partial(ledger_questions.run, self.engine), "weighing")
        self.tasks.supervise(self.images.run, "images")
        self.tasks.supervise(self.scrub.run, "scrub")
        self.tasks.supervise(self.masters.run, "masters")
        nic = describe(self.interface)
        querier = self.config.network.querier
        self.reach = MulticastHealth(self.engine, self.monitor, nic.name, nic.address, querier, self.places.switch_of)
        self.tasks.supervise(self.reach.run, "reach")
        self.tasks.supervise(self.places.run, "places")
        for work, name in self.inventory.services(self.engine):
            self.tasks.supervise(work, name)
        heartbeat = Heartbeat(lambda: self.engine.workshop.in_words(), lambda: self.engine.turns, self._waiting)
        self.tasks.supervise(heartbeat.run, "heartbeat")

    async def _print(self, command: Command) -> Mapping[str, object]:
        return self.spool.again(self.control.find(command.target), command.text)

    async def _swapped(self, command: Command) -> Mapping[str, object]:
        return self.spool.swapped(*(self.control.find(name) for name in (command.target, command.other)))

    async def _reload(self, command: Command) -> Mapping[str, object]:
        return reread_answer(await self.reload())

    async def reload(self) -> dict[str, list[str]]:
        """`{"applied": keys, "restart": keys that only a restart changes}`. UsageError: nothing was changed."""
        self.config, found = await reread(self.file, self.config, self.engine)
        self.auth.allow({name: token.get_secret_value() for name, token in self.config.page.tokens.items()})
        return found

    def _waiting(self) -> int:
        """Events that wait, unless the disk is full: a new start would not make room."""
        return 0 if self.engine.problem else self.engine.backlog

    def _booting(self) -> bool:
        """Whether some machine asked for something to boot of late; firmware may pause that long."""
        return self.netboot.history.quiet() < 60

    def _finishing(self, laptop: Laptop) -> list[FinishStep]:
        image = self.engine.workshop.images.get(laptop.goal.image)
        boot = image.boot if image else ()
        twin = named_alike(self.engine.workshop.laptops.values(), laptop)
        wishes = FinishWishes(**self.config.finish.model_dump())
        return steps(wishes, laptop, self.engine.clock(), boot, twin=twin)

    async def _start_page(self, stack: AsyncExitStack) -> None:
        """The page for everybody, and the same without PIN on the socket that only our group may open."""
        view = self._overview()
        self.engine.subscribe(self.hub.now)
        self.tasks.supervise(self.hub.run, "page")
        self.warmth = Warmth(self.config.workshop.state / "pages.bin")
        self.tasks.start(self._settled(), "warm")
        self.measures, site = self._gathered(), self.config.workshop
        accounts = DeliveryDesk(self.engine, lambda: self.config.deliveries, site.name, site.language)
        rules = AccessRules(lambda: self.config.page.read, lambda: self.config.erase.by)
        self.spool = Spool(site.state / "prints.sqlite", self.engine, self.office, lambda: self.config.print)
        self.stores.callback(self.spool.close)
        self.engine.followers.append(self.spool.follow)
        self.tasks.supervise(self.spool.run, "printing")
        house = House(
            config=lambda: self.config,
            file=self.file,
            engine=self.engine,
            printed=self.spool.shown,
            rounds=self.rounds,
            images=self.store.root,
            proofs=lambda: self.scrub.proofs,
        )
        flow = Throughput(self.caster.stats)
        self.tasks.supervise(flow.run, "throughput")
        apps = [
            create_app(
                view,
                self.inventory,
                self.auth,
                self.hub,
                trusted=trusted,
                netboot=self.netboot.log,
                ready=self._readiness().wrong,
                checked=self.rounds.to_json,
                desk=self.desk,
                accounts=accounts,
                measures=self.measures.figures,
                office=self.office,
                names=host_names(self.config.page.url, self.config.page.hosts),
                language=lambda: self.config.workshop.language,
                rules=rules,
                house=house,
                flow=flow,
                warmth=self.warmth,
            )
            for trusted in (False, True)
        ]
        for app, listen in zip(apps, (self._listen_page, self._listen_socket), strict=True):
            runner = make_runner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await listen(runner, stack)

    async def _settled(self) -> None:
        """What is made for the first to ask; then what start-up took and nobody needs is given back."""
        await self.warmth.warm()
        self._outset.settled()
        self.tasks.supervise(given_back.run, "memory")

    def _overview(self) -> Overview:
        tls = () if self.certificate is None else (self.certificate.warnings,)
        return Overview(
            engine=self.engine,
            monitor=self.monitor,
            control=self.control,
            name=lambda: self.config.workshop.name,
            senders=self.caster.stats,
            lag=lambda: self.lag.recent,
            held=lambda: self.lag.held,
            busy=lambda: self.lag.busy,
            switches=self.places.readings,
            captures=self.captures.to_json,
            warnings=(
                self.troubles.to_json,
                self.netboot.warnings,
                self.places.warnings,
                self.reach.warnings,
                self.inventory.warnings,
                *tls,
            ),
        )

    def _gathered(self) -> Gathered:
        return Gathered(
            tally=self.tally,
            sent=self.caster.sent,
            received=lambda: self.monitor.received,
            requests=self.netboot.counters.figures,
            images=lambda: self.scrub.health(self.engine.workshop.images),
            state=self.config.workshop.state,
            certificate=lambda: self.config.page.certificate,
            checked=self.rounds.counted,
        )

    def _readiness(self) -> Readiness:
        config, ledger = self.config, self.config.ledger_place
        return Readiness(
            journal=lambda: self.engine.problem,
            ledger=self.ledger.totals,
            listeners=self.netboot.absent,
            live=lambda: config.boot.live,
            files=lambda: config.boot.files,
            state=config.workshop.state,
            kept={"journal": self.journal.path, **({"ledger": ledger} if isinstance(ledger, Path) else {})},
        )

    def _site(self) -> PrintingSite:
        return PrintingSite(self.config.workshop.name, self.config.page.found_at(self._address()))

    async def _listen_page(self, runner: web.AppRunner, stack: AsyncExitStack) -> None:
        await listen_page(runner, self.config.page, self.certificate, self.tasks, stack)

    async def _listen_socket(self, runner: web.AppRunner, _stack: AsyncExitStack) -> None:
        await listen_socket(runner, self.config.workshop.runtime / SOCKET, self.config.workshop.group)
