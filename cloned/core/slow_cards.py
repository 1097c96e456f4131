"""Laptops whose network card was held back by its power saving: the cable is not to blame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cloned.core.events import SlowCard
from cloned.core.happened import Happened, happened
from cloned.core.laptop import Laptop, State, add_history, named
from cloned.core.warnings import Warn
from cloned.core.workshop import Workshop
from cloned.saying import Phrase

OFF, ON = "off", "on"


def noticed(workshop: Workshop, event: SlowCard, now: float) -> Workshop:
    """Note once a boot that its card was held back by power saving, and whether its agent could switch that off."""
    laptop = workshop.laptops.get(event.laptop)
    if laptop is None or not laptop.active or laptop.link.card:
        return workshop
    laptop = replace(laptop, link=replace(laptop.link, card=OFF if event.off else ON))
    what = Happened.CARD_CURED if event.off else Happened.CARD_STAYS
    return workshop.with_laptop(add_history(laptop, now, happened(what, mbit=event.mbit)))


def warnings(laptops: Iterable[Laptop]) -> list[Warn]:
    """The warnings about laptops that are here."""
    return [_told(laptop) for laptop in laptops if laptop.link.card and laptop.state is not State.GONE]


def _told(laptop: Laptop) -> Warn:
    if laptop.link.card == OFF:
        text = Phrase(
            "{laptop}: its network card's power saving (ASPM) slowed it down; it is off now", laptop=named(laptop)
        )
        return Warn("slow-card", text, "nothing to do here; the cable is not to blame")
    text = Phrase("{laptop}: its network card's power saving (ASPM) slows it down, and stays on", laptop=named(laptop))
    return Warn(
        "slow-card", text, "turn ASPM off in the firmware's setup, or use a USB network card; the cable is not to blame"
    )
