"""Packets of the stream that no receiver of ours would send."""

from __future__ import annotations

import random
from dataclasses import replace

from cloned.stream import bitsets, packets
from cloned.stream.packets import MAX_PACKETS, Ask


def asks(session: int, chance: random.Random, count: int) -> list[bytes]:
    """Asks of so many receivers that do not exist, for everything."""
    found = []
    for _ in range(count):
        receiver, number = chance.getrandbits(64), chance.randrange(1, 2**31)
        wants = bitsets.first(chance.randrange(1, 40))
        found.append(
            packets.ask(
                Ask(
                    session=session,
                    receiver=receiver,
                    number=number,
                    epoch=chance.getrandbits(32),
                    through=0,
                    received=0,
                    lost=2**40,
                    room=24,
                    wants=wants,
                )
            )
        )
    return found


def repairs(session: int, chance: random.Random, count: int) -> list[bytes]:
    """Repairs that name more packets than any frame has, each right after an ask that makes its receiver known."""
    found = []
    for _ in range(count):
        ask = Ask(
            session=session,
            receiver=chance.getrandbits(64),
            number=1,
            epoch=0,
            through=0,
            received=0,
            lost=0,
            room=24,
            wants=1,
        )
        missing = [(piece, MAX_PACKETS, bitsets.span(0, MAX_PACKETS)) for piece in range(3)]
        found += [packets.ask(ask), *packets.repairs(ask, missing, 4)]
        found.append(packets.ask(replace(ask, number=2, lost=2**63)))
    return found
