"""The worked examples of the stream's modules are what happens."""

from __future__ import annotations

from cloned.stream import bitsets
from cloned.stream.pacing import Pace, ReceiverSample
from cloned.stream.packets import Ask, Repair
from cloned.stream.sender import Burst, StreamSender

A, B = 1, 2


def asks(sender: StreamSender, who: int, number: int, through: int, missing: int, *, wants: frozenset[int]) -> None:
    """A round of asking: what was seen, and what is lacking of piece 0."""
    sender.hear(Ask(1, who, number, 7, through, through + 1, 0, 4, "network", False, bitsets.of(wants)), 0.0)
    if missing:
        sender.hear(Repair(1, who, number, 7, through, ((0, 100, missing),)), 0.0)


def test_one_repair_serves_both() -> None:
    sender = StreamSender(1, 1, 7, 8)
    for who in (A, B):
        asks(sender, who, 1, -1, 0, wants=frozenset({0}))
    assert sender.to_load(0.0) == [0]
    sender.loaded(0, 100)
    sent: list[int] = []
    while len(sent) < 100:
        burst = sender.next(0.0)
        assert isinstance(burst, Burst)
        sent += burst.indexes
    asks(sender, A, 2, 43, bitsets.of([7]) | bitsets.span(44, 100), wants=frozenset())
    burst = sender.next(0.0)
    assert isinstance(burst, Burst)
    assert (list(burst.indexes), burst.sequence) == ([7], 100)
    asks(sender, B, 2, 99, bitsets.of([7]), wants=frozenset())
    assert not isinstance(sender.next(0.0), Burst)


def test_a_rate_follows_what_most_get() -> None:
    pace = Pace(900e6)
    samples = [ReceiverSample(loss, 0.0) for loss in (0.0, 0.0, 0.20, 0.20, 0.21)]
    assert pace.update(samples)
    assert round(pace.rate / 1e6) == 706
    assert not pace.update([ReceiverSample(0.0, 0.0)] * 5)
    assert 706e6 < pace.rate < 725e6
    assert not Pace(900e6).update([ReceiverSample(loss, 0.0) for loss in (0.0, 0.0, 0.0, 0.0, 0.5)])


def test_loss_that_stays_at_a_lower_rate_is_borne() -> None:
    pace = Pace(900e6)
    while pace.tolerated < 0.25:
        pace.update([ReceiverSample(0.2, 0.0)] * 3)
    assert round(pace.tolerated, 2) == 0.26
    assert pace.rate == 900e6
