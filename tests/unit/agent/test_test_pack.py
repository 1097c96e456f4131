"""The test pack on a laptop: where it is laid, and what is said where there is none."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloned.agent import test_pack, trial_kinds
from cloned.agent.options import AgentOptions
from cloned.agent.trial_tools import Cancelled, Hands

pytestmark = pytest.mark.wire  # real programs


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_everything_is_linked_to_its_place_and_only_the_index_of_drivers_is_replaced(tmp_path: Path) -> None:
    pack, root = tmp_path / "pack", tmp_path / "root"
    put(pack / "usr/bin/iw", "pack")
    put(pack / "usr/bin/sh", "pack")
    put(pack / "usr/lib/modules/6.1/modules.dep.bin", "both")
    put(pack / "usr/lib/firmware/a.bin")
    put(root / "usr/bin/sh", "live")
    put(root / "usr/lib/modules/6.1/modules.dep.bin", "live")
    test_pack.lay_out(pack, root)
    test_pack.lay_out(pack, root)
    read = {
        name: (root / name).read_text() for name in ("usr/bin/iw", "usr/bin/sh", "usr/lib/modules/6.1/modules.dep.bin")
    }
    assert list(read.values()) == ["pack", "live", "both"]
    assert not (root / "usr/lib/firmware").exists()


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    """Serves what stands in its `pack`; None: there is none."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked += 1  # before the answer: whoever has that looks at once
            pack = self.server.pack if self.path == "/live/tests.squashfs" else None
            self.send_response(404 if pack is None else 200)
            self.send_header("Content-Length", str(len(pack or b"") + self.server.cut))
            self.end_headers()
            self.wfile.write(pack or b"")

        def log_message(self, *_: object) -> None:
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.pack, made.cut, made.asked = None, 0, 0
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def pack_of(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> test_pack.TestPack:
    return test_pack.TestPack(AgentOptions(f"http://127.0.0.1:{server.server_port}/t"), str(tmp_path), str(tmp_path))


def test_a_server_without_a_pack_is_asked_once_and_the_tests_say_so(server, tmp_path: Path) -> None:
    pack, hands = pack_of(server, tmp_path), Hands(lookup=str(tmp_path))
    hands.lacks = pack.enter(hands)
    assert pack.enter(hands) == hands.lacks == "the test pack could not be had: the server has none"
    assert server.asked == 1
    assert trial_kinds.processor(hands).result == "skipped"
    assert trial_kinds.processor(hands).why == f"there is no stress-ng here: {hands.lacks}"


def test_one_that_is_cut_short_is_fetched_again_and_then_let_go(server, tmp_path: Path) -> None:
    server.pack, server.cut = b"x" * 1000, 5
    assert "could not be had" in pack_of(server, tmp_path).enter(Hands())
    assert server.asked == 3


@pytest.mark.parametrize(("kernel", "said"), [("0.0", "is for another kernel than"), (os.uname().release, "")])
def test_one_for_another_kernel_is_not_used(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str, said: str
) -> None:
    """The mount is made up here; tests/lab/agent mounts a real one."""

    def run(command: list[str], **_: object) -> str:
        if command[0] == "mount":
            put(tmp_path / "tests/usr/lib/modules" / kernel / "modules.dep.bin")
        return ""

    server.pack = b"a pack"
    monkeypatch.setattr(test_pack, "run", run)
    monkeypatch.setattr(test_pack, "_DRIVERS", "true")
    found = pack_of(server, tmp_path).enter(Hands())
    assert (said in found) if said else found == ""
    assert (tmp_path / "tests.squashfs").read_bytes() == b"a pack"


def test_real_work_ends_the_fetching(server, tmp_path: Path) -> None:
    server.pack = b"a pack"
    hands = Hands()
    hands.cancel()
    pack = pack_of(server, tmp_path)
    with pytest.raises(Cancelled):
        pack.enter(hands)
    assert pack._said is None, "it is fetched anew another time"


def test_where_there_is_no_live_system_nothing_is_fetched(server) -> None:
    options = AgentOptions(f"http://127.0.0.1:{server.server_port}/t", only_disk="/dev/null")
    assert test_pack.TestPack(options).enter(Hands()) == ""
    assert server.asked == 0


def test_the_screen_is_told_as_soon_as_a_driver_lights_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, told = iter((None, None, {"width": 1920})), []
    monkeypatch.setattr(test_pack.panels, "panel", lambda: next(seen))
    monkeypatch.setattr(test_pack.time, "sleep", lambda _: None)
    test_pack.TestPack(AgentOptions("http://127.0.0.1:1/t"), learnt=told.append)._look_for_panel()
    assert told == [{"panel": {"width": 1920}}]
