"""What the person in front of the laptop sees and can press: on the screen and on a serial console alike.

Drawn with plain text and block characters, so that the tag can be read across the room whatever the font.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import select
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from cloned.agent import erase_screen, sysfs
from cloned.agent.spoken import drawable, say
from cloned.json_data import JsonObject, as_int, as_object, as_text
from cloned.order_types import AttendedOrder, CloneOffer, Order, WantedDisk

WIDTH = 78
LONGEST = 600
"""Letters of a line, whoever said it: more would push the laptop's number off the screen."""
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
_BAR = 50
GOOD, BAD = "\u221a ", "X "
"""What the lines begin with that say how it ended: signs of the fonts that are built into Linux and firmware."""

_SIGNS = {
    GOOD: ("      #", "     # ", "#   #  ", " # #   ", "  #    "),
    BAD: ("#   #", " # # ", "  #  ", " # # ", "#   #"),
}
"""The same in blocks, for large screens."""

_DIGITS = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", " ##", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", " # ", " # ", " # "),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
    "%": ("# #", "  #", " # ", "#  ", "# #"),
}

_STATES = {
    "idle": "Waiting",
    "preparing": "Preparing the disk",
    "surveying": "Reading what is on the disk",
    "receiving": "Cloning",
    "verifying": "Reading back",
    "waiting": "Waiting",
    "finishing": "Finishing",
    "finished": "Finished",
    "failed": "Stopped",
    "erasing": "Erasing",
    "capturing": "Capturing this laptop as",
    "proving": "The server proves what it got of",
}


def big(text: str) -> list[str]:
    """Digits, `-` and `%` as five lines of blocks; empty if there is anything else in `text`."""
    if not text or any(char not in _DIGITS for char in text):
        return []
    rows = ("  ".join("".join(dot * 2 for dot in _DIGITS[char][row]) for char in text) for row in range(5))
    return [row.replace("#", "\u2588").rstrip() for row in rows]


TESTS = {
    "usb": "USB ports",
    "battery": "Battery under load",
    "wifi": "Wi-Fi",
    "disk-read": "Reading the disk",
    "processor": "Processor under load",
    "memory": "Memory",
    "disk-selftest": "The disk's own test",
}
"""What the tests are called."""


def bar(done: int, total: int) -> str:
    """How far it is, as a bar and a percentage."""
    share = min(max(done / total, 0.0), 1.0) if total else 0.0
    full = int(share * _BAR)
    return "[" + "\u2588" * full + "." * (_BAR - full) + f"] {share:4.0%}"


def compose(order: Order, report: JsonObject, silent: str = "") -> list[str]:
    """The lines to show for an order and what the agent is doing about it."""
    lines = [*_who(order), headline(order, report)]
    lines += ["", *_progress(report)] if report["state"] in ("surveying", "receiving", "verifying", "capturing") else []
    lines += erase_screen.lines(report) if report["state"] == "erasing" else []
    lines += _tested(str(report.get("test") or ""))
    lines += _invitation(order.get("attended"))
    lines += _reason(report)
    lines += ["", *(str(line) for line in order.get("screen", []))] if order.get("screen") else []
    lines += _offer(order.get("offer")) + erase_screen.offer(order.get("erase_offer"))
    if silent:
        lines += ["", say("The server is silent at the moment; this laptop carries on and keeps asking.")]
    return [part for line in lines for part in wrap(harmless(line))]


def harmless(line: str) -> str:
    """A line without what moves a cursor, colours or turns text round, and never endless: makers name things too."""
    return "".join(char if char.isprintable() else " " for char in line[:LONGEST])


def _who(order: Order) -> list[str]:
    """Its number as large as it goes, with letters in full above it, and the port that it sits in."""
    tag, port = str(order.get("tag") or order.get("number") or ""), str(order.get("port") or "")
    last = re.search(r"[0-9]*$", tag)
    large = big(tag) or big(last[0] if last else "")
    named = [say("Laptop {tag}", tag=tag)] if tag and not big(tag) else []
    named += [say("Port {port}", port=port)] if port else []
    return [*named, *large, ""] if named or large else []


def _tested(name: str) -> list[str]:
    return ["", say("Meanwhile its parts are tested: {test}", test=say(TESTS.get(name, name)))] if name else []


def headline(order: Order, report: JsonObject) -> str:
    """One line: what is going on. Good and bad have a sign of their own, and on a console a colour."""
    word = say(_STATES.get(str(report["state"]), ""))
    image = order.get("image") or ""
    if order.get("do") == "power" or order.get("state") == "done":
        return GOOD + say("Finished")
    if report["state"] == "failed":
        return BAD + word
    if order.get("state") == "aside":
        return BAD + say("Set aside")
    return f"{word}: {image}" if image and word else word


def coloured(line: str, times: int = 1) -> list[str]:
    """A block of green or red for the line that says how it ended: colours that every console has.

    Where it is larger than a line its sign is, too: from across a table a colour alone would be left.
    """
    colour = {GOOD: "42;30", BAD: "41;97"}.get(line[:2])
    if colour is None:
        return [line]
    rows = ["", *_beside(line, times), ""]
    return [f"\x1b[{colour}m{text:<{WIDTH * times}}\x1b[0m" for text in rows]


def _beside(line: str, times: int) -> list[str]:
    """The line, or its sign in blocks with the words beside its middle."""
    if times == 1:
        return [f"  {line}"]
    rows = ["".join(dot * 2 * times for dot in row) for row in _SIGNS[line[:2]] for _ in range(times)]
    rows = ["  " * times + row.replace("#", "\u2588") for row in rows]
    middle = len(rows) // 2
    return [*rows[:middle], f"{rows[middle]}    {line[2:]}", *rows[middle + 1 :]]


def grown(lines: Sequence[str], times: int) -> list[str]:
    """What is drawn in blocks, so many times as wide and high: its number, and how it ended.

    >>> grown(["\u2588 \u2588", "Cloning"], 2)
    ['\u2588\u2588  \u2588\u2588', '\u2588\u2588  \u2588\u2588', 'Cloning']
    """
    found: list[str] = []
    for line in lines:
        blocks = line.strip() != "" and not line.strip("\u2588 ")
        found += ["".join(char * times for char in line)] * times if blocks else coloured(line, times)
    return found


def scale(columns: int, rows: int, lines: Sequence[str]) -> int:
    """How many times as large blocks may be on such a console, so that every line is still on it.

    Letters are at most 16 by 32 pixels, and those of a screen 3840 pixels wide are 3 mm high: what must be read across
    a table grows with it.
    """
    fits = (times for times in range(columns // (WIDTH + 2), 1, -1) if len(grown(lines, times)) + 2 <= rows)
    return next(fits, 1)


def _progress(report: JsonObject) -> list[str]:
    total, done, rate = (as_int(report.get(key) or 0) for key in ("total", "bytes", "rate"))
    lines = [bar(done, total)]
    if rate > 0:
        left = max(total - done, 0) // rate
        clock = f"{left // 60}:{left % 60:02d}"
        lines.append(say("{rate} MB/s, about {clock} left", rate=f"{rate / 1e6:.0f}", clock=clock))
    if said := report.get("said"):
        lines += ["", say(as_text(said))]
    if (number := as_int(report.get("round") or 0)) > 1:
        lines.append(say("Round {round}: fetching again what was not right on the disk", round=number))
    return lines


def _reason(report: JsonObject) -> list[str]:
    reason = as_object(report.get("reason") or {})
    return ["", say(as_text(reason.get("detail") or str(reason.get("code"))))] if reason else []


def _invitation(attended: AttendedOrder | None) -> list[str]:
    """Where a person is waited for."""
    if not attended or not attended.get("tests"):
        return []
    return ["", say("Press  T  to test keyboard, screen and more with it: two minutes.")]


def _offer(offer: CloneOffer | None) -> list[str]:
    """What a key would confirm."""
    if not offer:
        return []
    disk = offer.get("disk", WantedDisk())
    named = " ".join(filter(None, (disk.get("model"), disk.get("serial"))))
    name = named or disk.get("path", "")
    size = int(disk.get("size") or 0) / 1e9
    return [
        "",
        say("Press  C  to clone  {image}  onto this laptop.", image=offer.get("image")),
        say("Everything on its disk is then lost: {disk}, {size} GB.", disk=name, size=f"{size:.0f}"),
    ]


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """A line as lines that fit, broken at spaces."""
    lines: list[str] = []
    while len(line) > width:
        cut = line.rfind(" ", 1, width + 1)
        cut = cut if cut > 0 else width
        lines.append(line[:cut])
        line = line[cut:].lstrip(" ")
    return [*lines, line]


class Console:
    """All consoles of the machine, or standard output where it is no live system."""

    def __init__(self, live: bool) -> None:
        self._live = live
        self._out = _open_consoles() if live else []
        self._shown: list[str] = []
        self._lock = threading.Lock()
        self._held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """While somebody tests: only `draw` draws, and no key means what it does otherwise."""
        with self._lock:
            self._held, self._shown = True, []
        try:
            yield
        finally:
            with self._lock:
                self._held, self._shown = False, []

    def draw(self, lines: Sequence[str]) -> None:
        """What somebody who holds the screen shows; colours end with it."""
        with self._lock:
            if list(lines) != self._shown:
                self._draw(["\x1b[0m" + _CLEAR, *lines])
                self._shown = list(lines)

    def show(self, lines: Sequence[str]) -> None:
        """Draw the screen anew if it changed; elsewhere print the lines that are new."""
        lines = [harmless(line) for line in lines]
        with self._lock:
            if self._held or lines == self._shown:
                return
            if self._live:
                self._draw(lines, grows=True)
            else:
                print(*(line for line in lines if line and line not in self._shown), sep="\n", flush=True)
            self._shown = lines

    def _draw(self, lines: Sequence[str], *, grows: bool = False) -> None:
        plain = [drawable(line) for line in lines]
        for fd in self._out:
            shown = grown(plain, scale(*_size(fd), plain) if grows else 1)
            text = _CLEAR + "\r\n" + "".join(f"  {line}\r\n" for line in shown)
            try:
                os.write(fd, text.encode())
            except OSError:  # a console that went away or hangs costs nothing but itself
                continue

    def listen(self, pressed: Callable[[str], None]) -> None:
        """Call `pressed` with each key, from a thread of its own."""
        fds = [fd for fd in self._out if _raw(fd)] if self._live else []
        if fds:

            def heard(key: str) -> None:
                if not self._held:
                    pressed(key)

            threading.Thread(target=_listen, args=(fds, heard), name="keys", daemon=True).start()


def _open_consoles() -> list[int]:
    found: list[int] = []
    for name in sysfs.text("/sys/class/tty/console/active").split() or ["console"]:
        try:
            found.append(os.open(f"/dev/{name}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        except OSError as error:
            print(f"agent: /dev/{name}: {error.strerror}", file=sys.stderr)
    for each in found:
        enlarge(each)
    return found


def _size(console: int) -> tuple[int, int]:
    """Columns and rows; a serial line does not say, and has 80 by 25."""
    with suppress(OSError):
        columns, rows = os.get_terminal_size(console)
        if columns and rows:
            return columns, rows
    return WIDTH + 2, 25


_KDFONTOP, _SET_DEFAULT = 0x4B72, 2
"""<linux/kd.h>: take a font that is built into the kernel, by its name."""
_LARGE = ctypes.create_string_buffer(b"TER16x32")


def enlarge(console: int) -> bool:
    """Letters twice as wide and high on a screen with pixels, where 80 by 24 of them fit; whether it was done.

    The kernel does so by itself on the largest screens alone; on others its letters are 8 by 16 pixels, and nobody
    reads them across a table.
    """
    with suppress(OSError):
        columns, rows = os.get_terminal_size(console)
        if columns >= 160 and rows >= 48:
            fcntl.ioctl(console, _KDFONTOP, struct.pack("=5I4xQ", _SET_DEFAULT, 0, 0, 0, 0, ctypes.addressof(_LARGE)))
            return True
    return False


def _raw(fd: int) -> bool:
    """Keys one by one and not echoed; False if it is no terminal."""
    try:
        mode = termios.tcgetattr(fd)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(fd, termios.TCSANOW, mode)
    except termios.error:
        return False
    return True


def _listen(fds: list[int], pressed: Callable[[str], None]) -> None:
    while fds:
        ready, _, _ = select.select(fds, [], [])
        for fd in ready:
            try:
                keys = os.read(fd, 64).decode("latin-1")
            except OSError:
                keys = ""
            if not keys:
                fds.remove(fd)
            for key in keys:
                pressed(key.lower())
