from __future__ import annotations

from cloned.stream.packets import Ask
from cloned.stream.receivers import (
    ANSWER_EVERY_SECONDS,
    DEAF_AFTER_SECONDS,
    ENOUGH,
    PER_ADDRESS,
    STALE_SECONDS,
    Receiver,
    Receivers,
    Timeline,
)

SESSION, EPOCH = 1, 9


def crowded(*lost: int, received: int = 1000) -> Receivers:
    """Receivers 0, 1, … that have seen all of 2,000 packets, and lost so many."""
    found = Receivers(SESSION, EPOCH)
    for who, missed in enumerate(lost):
        ask = Ask(SESSION, who, 1, EPOCH, 1999, received, missed, 8)
        receiver = found.admit(ask, 0.0)
        assert receiver is not None
        found.hear(receiver, ask, 1999, 0.0)
    return found


def test_a_timeline_knows_about_when() -> None:
    line = Timeline()
    for n in range(100):
        line.note(n / 100, n * 10)
    assert line.sent_at(505) in (0.48, 0.49, 0.5)
    assert line.sent_at(-1) < 0
    assert line.latest == 0.99


def test_samples_are_shares_since_the_last_time() -> None:
    crowd = crowded(0, 111)
    assert [round(sample.loss, 2) for sample in crowd.samples(2000, 1999, 0.1)] == [0.0, 0.1]
    assert crowd.samples(2000, 1999, 0.2) == []  # nothing new


def test_what_was_lost_before_the_rate_fell_does_not_count() -> None:
    crowd = crowded(1000)
    crowd.judged_from = 5000
    assert crowd.samples(2000, 1999, 0.1) == []
    ask = Ask(SESSION, 0, 2, EPOCH, 5200, 4000, 1000, 8)
    crowd.hear(crowd.known[0], ask, 6000, 0.2)
    (sample,) = crowd.samples(6000, 6000, 0.2)
    assert sample.loss == 0


def test_who_costs_far_more_than_the_others_is_lagging() -> None:
    crowd = crowded(0, 0, 0)
    crowd.known[2].owed = 1000
    crowd.known[1].owed = 20
    crowd.samples(2000, 1999, 0.1)
    assert [receiver.lagging for receiver in crowd.known.values()] == [False, False, True]
    for receiver in crowd.known.values():
        receiver.owed = 1000  # all alike: nobody is
    crowd.samples(4000, 1999, 0.35)
    assert not any(receiver.lagging for receiver in crowd.known.values())


def test_answers_come_in_the_first_rounds_and_then_once_a_second() -> None:
    crowd = Receivers(SESSION, EPOCH)
    receiver = Receiver(1, 0.0, 0.0)
    first = crowd.answer(receiver, 5, 0.0)
    assert first is not None
    assert first.epoch == EPOCH
    assert crowd.answer(receiver, 5, 0.1) is not None
    receiver.through = 5
    assert crowd.answer(receiver, 5, 0.3) is None
    assert crowd.answer(receiver, 5, 0.2 + ANSWER_EVERY_SECONDS) is not None


def test_deaf_is_who_has_seen_nothing_of_what_was_sent_for_a_while() -> None:
    crowd = Receivers(SESSION, EPOCH)
    ask = Ask(SESSION, 0, 1, 0, -1, 0, 0, 8)
    receiver = crowd.admit(ask, 0.0)
    assert receiver is not None
    for n in range(50):
        crowd.timeline.note(n / 10, n)
        crowd.hear(receiver, Ask(SESSION, 0, n + 2, 0, -1, 0, 0, 8), n, n / 10)
        assert receiver.deaf == (n / 10 > DEAF_AFTER_SECONDS)
    assert receiver.counts(5.0)
    assert not receiver.counts(5.0 + STALE_SECONDS)


def test_one_address_cannot_lock_others_out() -> None:
    crowd = Receivers(SESSION, EPOCH)
    for who in range(1000):
        crowd.admit(Ask(SESSION, who, 1, EPOCH, 0, 0, 0, 8), who / 1000, "10.0.0.66")
    assert len(crowd.known) == PER_ADDRESS
    assert crowd.admit(Ask(SESSION, 5000, 1, EPOCH, 0, 0, 0, 8), 2.0, "10.0.0.5") is not None


def test_nobody_speaks_for_another() -> None:
    crowd = Receivers(SESSION, EPOCH)
    assert crowd.admit(Ask(SESSION, 1, 1, EPOCH, 0, 0, 0, 8), 0.0, "10.0.0.5") is not None
    assert crowd.admit(Ask(SESSION, 1, 2, EPOCH, 0, 0, 0, 8), 0.0, "10.0.0.66") is None
    assert crowd.admit(Ask(SESSION, 1, 2, EPOCH, 0, 0, 0, 8), 0.0, "10.0.0.5") is not None


def test_one_is_alone_whom_nobody_else_beside_takes_by_multicast() -> None:
    for deaf, unicast, alone in ((False, False, False), (True, False, True), (False, True, True), (True, True, True)):
        crowd = crowded(0, 0)
        crowd.known[1].deaf, crowd.known[1].unicast = deaf, unicast
        assert crowd.alone() is alone


def test_a_sample_is_of_so_many_packets_and_of_one_that_hears() -> None:
    for received, deaf, from_, heard in (
        (ENOUGH, False, 0, 1), (ENOUGH - 1, False, 0, 0), (ENOUGH, True, 0, 0), (ENOUGH, False, 1999, 1), (ENOUGH, False, 2000, 0),
    ):  # fmt: skip
        crowd = crowded(0, received=received)
        crowd.known[0].deaf, crowd.judged_from = deaf, from_
        assert len(crowd.samples(2000, 1999, 0.1)) == heard
    gone = crowded(0, received=ENOUGH)
    assert gone.samples(2000, 1999, STALE_SECONDS + 0.5) == []


def test_a_number_went_out_when_it_was_noted() -> None:
    line = Timeline()
    line.note(1.0, 10)
    line.note(2.0, 20)
    assert [line.sent_at(number) for number in (10, 19, 20, 21)] == [1.0, 1.0, 2.0, 2.0]
