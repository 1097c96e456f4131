"""Keys, pads and lids as Linux' input devices tell them (Documentation/input/event-codes.rst).

Read beside the console, so that keys are known by their place, whatever layout the console believes in. A device that
is grabbed says nothing to the console meanwhile: a key that is tried out there confirms no clone.
"""

from __future__ import annotations

import fcntl
import os
import queue
import select
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from cloned.agent import sysfs

EV_SYN, EV_KEY, EV_REL, EV_ABS, EV_SW = 0, 1, 2, 3, 5
SYN_DROPPED = 3
SW_LID, SW_HEADPHONE = 0, 2
BTN_LEFT, BTN_RIGHT, BTN_TOUCH = 0x110, 0x111, 0x14A
ABS_X, ABS_Y = 0, 1
REL_X, REL_Y = 0, 1
_EVENT = struct.Struct("llHHi")
_GRAB = 0x40044590
"""EVIOCGRAB."""
_KEYS_BYTES = 96
"""Bytes of a bit for each key (KEY_MAX is 0x2ff)."""
_HELD = 0x80004518 | _KEYS_BYTES << 16
"""EVIOCGKEY: the keys that are down now."""
_AT_ONCE = 64
"""Events that are read in one go."""
_LOOK_AGAIN_SECONDS = 0.5
"""Seconds after which devices are looked for again."""
_FOLDER = "/sys/class/input"


@dataclass(frozen=True)
class InputEvent:
    """One event; `value` of a key: 1 pressed, 0 let go, 2 held."""

    device: str
    kind: int
    code: int
    value: int


class Inputs:
    """All input devices while a test lasts; one that comes later (USB) is opened soon.

    A thread of their own takes what they say as it comes: the kernel keeps ten keys, and drawing a screen takes longer.
    """

    def __init__(self, folder: str = _FOLDER, nodes: str = "/dev/input") -> None:
        self._folder, self._nodes = folder, nodes
        self._open: dict[str, int] = {}
        self._heard: queue.SimpleQueue[list[InputEvent]] = queue.SimpleQueue()
        self._bell, self._ring = os.pipe()
        self._listener = threading.Thread(target=self._listen, name="inputs", daemon=True)

    def __enter__(self) -> Inputs:
        self._look()
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ring)  # wakes the listener, which ends
        self._listener.join()
        for fd in (self._bell, *self._open.values()):
            os.close(fd)  # gives a grabbed one back
        self._open.clear()

    def read(self, seconds: float) -> Iterator[InputEvent]:
        """Events of so long at most; ends with the first that came, and all that waited with it."""
        try:
            yield from self._heard.get(timeout=seconds)
            while True:
                yield from self._heard.get_nowait()
        except queue.Empty:
            return

    def _listen(self) -> None:
        while True:
            try:
                ready, _, _ = select.select([self._bell, *self._open.values()], [], [], _LOOK_AGAIN_SECONDS)
            except OSError:  # one is closed already
                ready = []
            if self._bell in ready:
                return
            events = [each for name, fd in list(self._open.items()) if fd in ready for each in self._events(name, fd)]
            if events:
                self._heard.put(events)
            self._look()

    def _events(self, name: str, fd: int) -> Iterator[InputEvent]:
        """All that it has to say by now: what is left in the kernel's short queue is soon lost."""
        while True:
            try:
                data = os.read(fd, _EVENT.size * _AT_ONCE)
            except BlockingIOError:
                return
            except OSError:  # it was pulled out
                os.close(self._open.pop(name))
                return
            for at in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
                _, _, kind, code, value = _EVENT.unpack_from(data, at)
                if (kind, code) == (EV_SYN, SYN_DROPPED):
                    yield from self._caught_up(name, fd)
                else:
                    yield InputEvent(name, kind, code, value)
            if len(data) < _EVENT.size * _AT_ONCE:
                return

    def _caught_up(self, name: str, fd: int) -> Iterator[InputEvent]:
        """Some events were lost, letting go of keys among them (event-codes.rst): what is down now, and what is not."""
        held = bytearray(_KEYS_BYTES)
        try:
            fcntl.ioctl(fd, _HELD, held)
        except OSError:
            return
        for code in range(8 * _KEYS_BYTES):
            yield InputEvent(name, EV_KEY, code, 2 if held[code >> 3] >> (code & 7) & 1 else 0)

    def _look(self) -> None:
        for name in sysfs.names(self._folder):
            if name.startswith("event") and name not in self._open and _useful(f"{self._folder}/{name}/device"):
                try:
                    fd = os.open(f"{self._nodes}/{name}", os.O_RDONLY | os.O_NONBLOCK)
                except OSError:
                    continue
                self._open[name] = fd
                try:
                    fcntl.ioctl(fd, _GRAB, 1)
                except OSError:  # somebody else has it: then it is read along
                    continue


def _useful(device: str) -> bool:
    wanted = ((EV_KEY, 30), (EV_KEY, BTN_LEFT), (EV_SW, SW_LID), (EV_SW, SW_HEADPHONE))
    return any(has(device, kind, code) for kind, code in wanted)


def has(device: str, kind: int, code: int) -> bool:
    """Whether a device (its folder in sysfs) can send such an event: its bit in the capabilities there."""
    name = {EV_KEY: "key", EV_REL: "rel", EV_ABS: "abs", EV_SW: "sw"}[kind]
    words = sysfs.text(f"{device}/capabilities/{name}").split()
    try:
        bits = sum(int(word, 16) << 64 * at for at, word in enumerate(reversed(words)))
    except ValueError:
        return False
    return bool(bits >> code & 1)


def present(kind: int, code: int, folder: str = _FOLDER) -> bool:
    """Whether any device can send such an event."""
    return any(has(f"{folder}/{name}/device", kind, code) for name in sysfs.names(folder) if name.startswith("event"))
