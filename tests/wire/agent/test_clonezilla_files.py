"""What the agent fetches for Clonezilla, from a server that goes away and comes back."""

import io
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cloned.agent import clonezilla_root as clonezilla
from cloned.agent.clonezilla_root import Clonezilla
from cloned.agent.failures import AgentError
from cloned.agent.options import AgentOptions
from cloned.agent.verify import Stopped

pytestmark = pytest.mark.wire

WHOLE = bytes(range(256)) * 4096


def options(port):
    return AgentOptions(f"http://127.0.0.1:{port}/TOKEN")


@pytest.fixture
def server(monkeypatch):
    """Answers with what stands in `answers`, one after the other: a status, or how many bytes it sends of WHOLE."""
    monkeypatch.setattr(clonezilla, "PAUSE_SECONDS", 0.01)
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            answer = answers.pop(0)
            if answer in (403, 503):
                self.send_error(answer, "no such image")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(WHOLE)))
            self.end_headers()
            self.wfile.write(WHOLE[:answer])

        def log_message(self, *_):
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.asked = answers, asked
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def fetch(port, stop=lambda: False):
    told, to = [], io.BytesIO()
    Clonezilla(options(port), "/dev/sda")._fetch("/x", to, lambda *figures: told.append(figures), stop)
    return to.getvalue(), told


def test_a_server_that_is_busy_and_one_that_dies_in_the_middle(server):
    server.answers += [503, 300_000, len(WHOLE)]
    found, told = fetch(server.server_port)
    assert found == WHOLE
    assert told[-1] == (len(WHOLE), len(WHOLE))
    assert server.asked == [("/x", "Bearer TOKEN")] * 3


def test_a_server_that_says_no(server):
    server.answers += [403]
    with pytest.raises(AgentError, match="403"):
        fetch(server.server_port)


def test_nobody_wants_it_any_more_while_the_server_is_away(monkeypatch):
    monkeypatch.setattr(clonezilla, "PAUSE_SECONDS", 0.01)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    tries = iter([False, False, True])
    with pytest.raises(Stopped):
        fetch(port, lambda: next(tries))
