import fcntl
import os
import struct
import termios
from contextlib import suppress
from typing import Any

import pytest

from cloned.agent.screen import BAD, GOOD, WIDTH, bar, big, coloured, compose, enlarge, grown, scale, wrap


def report(state: str = "idle", **fields: Any) -> dict[str, Any]:
    return {"state": state, "round": 1, "reason": None, **fields}


def test_digits_are_five_lines_high() -> None:
    assert [len(big(text)) for text in ("12", "7-3", "A1", "")] == [5, 5, 0, 0]
    assert big("1")[0] == "  \u2588\u2588"


def test_a_bar_is_full_at_the_end() -> None:
    assert bar(1, 2).endswith("]  50%")
    assert "." not in bar(3, 2)
    assert bar(0, 0).endswith("]   0%")


def test_nothing_is_wider_than_the_screen() -> None:
    text = "word " * 40 + "x" * 200
    assert max(map(len, wrap(text))) <= WIDTH
    assert "".join(wrap(text)).replace(" ", "") == text.replace(" ", "")


def test_cloning_says_what_how_far_and_how_long() -> None:
    order = {"do": "restore", "image": "school-2026", "tag": "A17"}
    lines = compose(order, report("receiving", total=10**9, bytes=5 * 10**8, rate=10**8))
    assert lines[0] == "Laptop A17"
    assert "Cloning: school-2026" in lines
    assert "100 MB/s, about 0:05 left" in lines
    assert any("50%" in line for line in lines)


def test_a_second_round_is_explained() -> None:
    lines = compose({"do": "restore", "image": "x"}, report("receiving", round=2, total=1, bytes=0, rate=0))
    assert any("not right on the disk" in line for line in lines)


def test_an_offer_names_the_image_and_what_is_lost() -> None:
    disk = {"serial": "S1", "wwn": "", "path": "/dev/sda", "size": 256 * 10**9, "model": "Samsung"}
    lines = compose({"do": "wait", "screen": ["Not confirmed."], "offer": {"image": "school", "disk": disk}}, report())
    assert "Not confirmed." in lines
    assert "Press  C  to clone  school  onto this laptop." in lines
    assert "Everything on its disk is then lost: Samsung S1, 256 GB." in lines


def test_a_silent_server_and_a_reason_are_told() -> None:
    failed = report("failed", reason={"code": "disk-too-small", "detail": "the image needs 9 bytes"})
    lines = compose({"do": "wait"}, failed, "timed out")
    assert "the image needs 9 bytes" in lines
    assert any("silent" in line for line in lines)


def test_it_says_its_number_large_and_the_port_it_sits_in() -> None:
    lines = compose({"do": "wait", "tag": "DM-2026-0017", "port": "gi3"}, report())
    assert lines[:2] == ["Laptop DM-2026-0017", "Port gi3"]
    assert lines[2:7] == big("0017")
    assert compose({"do": "wait", "number": 12}, report())[:5] == big("12")


def test_how_it_ended_has_a_sign_of_its_own_and_a_block_of_colour() -> None:
    done = compose({"do": "wait", "state": "done", "screen": ["Done."]}, report())
    aside = compose({"do": "wait", "state": "aside", "screen": ["Replace its disk."]}, report())
    assert done[0] == GOOD + "Finished"
    assert aside[:3] == [BAD + "Set aside", "", "Replace its disk."]
    assert compose({"do": "wait"}, report("failed"))[0] == BAD + "Stopped"
    assert compose({"do": "power"}, report())[0].startswith(GOOD)
    green, red = coloured(done[0]), coloured(aside[0])
    assert all(line.startswith("\x1b[42;30m") and line.endswith("\x1b[0m") for line in green)
    assert all(line.startswith("\x1b[41;97m") for line in red)
    assert coloured("Cloning: x") == ["Cloning: x"]
    assert all(len(line) - len("\x1b[42;30m\x1b[0m") == WIDTH for line in (*green, *red))


def test_what_is_drawn_in_blocks_grows_with_the_screen_and_everything_stays_on_it() -> None:
    done = compose({"do": "wait", "state": "done", "tag": "DM-2026-0017", "port": "gi12"}, report())
    assert scale(80, 25, done) == 1
    assert scale(240, 67, done) == 3  # 3840 by 2160 pixels, letters of 16 by 32
    assert scale(480, 135, done) == 6
    assert scale(240, 16, done) == 1  # wide, but no higher
    large = grown(done, 3)
    assert len(large) + 2 <= 67
    assert max(len(line) for line in large if line.startswith("\u2588")) == 3 * max(map(len, big("0017")))
    green = [line for line in large if line.startswith("\x1b[42;30m")]
    assert len(green) == 5 * 3 + 2
    assert sum("\u2588" in line for line in green) == 5 * 3  # its sign grows with the block: never colour alone
    assert sum("Finished" in line for line in green) == 1
    assert all(len(line) - len("\x1b[42;30m\x1b[0m") == 3 * WIDTH for line in green)
    assert coloured(BAD + "Set aside", 2) != coloured(GOOD + "Set aside", 2)
    assert "Laptop DM-2026-0017" in large
    assert grown(done, 1) == [part for line in done for part in coloured(line)]


@pytest.mark.parametrize(
    ("rows", "columns", "wanted"), [(25, 80, False), (48, 170, True), (135, 480, True), (48, 128, False)]
)
def test_letters_grow_on_a_screen_that_has_room(monkeypatch: Any, rows: int, columns: int, wanted: bool) -> None:
    asked: list[int] = []
    monkeypatch.setattr("cloned.agent.screen.os.get_terminal_size", lambda _: (columns, rows))
    monkeypatch.setattr("cloned.agent.screen.fcntl.ioctl", lambda _fd, what, op: asked.append(len(op)))
    assert enlarge(7) is wanted
    assert asked == ([32] if wanted else [])


def test_a_console_without_letters_to_choose_is_left_as_it_is() -> None:
    master, slave = os.openpty()
    with suppress(OSError):
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 135, 480, 0, 0))
    assert enlarge(slave) is False  # a serial line knows no such call
    os.close(master)
    os.close(slave)
