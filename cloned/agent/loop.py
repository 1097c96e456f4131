"""The agent's life: hear an order, carry it out, tell of it; until the laptop is switched off."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloned.agent import facts, power
from cloned.agent import parts as parts_of
from cloned.agent.classic_job import ClassicJob
from cloned.agent.client import DaemonClient, DaemonRefused, Revoked
from cloned.agent.failures import AgentError
from cloned.agent.finish import FinishSteps
from cloned.agent.options import AgentOptions
from cloned.agent.reporter import Reporter
from cloned.agent.restore_job import RestoreJob
from cloned.agent.screen import Console, compose
from cloned.agent.spoken import say
from cloned.agent.status import Status
from cloned.agent.verify import Stopped
from cloned.order_types import ErasureOffer, Order, order_of

if TYPE_CHECKING:
    from cloned.agent.attended import AttendedRunner
    from cloned.agent.trials import TrialRunner
from cloned.saying import parts

REVOKED_PAUSE_SECONDS = 30.0
"""Seconds that the screen says why before the laptop starts again."""


class Loop:
    """Obeys the daemon; `run` does not return but by switching off."""

    def __init__(self, options: AgentOptions, client: DaemonClient, late: Sequence[str] = ()) -> None:
        """`late`: readings of the hello that did not come in time, told once they come."""
        self._options, self._client, self._late = options, client, late
        self._media_told = False
        self._told = facts.disk_facts(facts.told_facts(options.facts))
        self._status = Status()
        self._trials: TrialRunner | None = None
        self._attended: AttendedRunner | None = None
        self._console = Console(options.live)
        self._reporter = Reporter(options, self._status, self._show)
        self._console.listen(self._pressed)

    def run(self) -> None:
        """Carry out orders for ever."""
        if self._late:
            self._status.learn({"late": list(self._late)})
            parts_of.afterwards(self._late, self._status.learn)
        self._reporter.start()
        order = self._reporter.next(0)
        while not self._reporter.revoked:
            self._obey(order)
            order = self._reporter.fresh()
        self._console.show([say("This start of the laptop was replaced by a newer one, so this one ends.")])
        time.sleep(REVOKED_PAUSE_SECONDS if self._options.live else 0)
        power.act("reboot" if self._options.live else "poweroff", self._options.live)

    def _obey(self, order: Order) -> None:
        """Carry out one order; returns when there is a newer one to look at."""
        try:
            self._tell_media(order)
            match order.get("do"):
                case "restore":
                    self._restore(order)
                case "finish":
                    self._finish(order)
                case "capture":
                    self._capture(order)
                case "erase":
                    self._erase(order)
                case "power":
                    self._power(str(order.get("action")))
                case _:
                    self._idle()
        except Stopped:
            self._status.set("idle", session=None)
        except DaemonRefused as refused:
            if refused.status:
                self._console.show([say(str(refused))])
                time.sleep(1)
        except Revoked:
            self._reporter.revoked = True

    def _restore(self, order: Order) -> None:
        kind = ClassicJob if order.get("classic") else RestoreJob
        job = kind(self._options, self._client, self._reporter, self._status, order, self._told)
        try:
            job.run()
        except AgentError as error:
            self._failed(order, error)
        except MemoryError:
            self._failed(order, AgentError("no-memory", "the agent ran out of memory"))
        else:
            self._status.set("waiting")

    def _capture(self, order: Order) -> None:
        from cloned.agent.capture import CaptureJob  # few laptops are masters

        try:
            CaptureJob(self._options, self._client, self._reporter, self._status, order, self._told).run()
        except AgentError as error:
            self._failed(order, error)
        self._status.set("idle", session=None)

    def _erase(self, order: Order) -> None:
        from cloned.agent.erase_job import EraseJob  # few laptops are erased, and it takes a while to import

        self._media_told = False  # a disk may have come to light meanwhile
        EraseJob(self._options, self._client, self._reporter, self._status, order, self._told).run()
        self._status.set("idle", session=None)

    def _tell_media(self, order: Order) -> None:
        """Tell what the disks can do, once and only where the server asks: it takes a second for each disk."""
        if not order.get("media") or self._media_told:
            return
        from cloned.agent import erase_ask

        found = [medium.to_json() for medium in erase_ask.every(self._options.only_disk, self._told)]
        self._client.call("POST", "/agent/v1/media", {"media": found}, give_up=lambda: self._reporter.revoked)
        self._media_told = True

    def _failed(self, order: Order, error: AgentError) -> None:
        """Tell the daemon, and wait until it wants something else than what just failed."""
        session = order.get("session")
        self._status.set("failed", reason={"code": error.code, "detail": error.detail})
        told = {"session": session, "code": error.code, "detail": parts(error.detail)}
        self._client.call("POST", "/agent/v1/failed", told)
        while (now := self._reporter.fresh()).get("do") in ("restore", "finish") and now.get("session") == session:
            time.sleep(1)
            if self._reporter.revoked:
                return

    def _finish(self, order: Order) -> None:
        self._status.set("finishing")
        try:
            steps = FinishSteps(self._options, self._told, order, self._status).run()
        except AgentError as error:
            self._failed(order, error)
            return
        body = {"session": order.get("session"), "steps": steps, "seconds": self._status.seconds}
        self._status.set("finished")
        self._reporter.take(order_of(self._client.call("POST", "/agent/v1/finished", body)))

    def _power(self, action: str) -> None:
        self._status.set("finished")
        self._show()
        if action in ("poweroff", "reboot", "disk"):
            power.act(action, self._options.live)
        elif not self._options.live:
            power.act("poweroff", live=False)
        self._idle()

    def _idle(self) -> None:
        """Show what the daemon says until it says something else."""
        if self._status.report()["state"] not in ("idle", "failed", "finished"):
            self._status.set("idle", session=None)
        order = self._reporter.order
        number = self._reporter.number
        while self._reporter.order.get("do") == order.get("do") and not self._reporter.revoked:
            self._reporter.next(number)
            number = self._reporter.number
            self._tell_media(self._reporter.order)

    def _show(self) -> None:
        """With each order that is heard: begin or end tests, and draw the screen."""
        order = self._reporter.order
        self._test(order)
        report = {**self._status.report(), "test": self._trials.now if self._trials else ""}
        self._console.show(compose(order, report, self._reporter.silent))

    def _test(self, order: Order) -> None:
        """What the order wants tested, beside everything else; nothing of it is loaded where nobody asks."""
        if self._trials is None and (order.get("tests") or order.get("attended")):
            from cloned.agent.attended import AttendedRunner
            from cloned.agent.trials import TrialRunner

            self._trials = TrialRunner(self._options, learnt=self._status.learn)
            self._attended = AttendedRunner(self._options, self._console, self._trials.pack)
        if self._trials is not None:
            self._trials.follow(order)
        if self._attended is not None:
            self._attended.follow(order)

    def _pressed(self, key: str) -> None:
        """A key on the laptop: C confirms the clone that is offered, E the erasure, T begins tests; no other does."""
        if key == "t" and self._attended is not None:
            self._attended.begin()
            return
        if key == "e":
            self._confirm_erasure(self._reporter.order.get("erase_offer"))
            return
        offer = self._reporter.order.get("offer")
        if key != "c" or not offer:
            return
        disk = {"serial": offer["disk"].get("serial"), "wwn": offer["disk"].get("wwn")}
        try:
            DaemonClient(self._options, 10).once("POST", "/agent/v1/confirm", {"image": offer["image"], "disk": disk})
        except (OSError, ValueError, DaemonRefused, Revoked) as error:
            self._console.show([say("That did not work: {error}", error=error)])

    def _confirm_erasure(self, offer: ErasureOffer | None) -> None:
        """The person at the laptop read which disks, how and how long, and pressed E."""
        if not offer:
            return
        body = {"level": offer.get("level"), "disks": [each.get("key") for each in offer.get("disks", [])]}
        try:
            DaemonClient(self._options, 10).once("POST", "/agent/v1/erase", body)
        except (OSError, ValueError, DaemonRefused, Revoked) as error:
            self._console.show([say("That did not work: {error}", error=error)])
