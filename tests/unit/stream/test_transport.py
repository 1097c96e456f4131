from __future__ import annotations

from dataclasses import replace

from cloned.stream.transport import (
    AWAY,
    BACK,
    JUDGED_OVER_SECONDS,
    REJOIN_SECONDS,
    SILENT_SECONDS,
    Seen,
    Transport,
    TransportStep,
)

NOTHING = Seen(0, 0, 0, 24, 3)


def steps(ways: Transport, seen: Seen, start: float, seconds: float) -> list[TransportStep]:
    """What a tenth-of-a-second look says while nothing changes, without GO_ON."""
    found = [ways.look(seen, start + n / 10) for n in range(int(seconds * 10))]
    return [step for step in found if step is not TransportStep.GO_ON]


def test_while_packets_come_all_goes_on() -> None:
    ways = Transport(0.0, can_fetch=True)
    for n in range(100):
        assert ways.look(Seen(n * 100, 0, n * 100, 24, 3), n / 10) is TransportStep.GO_ON


def test_silence_means_joining_anew_and_then_fetching() -> None:
    ways = Transport(0.0, can_fetch=True)
    found = steps(ways, NOTHING, 0.0, SILENT_SECONDS + 1)
    assert found[: int(SILENT_SECONDS / REJOIN_SECONDS) - 1] == [TransportStep.REJOIN] * (
        int(SILENT_SECONDS / REJOIN_SECONDS) - 1
    )
    assert TransportStep.FETCH in found
    assert ways.fetching
    assert not ways.left
    assert ways.look(replace(NOTHING, received=51), 9.0) is TransportStep.RETURN
    assert not ways.fetching


def test_without_another_way_it_only_joins_anew() -> None:
    ways = Transport(0.0, can_fetch=False)
    assert set(steps(ways, NOTHING, 0.0, 20.0)) == {TransportStep.REJOIN}
    assert ways.silent(20.0)


def test_no_room_is_not_silence() -> None:
    assert steps(Transport(0.0, can_fetch=True), replace(NOTHING, room=0), 0.0, 20.0) == []


def test_a_mark_is_a_sign_of_life() -> None:
    ways = Transport(0.0, can_fetch=True)
    for n in range(100):
        assert ways.look(replace(NOTHING, through=n), n / 2) is TransportStep.GO_ON


def losing(share: float, window: int, others: int = 3) -> Seen:
    """What was seen after so many windows of 10,000 packets, of which a share was lost."""
    lost = int(10_000 * share) * window
    return Seen(10_000 * window - lost, lost, 10_000 * window, 24, others)


def test_a_flood_means_leaving_at_once() -> None:
    ways = Transport(0.0, can_fetch=True)
    ways.look(NOTHING, 0.0)
    assert ways.look(losing(0.9, 1), JUDGED_OVER_SECONDS) is TransportStep.LEAVE
    assert ways.look(replace(losing(0.9, 1), received=9000), 2 * JUDGED_OVER_SECONDS) is TransportStep.GO_ON
    assert ways.fetching


def test_too_much_loss_beside_others_means_leaving_when_it_lasts() -> None:
    ways = Transport(0.0, can_fetch=True)
    assert ways.look(losing(0.5, 1), JUDGED_OVER_SECONDS) is TransportStep.GO_ON  # the sender may still slow down
    assert ways.look(losing(0.5, 2), 2 * JUDGED_OVER_SECONDS) is TransportStep.LEAVE


def test_loss_that_passes_is_no_reason_to_leave() -> None:
    ways = Transport(0.0, can_fetch=True)
    assert ways.look(losing(0.5, 1), JUDGED_OVER_SECONDS) is TransportStep.GO_ON
    assert ways.look(replace(losing(0.5, 1), received=15_000), 2 * JUDGED_OVER_SECONDS) is TransportStep.GO_ON
    assert ways.look(replace(losing(0.5, 2), received=20_000), 3 * JUDGED_OVER_SECONDS) is TransportStep.GO_ON


def test_who_left_tries_again_and_waits_longer_each_time() -> None:
    ways = Transport(0.0, can_fetch=True)
    now = JUDGED_OVER_SECONDS
    assert ways.look(losing(0.9, 1), now) is TransportStep.LEAVE
    for window, away in enumerate((AWAY, 2 * AWAY, 4 * AWAY), 2):
        assert ways.look(losing(0.9, window - 1), now + away - 0.1) is TransportStep.GO_ON
        now += away
        assert ways.look(losing(0.9, window - 1), now) is TransportStep.COME_BACK
        assert not ways.fetching
        now += JUDGED_OVER_SECONDS
        assert ways.look(losing(0.9, window), now) is TransportStep.LEAVE


def test_who_left_and_is_alone_now_has_nothing_to_come_back_for() -> None:
    ways = Transport(0.0, can_fetch=True)
    assert ways.look(losing(0.9, 1), JUDGED_OVER_SECONDS) is TransportStep.LEAVE
    assert ways.look(losing(0.9, 1, others=0), 10 * AWAY) is TransportStep.GO_ON
    assert ways.look(losing(0.9, 1, others=1), 10 * AWAY) is TransportStep.COME_BACK


def test_alone_the_sender_slows_down_instead() -> None:
    ways = Transport(0.0, can_fetch=True)
    assert ways.look(Seen(5000, 5000, 10000, 24, 0), JUDGED_OVER_SECONDS) is TransportStep.GO_ON


def test_it_joins_anew_a_second_after_the_last_packet_and_not_before() -> None:
    for since, step in ((REJOIN_SECONDS - 0.125, TransportStep.GO_ON), (REJOIN_SECONDS, TransportStep.REJOIN)):
        ways = Transport(0.0, can_fetch=True)
        ways.look(NOTHING, 0.0)
        assert ways.look(NOTHING, since) is step


def test_six_packets_in_ten_may_be_lost_once() -> None:
    for share, step in ((0.6, TransportStep.GO_ON), (0.61, TransportStep.LEAVE)):
        ways = Transport(0.0, can_fetch=True)
        ways.look(NOTHING, 0.0)
        assert ways.look(losing(share, 1), JUDGED_OVER_SECONDS) is step


def test_who_is_alone_stays_in_the_group_whatever_it_loses() -> None:
    ways = Transport(0.0, can_fetch=True)
    ways.look(replace(NOTHING, others=0), 0.0)
    for window in (1, 2, 3):
        assert ways.look(losing(0.9, window, others=0), window * JUDGED_OVER_SECONDS) is TransportStep.GO_ON


def test_a_few_packets_lost_say_nothing_however_large_a_share_they_are() -> None:
    for lost, step in ((300, TransportStep.GO_ON), (301, TransportStep.LEAVE)):
        ways = Transport(0.0, can_fetch=True)
        ways.look(NOTHING, 0.0)
        assert ways.look(Seen(100, lost, 100 + lost, 24, 3), JUDGED_OVER_SECONDS) is step


def test_three_in_ten_lost_twice_running_is_too_much_and_not_before() -> None:
    for share, step in ((0.3, TransportStep.GO_ON), (0.31, TransportStep.LEAVE)):
        ways = Transport(0.0, can_fetch=True)
        ways.look(NOTHING, 0.0)
        assert ways.look(losing(share, 1), JUDGED_OVER_SECONDS) is TransportStep.GO_ON
        assert ways.look(losing(share, 2), 2 * JUDGED_OVER_SECONDS) is step


def test_so_many_packets_between_two_looks_show_that_multicast_is_back() -> None:
    for new, step in ((BACK, TransportStep.GO_ON), (BACK + 1, TransportStep.RETURN)):
        ways = Transport(0.0, can_fetch=True)
        ways.look(NOTHING, 0.0)
        assert ways.look(NOTHING, SILENT_SECONDS + 1) is TransportStep.FETCH
        assert ways.look(replace(NOTHING, received=new), SILENT_SECONDS + 1.1) is step
