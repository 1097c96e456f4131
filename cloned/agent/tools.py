"""Runs the programs of the live system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from cloned.saying import Phrase


class ToolError(Exception):
    """A program failed; the message has its last words."""


def run(args: Sequence[str], *, timeout: float = 600, accept: Sequence[int] = (0,), stdin: bytes = b"") -> str:
    """Run a program to its end; its output. ToolError if it is missing, too slow, or ends with another status."""
    try:
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(args, input=stdin, capture_output=True, timeout=timeout, check=False, env=env)
    except OSError as error:
        raise ToolError(Phrase("{program}: {error}", program=args[0], error=error)) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            Phrase("{program} did not end within {timeout} s", program=args[0], timeout=f"{timeout:.0f}")
        ) from error
    if done.returncode not in accept:
        words = (done.stderr or done.stdout).decode("utf-8", "replace").split("\n")
        last = " / ".join(word.strip() for word in words if word.strip())[-300:]
        raise ToolError(
            Phrase("{program} failed ({returncode}): {last}", program=args[0], returncode=done.returncode, last=last)
        )
    return done.stdout.decode("utf-8", "replace")
