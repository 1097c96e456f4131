"""Talking to QEMU while it runs (QEMU Machine Protocol: JSON lines over a Unix socket)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from cloned.errors import ClonedError
from cloned.json_data import JsonObject


def command(path: Path, *names: str, timeout: float = 10.0) -> None:
    """Run QMP commands without arguments, in order; ClonedError if QEMU is gone or refuses."""
    _talk(path, [{"execute": name} for name in names], timeout)


def press(path: Path, key: str) -> None:
    """Press a key on a laptop's keyboard; `key` is a QKeyCode: `c`, `ret`, `esc`. ClonedError as for `command`."""
    keys = {"keys": [{"type": "qcode", "data": key}]}
    _talk(path, [{"execute": "send-key", "arguments": keys}], 10.0)


def _talk(path: Path, commands: Sequence[JsonObject], timeout: float) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(timeout)
            channel.connect(str(path))
            with channel.makefile("rw", encoding="utf-8") as lines:
                lines.readline()  # the greeting
                for each in ({"execute": "qmp_capabilities"}, *commands):
                    lines.write(json.dumps(each) + "\n")
                    lines.flush()
                    _await_return(lines, str(each["execute"]))
    except OSError as error:
        hint = "has it been powered off?"
        raise ClonedError(f"the virtual laptop behind {path} does not answer: {error}", hint) from error


def _await_return(lines: Iterable[str], name: str) -> None:
    """Skip events until the answer comes."""
    for line in lines:
        answer = json.loads(line)
        if "error" in answer:
            raise ClonedError(f"QEMU refused {name}", answer["error"].get("desc", ""))
        if "return" in answer:
            return
    raise ClonedError(f"QEMU ended while it was asked to {name}", "look at the laptop's qemu.log")
