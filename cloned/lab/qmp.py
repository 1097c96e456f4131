"""Talking to QEMU while it runs (QEMU Machine Protocol: JSON lines over a Unix socket)."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from cloned.errors import ClonedError


def command(path: Path, *names: str, timeout: float = 10.0) -> None:
    """Run QMP commands without arguments, in order; ClonedError if QEMU is gone or refuses."""
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(timeout)
            channel.connect(str(path))
            with channel.makefile("rw", encoding="utf-8") as lines:
                lines.readline()  # the greeting
                for name in ("qmp_capabilities", *names):
                    lines.write(json.dumps({"execute": name}) + "\n")
                    lines.flush()
                    _await_return(lines, name)
    except OSError as error:
        hint = "has it been powered off?"
        raise ClonedError(f"the virtual laptop behind {path} does not answer: {error}", hint) from error


def _await_return(lines: Any, name: str) -> None:
    """Skip events until the answer comes."""
    for line in lines:
        answer = json.loads(line)
        if "error" in answer:
            raise ClonedError(f"QEMU refused {name}", answer["error"].get("desc", ""))
        if "return" in answer:
            return
    raise ClonedError(f"QEMU ended while it was asked to {name}", "look at the laptop's qemu.log")
