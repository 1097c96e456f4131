"""Why multicast does not arrive: what the probe shows, put beside what is known of ports and querier. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloned.core.warnings import Warn
from cloned.saying import Phrase, enumerated
from cloned.stream.probe import Heard

ENOUGH = 0.95
"""A share above this is a good path: the stream asks again for the rest."""
NOTHING = 0.02


@dataclass(frozen=True)
class Probed:
    """What one laptop heard, and where it is plugged in as far as is known."""

    laptop: str
    heard: Heard
    switch: str = ""
    port: str = ""
    slow: bool = False
    before: float = 0.0
    """The share it heard earlier, if it did."""


def reached(probed: Probed) -> bool:
    """Whether multicast gets through to a laptop well enough for a session."""
    return probed.heard.share >= ENOUGH


def diagnose(results: Sequence[Probed], *, querier: bool) -> tuple[Warn, ...]:
    """What to look at, most likely first. `querier`: somebody asks for groups on this network (we, or another)."""
    deaf = [probed for probed in results if probed.heard.share <= NOTHING]
    weak = [probed for probed in results if NOTHING < probed.heard.share < ENOUGH]
    if deaf and len(deaf) == len(results):
        return (_nobody(len(deaf), querier=querier), *_each_weak(weak))
    return (*_some(deaf, results, querier=querier), *_each_weak(weak))


def _nobody(count: int, *, querier: bool) -> Warn:
    who = (
        Phrase("multicast reaches none of {count} {count:laptop|laptops}", count=count)
        if count > 1
        else Phrase("multicast does not reach the laptop")
    )
    if not querier:
        return Warn(
            "no-multicast",
            who,
            "the switch snoops IGMP and nobody asks for groups: let cloned be the querier, or turn snooping off",
        )
    return Warn(
        "no-multicast",
        who,
        "suspects: multicast filtering (unknown multicast is dropped), storm control "
        "set to zero, or server and laptops in different VLANs",
    )


def _some(deaf: Sequence[Probed], results: Sequence[Probed], *, querier: bool) -> Iterable[Warn]:
    """Some hear and some do not: told by the switch they have in common, or one by one."""
    by_switch: dict[str, list[Probed]] = {}
    for probed in deaf:
        by_switch.setdefault(probed.switch, []).append(probed)
    hearing = {probed.switch for probed in results if probed.heard.share > NOTHING}
    for switch, group in by_switch.items():
        names = enumerated([_named(probed) for probed in group])
        if switch and switch not in hearing and len(group) > 1:
            yield Warn(
                "no-multicast",
                Phrase("multicast does not get through switch {switch} ({names})", switch=switch, names=names),
                "suspects: its IGMP snooping or multicast filtering, or the link to it is in another VLAN",
            )
            continue
        for probed in group:
            yield _one(probed, querier=querier)


def _one(probed: Probed, *, querier: bool) -> Warn:
    who = Phrase("multicast does not reach {probed}", probed=_named(probed))
    if probed.before > NOTHING and not querier:
        return Warn(
            "no-multicast",
            Phrase("{who} any more", who=who),
            "the switch forgot its group: nobody asks for groups; let cloned be the querier",
        )
    return Warn(
        "no-multicast",
        who,
        "suspects: a small switch in between, port isolation or a VLAN of its own on that port, or a broken cable",
    )


def _each_weak(weak: Sequence[Probed]) -> Iterable[Warn]:
    for probed in weak:
        lost = Phrase(
            "{share} of multicast is lost on the way to {probed}",
            share=f"{100 * (1 - probed.heard.share):.0f} %",
            probed=_named(probed),
        )
        hint = Phrase("suspects: storm control on the switch, or a port in the way that runs slower")
        if probed.slow:
            hint = Phrase("its link is slow: try another cable, then another port")
        yield Warn("multicast-loss", lost, hint)


def _named(probed: Probed) -> str:
    return Phrase("{laptop} (port {port})", laptop=probed.laptop, port=probed.port) if probed.port else probed.laptop
