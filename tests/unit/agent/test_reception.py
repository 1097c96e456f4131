"""What a reception does by itself, without sockets: when it asks, whom it believes, which way it takes."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from http.client import HTTPException
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cloned.agent import receive
from cloned.agent.receive import FETCHERS, Reception, _Fetch
from cloned.stream import packets
from cloned.stream.packets import MAX_FRAME_BYTES, Answer, StreamAddress
from cloned.stream.transport import TransportStep

STREAM = StreamAddress(0x5E55, "239.195.7.7", 5000, "127.0.0.1", 5001)
SLOTS = 6


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reception]:
    monkeypatch.setattr(receive, "_membership", lambda stream, interface: b"")
    given: dict[str, Any] = {
        "stream": STREAM,
        "fetch_url": None,
        "token": "t",
        "interface": "",
        "pieces": 40,
        "wanted": range(40),
        "slots": SLOTS,
        "deliver": lambda whole: None,
    }
    return lambda **more: Reception(**given | more)


class Socket:
    """Gives what is in `comes`, then nothing; `heard` is told of each look."""

    def __init__(self, *comes: bytes | OSError, heard: Callable[[], None] = lambda: None) -> None:
        self.comes, self.heard = deque(comes), heard
        self.sent: list[bytes] = []
        self.options: list[int] = []

    def recv(self, most: int) -> bytes:
        self.heard()
        if not self.comes:
            raise BlockingIOError
        found = self.comes.popleft()
        if isinstance(found, OSError):
            raise found
        return found

    def recvmsg_into(self, buffers: list[memoryview], most: int) -> Any:
        self.recv(0)

    def send(self, packet: bytes) -> None:
        self.sent.append(packet)

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        self.options.append(option)


def as_socket(one: Socket) -> socket.socket:
    return cast("socket.socket", one)


# -- when it asks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "silence", "begun", "told", "room", "asks"),
    [
        (0.11, False, False, SLOTS, SLOTS, True),  # as a rule
        (0.09, False, False, SLOTS, SLOTS, False),
        (0.05, True, True, SLOTS - 1, SLOTS - 1, True),  # something is missing, and nothing comes
        (0.03, True, True, SLOTS - 1, SLOTS - 1, False),
        (0.05, False, True, SLOTS - 1, SLOTS - 1, False),  # it is coming
        (0.05, True, False, SLOTS, SLOTS, False),  # nothing was begun: there is nothing to repair
        (0.03, False, False, 0, 1, True),  # there was no room, and now there is
        (0.03, False, False, 0, 0, False),
        (0.03, False, False, 3, 4, False),  # a little more room
        (0.03, False, False, 3, 5, True),  # a third of all
        (0.03, False, False, 5, 2, False),  # less than before
    ],
)
def test_it_asks_ten_times_a_second_and_sooner_where_that_helps(
    make: Callable[..., Reception], since: float, silence: bool, begun: bool, told: int, room: int, asks: bool
) -> None:
    reception = make()
    for piece in range(SLOTS - room):
        reception.assembly.held[piece] = None
    if begun:
        reception.assembly.begun[30] = cast("Any", None)
        del reception.assembly.held[0]
    assert reception.assembly.room() == room
    reception._silence, reception._room_told, reception._last_ask = silence, told, 100.0
    assert reception._should_ask(100.0 + since) is asks


def test_however_much_room_it_gains_it_asks_fifty_times_a_second_at_most(
    make: Callable[..., Reception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted over two seconds of a clock that goes on by a millisecond each time it looks for packets."""
    reception, stop, now, asked = make(), threading.Event(), [1000.0], list[float]()

    def pass_by() -> None:
        now[0] += 0.001
        if now[0] > 1002.0:
            stop.set()

    monkeypatch.setattr(receive, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(reception, "_should_ask", lambda at: True)

    def ask(data: socket.socket, asking: socket.socket, at: float) -> None:
        asked.append(at)
        reception._last_ask = at

    monkeypatch.setattr(reception, "_ask", ask)
    reception._run(as_socket(Socket(heard=pass_by)), as_socket(Socket()), stop)
    assert 80 <= len(asked) <= 101
    assert reception._silence


def test_out_of_the_group_it_is_heard_of_once_a_second(
    make: Callable[..., Reception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive.Transport, "look", lambda self, seen, now: TransportStep.GO_ON)
    for left, times in ((False, 30), (True, 3)):
        reception, asking = make(), Socket()
        reception._ways.left = left
        for tenth in range(30):
            reception._ask(as_socket(Socket()), as_socket(asking), 1000.05 + tenth / 10)
        assert len(asking.sent) == times


# -- whom it believes --------------------------------------------------------------------------------


def test_only_an_answer_to_itself_in_its_session_is_believed(make: Callable[..., Reception]) -> None:
    reception = make()
    mine = Answer(STREAM.session, reception.assembly.receiver, 1, 7, 0, 4, 0)
    foreign = [
        Answer(STREAM.session, mine.receiver ^ 1, 1, 8, 0, 20, 0),
        Answer(STREAM.session + 1, mine.receiver, 1, 9, 0, 30, 0),
    ]
    comes = [b"noise", packets.answer(foreign[0]), ConnectionRefusedError(), packets.answer(foreign[1])]
    reception._hear_answers(as_socket(Socket(*comes)))
    assert (reception._others, reception.assembly.epoch) == (0, 0)
    reception._hear_answers(as_socket(Socket(*comes, packets.answer(mine), *comes)))
    assert (reception._others, reception.assembly.epoch) == (3, 7)


# -- which way it takes ------------------------------------------------------------------------------

JOIN, LEAVE = socket.IP_ADD_MEMBERSHIP, socket.IP_DROP_MEMBERSHIP


@pytest.mark.parametrize(
    ("step", "options", "anew"),
    [
        (TransportStep.GO_ON, [], False),
        (TransportStep.REJOIN, [LEAVE, JOIN], False),
        (TransportStep.LEAVE, [LEAVE], True),
        (TransportStep.COME_BACK, [JOIN], True),
        (TransportStep.FETCH, [], True),
        (TransportStep.RETURN, [], False),
    ],
)
def test_what_each_step_does_to_the_group_and_to_the_count_of_losses(
    make: Callable[..., Reception],
    monkeypatch: pytest.MonkeyPatch,
    step: TransportStep,
    options: list[int],
    anew: bool,
) -> None:
    reception, data = make(), Socket()
    monkeypatch.setattr(reception._ways, "look", lambda seen, now: step)
    reception.assembly.base = 5
    reception._choose_way(as_socket(data), 1000.0)
    assert (data.options, reception.assembly.base == -1) == (options, anew)


def test_no_more_is_handed_out_than_the_fetchers_have_hands_and_one(make: Callable[..., Reception]) -> None:
    reception = make(fetch_url="http://127.0.0.1:1/pieces")
    fetch = reception._fetch
    assert fetch is not None
    reception._hand_out()
    reception._hand_out()
    assert [fetch.todo.get_nowait() for _ in range(fetch.todo.qsize())] == list(range(FETCHERS + 1))
    reception.via = "unicast"
    reception._events.append(("fetched", 0, b"frame"))
    reception._take_events()
    assert (fetch.todo.qsize(), fetch.todo.get_nowait()) == (1, FETCHERS + 1)


def test_who_cannot_fetch_hands_nothing_out(make: Callable[..., Reception]) -> None:
    reception = make()
    reception._hand_out()
    assert reception.assembly.held == {}


class Connection:
    """Answers with this status and so many bytes, or fails."""

    def __init__(self, status: int = 200, size: int = 0, error: Exception | None = None) -> None:
        self.status, self.size, self.error, self.closed = status, size, error, False

    def request(self, method: str, path: str, headers: dict[str, str]) -> None:
        assert (method, path, headers) == ("GET", "/pieces/7", {"Authorization": "Bearer t"})
        if self.error:
            raise self.error

    def getresponse(self) -> Any:
        return SimpleNamespace(status=self.status, read=lambda most: bytes(min(most, self.size)))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("connection", "size"),
    [
        (Connection(200, 5), 5),
        (Connection(200, MAX_FRAME_BYTES), MAX_FRAME_BYTES),
        (Connection(200, MAX_FRAME_BYTES + 9), 0),
        (Connection(404, 5), 0),
        (Connection(503, MAX_FRAME_BYTES + 9), 0),
        (Connection(error=ConnectionResetError()), 0),
        (Connection(error=HTTPException()), 0),
    ],
)
def test_a_fetched_piece_is_whole_and_no_larger_than_one_can_be(connection: Connection, size: int) -> None:
    fetch = _Fetch("http://127.0.0.1:1/pieces", "t", deque())
    assert len(fetch._get(cast("Any", connection), 7)) == size
    assert connection.closed is (size == 0)
