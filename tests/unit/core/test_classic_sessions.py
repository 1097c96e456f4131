"""Classic sessions as the core sees them."""

from __future__ import annotations

import pytest

from cloned.core import classic_sessions
from cloned.core.disks import Disk
from cloned.core.effect_types import Effect, OpenStream, Rates, SetReceivers
from cloned.core.events import (
    Booted,
    Command,
    Configured,
    Confirmed,
    Ejected,
    Hello,
    ImageInfo,
    ImageKnown,
    Judged,
    Ready,
    Settings,
    StreamEnded,
    SwitchChanged,
    Tick,
    Verifying,
)
from cloned.core.ids import LaptopId, SessionId, clean, token_digest
from cloned.core.laptop import Facts, Laptop, State, VerdictKind
from cloned.core.orders import order
from cloned.core.portbases import FIRST
from cloned.core.reasons import Reason
from cloned.core.reducer import resume
from cloned.core.schedule import due, plan
from cloned.core.session import Session
from tests.story import Telling

IMAGE = ImageInfo("lvm", "a" * 64, 10**9, 10**10, classic=True, streams=3)


class Room(Telling):
    """A workshop for classic sessions."""

    def __init__(self) -> None:
        super().__init__(
            Configured(Settings(gather_seconds=60)), ImageKnown(IMAGE), SwitchChanged(24, "24 ports", 1000)
        )

    def laptop(self, number: int) -> Laptop:
        return next(each for each in self.state.laptops.values() if each.number == number)

    @property
    def session(self) -> Session:
        return max(self.state.sessions.values(), key=lambda each: each.number)

    def arrive(self, number: int, *, ready: bool = True) -> LaptopId:
        token, identity = token_digest(str(number)), clean(serial=f"PF{number}", macs=[f"02:00:00:00:00:{number:02x}"])
        address = f"10.0.0.{number}"
        self.tell(Booted(token, identity, identity.macs[0], address))
        self.tell(Hello(token, Facts(identity, disks=(Disk("/dev/sda", 10**11, serial=f"D{number}"),)), address))
        ident = self.laptop(number).id
        self.tell(Confirmed(ident, f"D{number}", "lvm", "page"))
        if ready:
            self.tell(Ready(ident, SessionId(str(self.laptop(number).session)), f"D{number}", (), True))
        return ident


def receivers(effects: list[Effect]) -> list[tuple[str, ...]]:
    return [effect.addresses for effect in effects if isinstance(effect, SetReceivers)]


def test_it_gathers_and_then_starts_for_those_who_are_there() -> None:
    room = Room()
    room.arrive(1)
    room.arrive(2)
    assert [each.kind for each in room.effects if isinstance(each, OpenStream)] == ["classic"]
    assert order(room.state, room.laptop(1))["classic"] == {"port": FIRST, "go": False}
    assert not due(room.state, room.now + 50)
    assert due(room.state, room.now + 60)
    room.now += 60
    assert receivers(room.tell(Tick())) == [("10.0.0.1", "10.0.0.2")]
    assert order(room.state, room.laptop(2))["classic"] == {"port": FIRST, "go": True}


def test_somebody_says_start_and_nobody_is_waited_for() -> None:
    room = Room()
    room.arrive(1)
    assert receivers(room.tell(Command("start", "page", image="lvm"))) == [("10.0.0.1",)]


def test_it_does_not_start_before_all_are_ready() -> None:
    room = Room()
    room.arrive(1)
    late = room.arrive(2, ready=False)
    assert receivers(room.tell(Command("start", "page", image="lvm"))) == []
    ready = Ready(late, room.session.id, "D2", (), True)
    assert receivers(room.tell(ready)) == [("10.0.0.1", "10.0.0.2")]


def test_who_comes_later_waits_for_the_next_one_on_other_ports() -> None:
    room = Room()
    first = room.arrive(1)
    room.tell(Command("start", "page", image="lvm"))
    room.arrive(2, ready=False)
    assert plan(room.state, room.now).waits[room.laptop(2).id].reason is Reason.CLASSIC_UNDER_WAY
    before = room.session
    room.tell(StreamEnded(before.id))
    assert room.laptop(2).state is State.READY
    assert room.session.port == FIRST + 2 * IMAGE.streams
    room.tell(Verifying(first, before.id))
    room.tell(Judged(first, before.id, 1, VerdictKind.VERIFIED, 0, (), "a" * 64, 10**9))
    assert room.laptop(1).state is State.FINISHING
    assert room.state.sessions[before.id].open


def test_an_ejected_one_is_set_aside_and_the_rest_go_on() -> None:
    room = Room()
    room.arrive(1)
    room.arrive(2)
    room.tell(Command("start", "page", image="lvm"))
    assert receivers(room.tell(Ejected(room.session.id, "10.0.0.2", "8 s"))) == [("10.0.0.1",)]
    assert (room.laptop(2).state, room.laptop(2).reason) == (State.ASIDE, Reason.CLASSIC_FAILED)
    assert room.tell(Ejected(room.session.id, "10.0.0.2", "8 s")) == []


def test_who_reads_back_gets_no_stream_any_more_not_even_after_a_difference() -> None:
    room = Room()
    one = room.arrive(1)
    room.arrive(2)
    room.tell(Command("start", "page", image="lvm"))
    assert receivers(room.tell(Verifying(one, room.session.id))) == [("10.0.0.2",)]
    room.tell(Judged(one, room.session.id, 1, VerdictKind.DIFFERS, 1, (), "b" * 64, 10**9))
    assert room.laptop(1).state is State.RECEIVING
    assert len(receivers(room.effects)) == 2


def test_a_stream_that_broke_off_is_begun_again_for_the_same_laptops() -> None:
    room = Room()
    room.arrive(1)
    room.tell(Command("start", "page", image="lvm"))
    before = room.session
    room.tell(StreamEnded(before.id, "the daemon was restarted", again=True))
    assert (room.laptop(1).state, room.session.number) == (State.READY, before.number + 1)
    assert room.session.port != before.port


def test_laptops_of_a_session_that_broke_off_do_not_wait_for_others_again() -> None:
    room = Room()
    laptops = [room.arrive(1), room.arrive(2)]
    room.tell(Command("start", "page", image="lvm"))
    room.tell(StreamEnded(room.session.id, "10.0.0.9, which is none of its laptops, connected", again=True))
    assert receivers(room.tell(Ready(laptops[0], room.session.id, "D1", (), True))) == []
    assert receivers(room.tell(Ready(laptops[1], room.session.id, "D2", (), True))) == [("10.0.0.1", "10.0.0.2")]
    room.tell(StreamEnded(room.session.id))
    room.now += 60
    room.arrive(3)
    assert not room.session.go


def test_an_image_that_cannot_be_sent_sets_its_laptops_aside() -> None:
    room = Room()
    room.arrive(1)
    room.tell(StreamEnded(room.session.id, "its directory is gone"))
    assert (room.laptop(1).state, room.laptop(1).reason) == (State.ASIDE, Reason.IMAGE_UNUSABLE)
    room.tell(Tick())
    assert room.session.ended is not None
    room.arrive(2)
    assert not room.session.go, "nothing broke off that would go on at once"


def test_who_received_nothing_yet_reads_nothing_back() -> None:
    room = Room()
    early = room.arrive(1, ready=False)
    room.tell(Verifying(early, room.session.id))
    assert room.laptop(1).state is State.READY


def test_a_session_for_guests_has_no_laptops_and_ends_with_its_stream() -> None:
    room = Room()
    opened, limits = room.tell(Command("start", "page", image="lvm", guests=3))
    assert isinstance(limits, Rates)
    assert isinstance(opened, OpenStream)
    assert (opened.kind, opened.guests, opened.port) == ("guests", 3, FIRST)
    room.arrive(1)
    assert room.session.kind == "classic"
    assert room.session.port == FIRST + 2 * IMAGE.streams
    room.now += 3600
    room.tell(Tick())
    guests = room.state.sessions[opened.session]
    assert guests.open
    room.tell(Ejected(guests.id, "10.0.0.200", "8 s"))
    room.tell(StreamEnded(guests.id))
    guests = room.state.sessions[guests.id]
    assert (guests.open, guests.ejected) == (False, ("10.0.0.200",))


def test_the_end_of_a_stream_counts_once_and_only_of_a_session_that_is_there() -> None:
    room = Room()
    room.arrive(1)
    room.tell(Command("start", "page", image="lvm"))
    room.tell(StreamEnded(SessionId("nobody"), "gone"))
    assert room.laptop(1).state is State.RECEIVING
    room.tell(StreamEnded(room.session.id))
    sent = room.session.sent
    room.now += 5
    room.tell(StreamEnded(room.session.id, "its directory is gone"))
    assert (room.session.sent, room.laptop(1).state) == (sent, State.RECEIVING)


def test_a_daemon_that_starts_takes_only_a_stream_that_ran_for_an_interrupted_one() -> None:
    room = Room()
    room.arrive(1)
    assert [each.interrupted for each in resume(room.state) if isinstance(each, OpenStream)] == [False]
    room.tell(Command("start", "page", image="lvm"))
    assert [each.interrupted for each in resume(room.state) if isinstance(each, OpenStream)] == [True]
    room.tell(StreamEnded(room.session.id))
    assert [each.interrupted for each in resume(room.state) if isinstance(each, OpenStream)] == [False]


def test_without_a_port_that_rested_for_a_day_no_session_opens_but_an_open_one_is_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room()
    room.arrive(1)
    monkeypatch.setattr(classic_sessions, "free_port", lambda *_: None)
    room.arrive(2)
    assert (room.laptop(2).session, room.laptop(2).state) == (room.session.id, State.RECEIVING)
    full = Room()
    full.arrive(1, ready=False)
    assert plan(full.state, full.now).waits[full.laptop(1).id].reason is Reason.NEEDS_CLASSIC
