"""A person at a laptop: pipes that stand for its input devices, and answers to what is shown."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cloned.agent import inputs
from cloned.agent.attended_ui import PersonUi
from cloned.agent.inputs import EV_KEY, Inputs

YES, NO = 2, 3


class Device:
    """An input device: its place in sysfs, and a pipe to write events into."""

    def __init__(self, folder: Path, name: str, **bits: int) -> None:
        capabilities = folder / "class" / name / "device/capabilities"
        capabilities.mkdir(parents=True)
        for kind in ("key", "rel", "abs", "sw"):
            value = bits.get(kind, 0)
            words = [f"{value >> 64 * at & (2**64 - 1):x}" for at in range(12, -1, -1)]
            (capabilities / kind).write_text(" ".join(words))
        (folder / "nodes").mkdir(exist_ok=True)
        self.path = folder / "nodes" / name
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR)

    def send(self, kind: int, code: int, *values: int) -> None:
        for value in values:
            os.write(self._fd, inputs._EVENT.pack(0, 0, kind, code, value))

    def press(self, *codes: int) -> None:
        for code in codes:
            self.send(EV_KEY, code, 1, 0)

    def close(self) -> None:
        os.close(self._fd)


@contextlib.contextmanager
def person(
    folder: Path, clock: Callable[[], float] = time.monotonic, answers: Sequence[tuple[str, Callable[[], None]]] = ()
) -> Iterator[tuple[PersonUi, list[list[str]]]]:
    """Somebody who reads: as soon as the words of the next of `answers` are shown, it is given."""
    shown: list[list[str]] = []
    left = list(answers)

    def show(lines: Sequence[str]) -> None:
        shown.append(list(lines))
        if left and any(left[0][0] in line for line in lines):
            left.pop(0)[1]()

    with Inputs(str(folder / "class"), str(folder / "nodes")) as opened:
        yield PersonUi(opened, show, clock=clock, look=0.02), shown
