"""What the agent of a laptop is to do now: a function of the state, so that asking twice is harmless."""

from __future__ import annotations

from cloned.core import capture, erasing, tags, trials
from cloned.core.laptop import ACTIVE, Laptop, State, VerdictKind, worded
from cloned.core.rates import alone
from cloned.core.schedule import Wait
from cloned.core.words import Clock, utc
from cloned.core.workshop import Workshop
from cloned.order_types import CloneOffer, Order, WantedDisk
from cloned.saying import Phrase


def order(workshop: Workshop, laptop: Laptop, wait: Wait | None = None, clock: Clock = utc) -> Order:
    """The order, as the agent reads it; the stream's address is added by who knows it. `clock` words times."""
    found = _order(workshop, laptop, wait, clock)
    if not (attended := trials.for_a_person(laptop)) or found["do"] == "power":
        return found
    return {**found, "attended": {"tests": attended, "layout": workshop.settings.layout}}


def _order(workshop: Workshop, laptop: Laptop, wait: Wait | None, clock: Clock) -> Order:
    if laptop.state is State.FINISHING and tags.needs(workshop, laptop):
        return {
            "do": "wait",
            "screen": [Phrase("Verified. The inventory is asked for its number.")],
            "state": "finishing",
        }
    if laptop.state is State.FINISHING:
        return {"do": "finish", "image": laptop.goal.image, "image_hash": laptop.job.image_hash, "disk": _disk(laptop)}
    if laptop.state in ACTIVE:
        return {
            "do": "restore",
            "session": laptop.session,
            "image": laptop.goal.image,
            "disk": _disk(laptop),
            "survey": laptop.goal.written or laptop.job.verdict is VerdictKind.VERIFIED,
            "alone": alone(laptop, workshop.link_mbps),
            **_classic(workshop, laptop),
        }
    tests = Order(tests=due) if (due := trials.due(laptop)) else Order()
    if laptop.state is State.DONE and (tests or trials.for_a_person(laptop)):
        return {"do": "wait", "screen": _screen(laptop, None), "state": "done", **tests}
    if laptop.state is State.DONE:
        return {"do": "power", "action": workshop.settings.then, "screen": _screen(laptop, None)}
    if (erase := erasing.order(laptop)) is not None:
        return {"screen": [], **erase, **tests}
    master = capture.order(laptop)
    if master is not None:
        return {**master, "screen": _screen(laptop, None)}
    answer: Order = {"do": "wait", "screen": _screen(laptop, wait, clock), "state": str(laptop.state)}
    if offer := _offer(workshop, laptop):
        answer["offer"] = offer
    if erase_offer := erasing.offer(workshop, laptop):
        answer["erase_offer"] = erase_offer
    return {**answer, **tests, **(Order(media=True) if erasing.wants_media(laptop) else Order())}


def _classic(workshop: Workshop, laptop: Laptop) -> Order:
    """For a classic session: the port base, and whether its stream begins."""
    session = workshop.sessions.get(laptop.session) if laptop.session is not None else None
    if session is None or not session.classic:
        return {}
    return {"classic": {"port": session.port, "go": session.started is not None}}


def _disk(laptop: Laptop) -> WantedDisk:
    disk = laptop.target()
    if disk is None:
        return {}
    return {"serial": disk.serial, "wwn": disk.wwn, "path": disk.path, "size": disk.size}


def _screen(laptop: Laptop, wait: Wait | None, clock: Clock = utc) -> list[str]:
    """Lines for the person in front of it: what is the matter, and the next step."""
    if laptop.state is State.DONE:
        return [Phrase("Done. {image} is on this laptop, every block read back and right.", image=laptop.goal.image)]
    if wait is not None:
        return _lines(worded(wait.reason, wait.detail, wait.values, clock), wait.reason.next_step)
    if laptop.reason is None:
        return [Phrase("Waiting for its turn."), *_needs(laptop)]
    return [*_lines(worded(laptop.reason, laptop.detail), laptop.reason.next_step), *_needs(laptop)]


def _needs(laptop: Laptop) -> list[str]:
    return [Phrase("It needs: {needs}.", needs=", ".join(laptop.triage.needs))] if laptop.triage.needs else []


def _lines(sentence: str, next_step: str) -> list[str]:
    return [line for line in (Phrase("{sentence}.", sentence=sentence), next_step) if line]


def _offer(workshop: Workshop, laptop: Laptop) -> CloneOffer | None:
    """What a key on the laptop would confirm: only where image and disk leave no choice."""
    image, disks = workshop.images.get(laptop.goal.image), laptop.eligible()
    if laptop.state is not State.ASKING or laptop.wants or image is None or len(disks) != 1:
        return None
    disk = disks[0]
    return {
        "image": image.name,
        "disk": {"serial": disk.serial, "wwn": disk.wwn, "path": disk.path, "size": disk.size, "model": disk.model},
    }
