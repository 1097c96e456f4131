"""The sender's decisions, one at a time; whole sessions are in tests/sim/test_stream.py."""

from __future__ import annotations

from cloned.stream import bitsets
from cloned.stream import receivers as crowd
from cloned.stream.packets import BURST, DEAF, Answer, Ask, Bye, Mark, Repair
from cloned.stream.sender import AHEAD, MARK_EVERY_SECONDS, QUIET_MARK_SECONDS, Burst, StreamSender

SESSION, EPOCH = 1, 77
A, B, C = 101, 102, 103


class Talk:
    """A sender, and receivers that say what the test makes them say."""

    def __init__(self, pieces: int = 20, packets: int = 100, room: int = 10) -> None:
        self.sender = StreamSender(SESSION, pieces, EPOCH, room)
        self.packets = packets
        self.numbers: dict[int, int] = {}
        self.in_memory: set[int] = set()

    def ask(
        self, who: int, wants: set[int], room: int = 24, through: int = -1, now: float = 0.0, **more: object
    ) -> Answer | None:
        number = self.numbers[who] = self.numbers.get(who, 0) + 1
        epoch = EPOCH if through >= 0 else 0
        ask = Ask(SESSION, who, number, epoch, max(through, 0), 0, 0, room, wants=bitsets.of(wants), **more)  # type: ignore[arg-type]
        return self.sender.hear(ask, now)

    def lack(self, who: int, piece: int, missing: set[int], through: int, now: float = 0.0) -> None:
        entry = (piece, self.packets, bitsets.of(missing))
        self.sender.hear(Repair(SESSION, who, self.numbers[who], EPOCH, through, [entry]), now)

    def next(self, now: float = 0.0) -> Burst | Mark | None:
        for piece in self.sender.to_load(now):
            self.in_memory.add(piece)
            self.in_memory -= set(self.sender.loaded(piece, self.packets))
        return self.sender.next(now)

    def bursts(self, now: float = 0.0) -> list[Burst]:
        found = []
        while isinstance(item := self.next(now), Burst):
            found.append(item)
        return found

    def passed(self, now: float = 0.0) -> list[int]:
        """The pieces that go out now, in order."""
        return list(dict.fromkeys(burst.piece for burst in self.bursts(now)))


def test_nobody_asks_and_nothing_is_sent() -> None:
    assert Talk().next() is None


def test_a_piece_goes_out_in_bursts_of_consecutive_packets() -> None:
    talk = Talk()
    talk.ask(A, {3})
    bursts = talk.bursts()
    assert [burst.indexes for burst in bursts] == [range(0, BURST), range(BURST, 2 * BURST), range(2 * BURST, 100)]
    assert [burst.sequence for burst in bursts] == [0, BURST, 2 * BURST]


def test_what_most_want_comes_first_then_the_order_of_the_disk() -> None:
    talk = Talk()
    talk.ask(A, {0, 5, 6})
    talk.ask(B, {5, 6})
    talk.ask(C, {6, 9})
    assert talk.passed() == [6, 5, 0, 9]


def test_no_more_is_sent_than_there_is_room_for() -> None:
    talk = Talk()
    talk.ask(A, set(range(20)), room=2)
    assert talk.passed() == [0, 1]
    talk.ask(A, set(range(2, 20)), room=1, through=199)
    assert talk.passed() == [2]


def test_one_without_room_does_not_hold_the_others_up() -> None:
    talk = Talk(pieces=5)
    talk.ask(A, set(range(5)), room=0)
    talk.ask(B, set(range(5)))
    assert talk.passed() == [0, 1, 2, 3, 4]


def test_what_is_on_its_way_is_not_sent_again() -> None:
    talk = Talk()
    talk.ask(A, {0, 1})
    talk.bursts()
    talk.ask(A, {1}, through=50)  # sent before the end of 0 had come by
    talk.lack(A, 0, {99}, through=50)
    assert talk.bursts() == []


def test_what_was_lost_is_sent_once_for_all_who_lost_it() -> None:
    talk = Talk()
    for who in (A, B):
        talk.ask(who, {0})
    talk.bursts()
    for who, lost in ((A, {4, 7}), (B, {7, 9})):
        talk.ask(who, set(), through=99)
        talk.lack(who, 0, lost, through=99)
    (burst,) = talk.bursts()
    assert burst.repair
    assert list(burst.indexes) == [4, 7, 9]
    talk.lack(A, 0, {4}, through=99)  # on its way again
    assert talk.bursts() == []
    talk.ask(A, set(), through=102)
    talk.lack(A, 0, {4}, through=102)  # lost again
    assert [list(burst.indexes) for burst in talk.bursts()] == [[4]]


def test_repairs_go_before_new_pieces_but_large_ones_of_one_after_them() -> None:
    talk = Talk()
    talk.ask(A, {0})
    talk.ask(B, {0})
    talk.bursts()
    talk.ask(A, {1}, through=99)
    talk.ask(B, {1}, through=99)
    talk.lack(A, 0, {1}, through=99)
    talk.lack(B, 0, set(range(50, 90)), through=99)
    bursts = talk.bursts()
    assert (bursts[0].piece, list(bursts[0].indexes)) == (0, [1])
    assert [burst.piece for burst in bursts[1:]] == [1, 1, 1, 0]


def test_a_piece_wholly_lost_is_sent_again_once_that_is_known() -> None:
    talk = Talk()
    talk.ask(A, {0})
    assert talk.passed() == [0]
    talk.ask(A, {0})  # has seen nothing yet
    assert talk.passed() == []
    talk.ask(A, {0}, through=99)
    assert talk.passed() == [0]


def test_marks_tell_how_far_it_came_while_something_is_unresolved() -> None:
    talk = Talk()
    talk.ask(A, {0})
    talk.bursts()
    assert talk.next(0.01) is None
    assert talk.next(MARK_EVERY_SECONDS) == Mark(SESSION, EPOCH, 99)
    talk.ask(A, set(), through=99, now=MARK_EVERY_SECONDS)
    assert talk.next(3 * MARK_EVERY_SECONDS) is None


def test_marks_are_seldom_once_all_is_resolved() -> None:
    talk = Talk()
    talk.ask(A, {1})
    last = talk.bursts()[-1]
    through = last.sequence + len(last.indexes) - 1
    assert isinstance(talk.next(MARK_EVERY_SECONDS), Mark)
    talk.ask(A, set(), through=through, now=MARK_EVERY_SECONDS)
    assert talk.next(2 * MARK_EVERY_SECONDS) is None
    assert isinstance(talk.next(MARK_EVERY_SECONDS + QUIET_MARK_SECONDS), Mark)


def test_one_that_fell_silent_does_not_count() -> None:
    talk = Talk()
    talk.ask(A, {0, 1, 2})
    late = crowd.STALE_SECONDS + 0.1
    talk.ask(B, {2}, now=late)
    assert talk.passed(late) == [2]


def test_one_that_multicast_does_not_reach_does_not_keep_the_sender_busy() -> None:
    talk = Talk(pieces=1000, room=10)
    now = 0.0
    sent = 0
    answers = []
    while now < 30:
        answers.append(talk.ask(A, set(range(1000)), room=24, now=now))
        sent += len(talk.bursts(now))
        talk.next(now + 0.09)
        now += 0.1
    assert talk.sender.receivers.known[A].deaf
    assert [answer.flags for answer in answers if answer][-1] == DEAF
    assert sent <= 24 * 3
    talk.ask(A, {999}, through=talk.sender.sequence, now=now)
    assert talk.passed(now) == [999]


def test_who_fetches_one_by_one_wants_nothing_from_the_group() -> None:
    talk = Talk()
    talk.ask(A, {0, 1}, unicast=True)
    assert talk.passed() == []


def test_a_sender_started_anew_repairs_what_was_begun_before() -> None:
    talk = Talk()
    talk.ask(A, {5})
    talk.lack(A, 3, {7, 8}, through=12345)
    bursts = talk.bursts()
    assert (bursts[0].piece, list(bursts[0].indexes)) == (3, [7, 8])
    assert {burst.piece for burst in bursts} == {3, 5}


def test_memory_stays_bounded_however_much_is_asked_for() -> None:
    talk = Talk(pieces=200, room=8)
    talk.ask(A, set(range(200)), room=500)
    talk.ask(B, set(), through=-1)
    for piece in range(200):
        talk.lack(B, piece, {1, 2, 3}, through=-1)
    most = 0
    while isinstance(talk.next(), Burst):
        most = max(most, len(talk.in_memory))
    assert most <= 8 + AHEAD


def test_old_repeated_and_early_requests_change_nothing() -> None:
    talk = Talk()
    talk.sender.hear(Bye(SESSION, A, 9), 0.0)
    talk.sender.hear(Repair(SESSION, A, 1, EPOCH, 0, [(0, 100, 1)]), 0.0)
    assert talk.sender.receivers.known == {}
    talk.ask(A, {0})
    talk.numbers[A] = 0
    talk.ask(A, {1, 2, 3})  # the same number again
    assert talk.passed() == [0]


def test_a_request_from_the_future_counts_as_having_seen_nothing() -> None:
    talk = Talk()
    talk.ask(A, {0}, through=10**6)
    assert talk.sender.receivers.known[A].through == -1


def test_no_more_receivers_than_a_workshop_has() -> None:
    talk = Talk()
    for who in range(crowd.MOST_RECEIVERS + 50):
        talk.ask(who, {0})
    assert len(talk.sender.receivers.known) == crowd.MOST_RECEIVERS


def test_who_said_goodbye_or_vanished_is_forgotten() -> None:
    talk = Talk()
    talk.ask(A, {0})
    talk.ask(B, {0})
    talk.sender.hear(Bye(SESSION, A, 2), 0.0)
    assert list(talk.sender.receivers.known) == [B]
    talk.sender.samples(crowd.FORGET_SECONDS + 1)
    assert talk.sender.receivers.known == {}


def test_a_piece_that_cannot_be_read_does_not_stop_the_others() -> None:
    talk = Talk()
    talk.ask(A, {0, 1, 2})
    for piece in talk.sender.to_load(0.0):
        if piece == 1:
            talk.sender.failed(1)
        else:
            talk.sender.loaded(piece, 100)
    assert talk.passed() == [0, 2]
    talk.sender.retry()
    talk.ask(A, {1}, through=199)
    assert talk.passed() == [1]


def test_after_six_terabytes_the_numbers_begin_again() -> None:
    talk = Talk()
    talk.sender.sequence = 2**32 - 50
    talk.ask(A, {0})
    bursts = talk.bursts()
    assert talk.sender.epoch == EPOCH + 1
    assert bursts[-1].sequence < 200


def test_a_repair_can_ask_for_no_more_than_a_frame_has() -> None:
    talk = Talk(packets=100)
    talk.ask(A, {3})
    talk.ask(B, set())
    for claimed in (101, 5825):
        entry = (7, claimed, bitsets.first(claimed))
        talk.sender.hear(Repair(SESSION, B, talk.numbers[B], EPOCH, -1, [entry]), 0.0)
    bursts = [burst for burst in talk.bursts() if burst.piece == 7]
    assert bursts
    assert max(max(burst.indexes) for burst in bursts) == 99
    talk.sender.hear(Repair(SESSION, B, talk.numbers[B], EPOCH, -1, [(7, 4000, 1 << 3999)]), 0.0)
    assert all(max(burst.indexes) <= 99 for burst in talk.bursts())


def test_a_repair_of_packets_that_no_frame_has_is_nothing() -> None:
    talk = Talk(packets=100)
    talk.ask(A, set())
    talk.sender.hear(Repair(SESSION, A, talk.numbers[A], EPOCH, -1, [(7, 5825, 1 << 5000)]), 0.0)
    assert talk.bursts() == []


def test_what_one_lacks_is_not_sent_while_it_may_still_be_on_its_way() -> None:
    talk = Talk()
    talk.ask(A, {3, 4})
    first = talk.next()
    assert isinstance(first, Burst)
    talk.ask(A, {3, 4}, through=first.sequence)
    talk.lack(A, first.piece, set(range(BURST, 100)), first.sequence)
    bursts = [first, *talk.bursts()]
    sent = [index for burst in bursts if burst.piece == first.piece for index in burst.indexes]
    assert sorted(sent) == list(range(100)), "each packet once"


def test_who_fetches_or_hears_nothing_has_nothing_repaired() -> None:
    for unicast, deaf, repaired in ((False, False, True), (True, False, False), (False, True, False)):
        talk = Talk()
        talk.ask(A, {3})
        talk.bursts()
        talk.ask(A, set(), through=99, unicast=unicast)
        talk.sender.receivers.known[A].deaf = deaf
        talk.sender._hear_repair(talk.sender.receivers.known[A], Repair(SESSION, A, 9, EPOCH, 99, [(3, 100, 0b110)]))
        assert bool(talk.sender._pending) is repaired


def test_nothing_is_sent_for_one_that_has_no_room() -> None:
    talk = Talk()
    talk.ask(A, {3}, room=0)
    assert talk.passed() == []
    talk.ask(A, {3}, room=1)
    assert talk.passed() == [3]


def test_a_piece_whose_frame_was_let_go_is_sent_whole_to_who_holds_another_of_its_kind() -> None:
    """What it holds came damaged: it says how many packets it thinks there are."""
    talk = Talk(room=1)
    talk.ask(A, {3})
    talk.bursts()
    talk.ask(A, {4}, through=99)
    talk.bursts()
    assert 3 not in talk.sender._open
    for told, lost in ((100, 2), (90, 100)):
        talk.sender._pending.clear()
        talk.ask(A, set(), through=199)
        talk.sender.hear(Repair(SESSION, A, talk.numbers[A], EPOCH, 199, [(3, told, 0b110)]), 0.0)
        assert talk.sender._pending[3].now.bit_count() == lost


def test_pieces_that_nobody_lacks_are_let_go_before_those_that_somebody_does() -> None:
    talk = Talk(room=2)
    talk.ask(A, {3, 4})
    talk.bursts()
    talk.ask(A, set(), through=199)
    talk.lack(A, 3, {7}, 199)
    assert talk.sender._pending.keys() == {3}
    talk.sender.loaded(5, 100)
    assert set(talk.sender._open) == {3, 5}


def test_one_that_cannot_be_read_is_planned_no_more_and_the_others_are() -> None:
    talk = Talk()
    talk.ask(A, {3, 4})
    assert set(talk.sender.to_load(0.0)) == {3, 4}
    talk.sender.failed(3)
    assert talk.sender._planned == [4]
    talk.sender.loaded(4, 100)
    assert talk.passed() == [4]


def test_no_more_frames_are_awaited_at_once_than_are_needed_ahead() -> None:
    talk = Talk()
    talk.ask(A, set(range(20)))
    assert len(talk.sender.to_load(0.0)) == len(talk.sender._planned) == AHEAD
    talk.ask(A, set(range(20)), now=1.0)
    assert talk.sender.to_load(1.0) == []


def test_after_the_first_packet_of_all_a_mark_follows_and_before_it_none() -> None:
    talk = Talk(packets=1)
    talk.ask(A, set())
    assert talk.next(5.0) is None
    talk.ask(A, {3}, now=5.0)
    assert isinstance(talk.next(5.0), Burst)
    assert talk.sender.sequence == 0
    talk.ask(A, set(), now=6.0)
    assert isinstance(talk.next(6.0), Mark)


def test_what_waits_for_later_is_forgotten_once_one_begins_to_fetch_and_not_by_every_ask() -> None:
    talk = Talk()
    for who in (A, B):
        talk.ask(who, {3})
    talk.bursts()
    for who in (A, B):
        talk.ask(who, set(), through=99)
    talk.lack(A, 3, set(range(50)), 99)
    assert talk.sender._pending[3].later
    talk.ask(B, set(), through=99)
    assert talk.sender._pending[3].later
    talk.ask(B, set(), through=99, unicast=True)
    assert 3 not in talk.sender._pending
