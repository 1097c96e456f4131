from __future__ import annotations

from dataclasses import replace

from cloned.core.ways import JUDGED_OVER, REJOIN, SILENT, Seen, Step, Ways

NOTHING = Seen(0, 0, 0, 24, 3)


def steps(ways: Ways, seen: Seen, start: float, seconds: float) -> list[Step]:
    """What a tenth-of-a-second look says while nothing changes, without GO_ON."""
    found = [ways.look(seen, start + n / 10) for n in range(int(seconds * 10))]
    return [step for step in found if step is not Step.GO_ON]


def test_while_packets_come_all_goes_on() -> None:
    ways = Ways(0.0, can_fetch=True)
    for n in range(100):
        assert ways.look(Seen(n * 100, 0, n * 100, 24, 3), n / 10) is Step.GO_ON


def test_silence_means_joining_anew_and_then_fetching() -> None:
    ways = Ways(0.0, can_fetch=True)
    found = steps(ways, NOTHING, 0.0, SILENT + 1)
    assert found[: int(SILENT / REJOIN) - 1] == [Step.REJOIN] * (int(SILENT / REJOIN) - 1)
    assert Step.FETCH in found
    assert ways.fetching
    assert not ways.left
    assert ways.look(replace(NOTHING, received=51), 9.0) is Step.RETURN
    assert not ways.fetching


def test_without_another_way_it_only_joins_anew() -> None:
    ways = Ways(0.0, can_fetch=False)
    assert set(steps(ways, NOTHING, 0.0, 20.0)) == {Step.REJOIN}
    assert ways.silent(20.0)


def test_no_room_or_a_pause_is_not_silence() -> None:
    for seen in (replace(NOTHING, room=0), replace(NOTHING, paused=True)):
        assert steps(Ways(0.0, can_fetch=True), seen, 0.0, 20.0) == []


def test_a_mark_is_a_sign_of_life() -> None:
    ways = Ways(0.0, can_fetch=True)
    for n in range(100):
        assert ways.look(replace(NOTHING, through=n), n / 2) is Step.GO_ON


def test_too_much_loss_beside_others_means_leaving_for_good() -> None:
    ways = Ways(0.0, can_fetch=True)
    ways.look(NOTHING, 0.0)
    assert ways.look(Seen(5000, 5000, 10000, 24, 3), JUDGED_OVER) is Step.LEAVE
    assert ways.look(Seen(9000, 5000, 15000, 24, 3), 2 * JUDGED_OVER) is Step.GO_ON
    assert ways.fetching


def test_alone_the_sender_slows_down_instead() -> None:
    ways = Ways(0.0, can_fetch=True)
    assert ways.look(Seen(5000, 5000, 10000, 24, 0), JUDGED_OVER) is Step.GO_ON
