"""A thin laptop whose server goes away in the middle of an answer, as it does when the daemon is killed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from cloned.lab import thin
from cloned.lab.bootrom import BootError
from cloned.lab.ipxe import ScriptEnd

pytestmark = pytest.mark.wire  # real programs


@pytest.fixture
def cut() -> Iterator[str]:
    """The URL of a server that announces 100 bytes and sends ten."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                head = client.recv(4096).startswith(b"HEAD")
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + (b"" if head else bytes(10)))

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/vmlinuz"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_an_answer_that_is_cut_off_is_an_error_of_the_boot(cut: str) -> None:
    with pytest.raises(BootError, match="vmlinuz"):
        thin.fetch(cut)
    with pytest.raises(BootError, match="vmlinuz"):
        thin.sample(cut)


def test_whoever_is_cut_off_at_the_kernel_starts_over(cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = object.__new__(thin.ThinLaptop)
    slept: list[float] = []
    monkeypatch.setattr(laptop, "_firmware", lambda: ScriptEnd(kernel=cut), raising=False)
    monkeypatch.setattr(thin.time, "sleep", slept.append)
    assert laptop._boot()
    assert slept == [5]
