"""What hooks are told of: laptops that ask, are done, failed or erased, sessions that ended, images that are ready,
an evening that is over.

Two states of the workshop are compared after each group of events; what happened while the daemon was away is not told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from cloned.core import evening
from cloned.core.events import Command
from cloned.core.laptop import Laptop, State, worded
from cloned.core.ledger import iso
from cloned.core.workshop import Workshop
from cloned.engine import Engine
from cloned.errors import ClonedError
from cloned.inventory.hooks import HookRun, Hooks
from cloned.json_data import as_object, as_text
from cloned.tasks import TaskOwner

log = logging.getLogger(__name__)

MOST_WAITING = 500
"""Events that wait for hooks; where hooks are slower than that, the oldest are left out."""
UNDER_WAY = 50
"""Events that hooks are being told of; beyond that they wait."""
_EVENTS = {State.ASKING: "asking", State.DONE: "done", State.ASIDE: "failed", State.ERASED: "erased"}
Happening = tuple[str, dict[str, object]]


class Happenings:
    """Watches the engine and runs hooks; what a hook of `asking` answers is asked for as a command of its own."""

    def __init__(self, engine: Engine, hooks: Hooks, workshop: str = "") -> None:
        self._engine, self._hooks, self._name = engine, hooks, workshop
        self._before = engine.workshop
        self._waiting: asyncio.Queue[Happening] = asyncio.Queue()
        self._room = asyncio.Semaphore(UNDER_WAY)

    async def run(self) -> None:
        """Until cancelled."""
        self._before = self._engine.workshop
        leave = self._engine.subscribe(self._look)
        owner = TaskOwner("hooks")
        try:
            while True:
                await self._room.acquire()
                event, told = await self._waiting.get()
                owner.start(self._fire(event, told), event)
        finally:
            leave()
            await owner.close()

    def _look(self) -> None:
        before, self._before = self._before, self._engine.workshop
        for happening in happened_between(before, self._before):
            if self._waiting.qsize() >= MOST_WAITING:
                log.warning("hooks are too slow: %s is not told", self._waiting.get_nowait()[0])
            self._waiting.put_nowait(happening)

    async def _fire(self, event: str, told: dict[str, object]) -> None:
        laptop = as_object(told.get("laptop") or {})

        async def answered(run: HookRun) -> None:
            for word, verb in (("tag", "tag"), ("label", "mark")):
                if run.answer and word in run.answer:
                    await self._obey(Command(verb, f"hook {run.name}", as_text(laptop["id"]), text=run.answer[word]))

        try:
            await self._hooks.fire(event, {"at": iso(self._engine.clock()), "workshop": self._name, **told}, answered)
        finally:
            self._room.release()

    async def _obey(self, command: Command) -> None:
        try:
            await self._engine.command(command)
        except ClonedError as error:
            log.warning("%s wants laptop %s to be called %s: %s", command.by, command.target, command.text, error)


def happened_between(before: Workshop, after: Workshop) -> Iterator[Happening]:
    """What people may want to hear of."""
    if after.laptops is not before.laptops:
        for ident, laptop in after.laptops.items():
            was = before.laptops.get(ident)
            event = _EVENTS.get(laptop.state)
            if event and laptop is not was and _entered(was, laptop):
                yield event, {"laptop": told_of(laptop)}
    for key, session in after.sessions.items():
        old = before.sessions.get(key)
        if session.ended and (old is None or not old.ended):
            yield "session-over", {"session": {"id": key, "number": session.number, "image": session.image,
                                               "laptops": list(session.members)}}  # fmt: skip
    if after.evening_over != before.evening_over:
        yield "evening-over", {"evening": evening.summary(after, after.evening_over)}
    for name, image in after.images.items():
        known = before.images.get(name)
        if not image.unusable and (known is None or known.unusable or known.image_hash != image.image_hash):
            yield "image-ready", {"image": {"name": name, "image_hash": image.image_hash, "used": image.used}}


def _entered(was: Laptop | None, laptop: Laptop) -> bool:
    """Whether it came into its state just now; it asks once its agent has told what it is."""
    if laptop.state is State.ASKING:
        return laptop.contact.hellos > 0 and (
            was is None or was.state is not State.ASKING or was.contact.hellos < laptop.contact.hellos
        )
    return was is None or was.state is not laptop.state


def told_of(laptop: Laptop) -> dict[str, object]:
    """A laptop as hooks see it. No person is in it."""
    identity = laptop.identity
    return {
        "id": laptop.id,
        "number": laptop.number,
        "tag": laptop.tag,
        "label": laptop.mark,
        "state": str(laptop.state),
        "why": str(worded(laptop.reason, laptop.detail)),
        "image": laptop.goal.image,
        "verdict": str(laptop.job.verdict),
        "serial": identity.serial,
        "uuid": identity.uuid,
        "vendor": identity.vendor,
        "product": identity.product,
        "macs": list(identity.macs),
        "port": laptop.link.port,
        "organisation": laptop.organisation,
        "lent": laptop.lent,
        "donation": laptop.donation,
    }
