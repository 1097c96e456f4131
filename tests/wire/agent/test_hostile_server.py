"""The agent's own client against a server that means harm: each try ends, with an error that a laptop outlives."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cloned.agent.client import DaemonClient, DaemonRefused, length
from cloned.agent.clonezilla_root import _unpack
from cloned.agent.failures import AgentError
from cloned.agent.options import AgentOptions

pytestmark = pytest.mark.wire
OK = b"HTTP/1.1 200 OK\r\n"
Say = Callable[[socket.socket], None]


class Server:
    """Answers every request with what it is told to say, and then closes."""

    def __init__(self, say: Say) -> None:
        self._say, self._ended = say, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._ended.is_set():
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    client.recv(65536)
                    self._say(client)

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Say], DaemonClient]]:
    servers, clients = [], []

    def start(say: Say) -> DaemonClient:
        servers.append(Server(say))
        options = AgentOptions(f"http://127.0.0.1:{servers[-1].port}/token")
        clients.append(DaemonClient(options, patience=0.5))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.close()


def body(data: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data)


WRONG = {
    "deep": body(b'{"a":' + b"[" * 100_000),
    "list": body(b"[1]"),
    "number": body(b"7"),
    "text": body(b'"x"'),
    "nan": body(b'{"seconds": NaN}'),
    "infinity": body(b'{"seconds": -Infinity}'),
    "endless number": body(b'{"seconds": 1e999}'),
    "long number": body(b'{"seconds": ' + b"9" * 10_000 + b"}"),
    "no utf-8": body(b'{"do": "\xff"}'),
    "refused by a list": body(b"[]", b"409 No"),
    "refused by a number": body(b"1", b"403 No"),
    "negative": OK + b"Content-Length: -5\r\n\r\n",
    "huge": OK + b"Content-Length: 99999999999\r\n\r\n",
    "cut": OK + b"Content-Length: 10\r\n\r\nabc",
    "no http": b"220 smtp ready\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_it_is_an_error_to_be_tried_again(serve: Callable[[Say], DaemonClient], answer: bytes) -> None:
    client = serve(lambda sock: sock.sendall(answer))
    with pytest.raises((OSError, ValueError)):
        client.once("POST", "/agent/v1/report", {})


def test_a_refusal_of_odd_words_is_one(serve: Callable[[Say], DaemonClient]) -> None:
    client = serve(lambda sock: sock.sendall(body(b'{"error": ["x"], "hint": {}, "told": [1, 2]}', b"409 No")))
    with pytest.raises((DaemonRefused, ValueError)):
        client.once("POST", "/agent/v1/report", {})


def endless_head(sock: socket.socket) -> None:
    sock.sendall(OK)
    while True:
        sock.sendall(b"X-More: " + b"x" * 4000 + b"\r\n")


def dripping(begun: bytes) -> Say:
    """Goes on byte by byte for as long as somebody listens."""

    def say(sock: socket.socket) -> None:
        sock.sendall(begun)
        while not threading.Event().wait(0.02):
            sock.sendall(b"x")

    return say


@pytest.mark.parametrize(
    "say",
    [endless_head, dripping(OK), dripping(OK + b"X: "), dripping(OK + b"Content-Length: 1000000\r\n\r\n")],
    ids=["endless head", "dripping head", "dripping line", "dripping body"],
)
def test_an_answer_has_an_end(serve: Callable[[Say], DaemonClient], say: Say) -> None:
    with pytest.raises((OSError, ValueError)):
        serve(say).once("POST", "/agent/v1/report", {})


def test_one_that_comes_well_is_read_and_the_connection_goes_on(serve: Callable[[Say], DaemonClient]) -> None:
    def well(sock: socket.socket) -> None:
        for number in range(3):
            sock.sendall(body(b'{"number": %d}' % number))
            if number < 2:
                sock.recv(65536)

    client = serve(well)
    assert [client.once("POST", "/agent/v1/report", {}) for _ in range(3)] == [{"number": each} for each in range(3)]


@pytest.mark.parametrize("told", [None, "", "x", "-1", "1.5", "9" * 30, "\u0661"])
def test_a_length_that_makes_no_sense_is_tried_again(told: str | None) -> None:
    with pytest.raises(OSError, match="does not say"):
        length(told)
    assert length("17") == 17


def test_a_sparse_file_of_a_tar_is_not_what_it_would_become(tmp_path: Path) -> None:
    """GNU's sparse form tells of terabytes of zeros in one block."""
    entry = tarfile.TarInfo("sda-pt.sf")
    entry.type, entry.size = tarfile.REGTYPE, 5
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(b"label"))
    _unpack(made, tmp_path)
    assert (tmp_path / "sda-pt.sf").read_bytes() == b"label"
    entry.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0",
                         "GNU.sparse.size": str(1 << 42), "GNU.sparse.name": "sda-pt.sf"}  # fmt: skip
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(b"label"))
    with pytest.raises(AgentError, match="too large"):
        _unpack(made, tmp_path)
