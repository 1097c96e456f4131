"""Every time and share that the simulated evening assumes, with where it comes from; printed with each result.

Sources: *FACTS.md* is what refurbishers were found writing about their work; *measured* is this program in its labs;
*assumed* is nobody's figure but ours, which is why all times are also halved and doubled.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumed:
    """A time in minutes, or a share of all laptops."""

    name: str
    value: float
    source: str
    share: bool = False


TIMES = {
    each.name: each
    for each in (
        # a person's
        Assumed("walk to the next laptop", 0.15, "assumed: one room"),
        Assumed("unpack and plug in", 0.5, "assumed"),
        Assumed("set the firmware", 1.0, "FACTS.md 10: firmware menu for settings and boot keys; minute assumed"),
        Assumed("test with a person", 2.0, "issue 17: two minutes on the laptop's own screen; measured by nobody yet"),
        Assumed("look at one held back", 0.5, "assumed: the screen says why"),
        Assumed("stick the label on", 0.3, "assumed: it comes out of the printer by itself"),
        Assumed("fetch and label a charger", 0.5, "assumed; FACTS.md 10: chargers are looked for laptop by laptop"),
        # the same evening with cloning alone
        Assumed("choose the image in a menu", 0.5, "assumed"),
        Assumed("erase by hand", 1.5, "FACTS.md 10, Labdoo: eight questions a laptop are typed; minutes assumed"),
        Assumed(
            "test by hand",
            8.0,
            "FACTS.md 10: keyboard, camera, sound, battery, on paper; minutes assumed",
        ),
        Assumed("note serials by hand", 2.0, "FACTS.md 10: serials and results written down; minutes assumed"),
        Assumed("make a label by hand", 1.0, "FACTS.md 10, Labdoo: printed one by one, scissors; minute assumed"),
        # a machine's
        Assumed("start from the network", 1.0, "measured: 50 to 61 s in a lab of two emulated laptops"),
        Assumed("erase a flash disk", 2.0, "assumed: sanitize or secure erase and its proof"),
        Assumed("erase a hard disk", 75.0, "assumed: 320 GB overwritten at 90 MB/s and sampled"),
        Assumed("clone a flash disk", 3.0, "FACTS.md 10: 10 GB to thirty in 90 s at 911 Mbit/s, and reading back"),
        Assumed("clone a hard disk", 9.0, "assumed: 25 GB written and read back at 90 MB/s"),
        Assumed("test alone", 4.0, "measured: processor 30 s, memory at most 2 min; a disk's own test 2 min"),
    )
}
SHARES = {
    each.name: each
    for each in (
        Assumed("needs its firmware set", 0.30, "assumed", share=True),
        Assumed("has a hard disk", 0.20, "assumed", share=True),
        Assumed("is locked", 0.05, "FACTS.md 10: locked donations; the share is assumed", share=True),
        Assumed("has a dying disk", 0.03, "assumed", share=True),
        Assumed("has little memory", 0.15, "assumed: less than 4 GB", share=True),
        Assumed("has a worn battery", 0.30, "assumed: holds less than half", share=True),
        Assumed("has no charger", 0.15, "FACTS.md 10: finding chargers; the share is assumed", share=True),
        Assumed("has a dead camera", 0.04, "assumed", share=True),
        Assumed("has dead keys", 0.05, "assumed", share=True),
    )
}
