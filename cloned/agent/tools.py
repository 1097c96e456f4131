"""Runs the programs of the live system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from cloned.saying import Phrase


class ToolError(Exception):
    """A program failed; the message has its last words."""


KILL_LIMIT_SECONDS = 5.0
"""Seconds that a killed program has to be gone; one that hangs in a driver never is, and is left behind."""
LEFT_BEHIND: list[subprocess.Popen[bytes]] = []
"""Those, with what they write to."""


def run(args: Sequence[str], *, timeout: float = 600, accept: Sequence[int] = (0,), stdin: bytes = b"") -> str:
    """Run a program to its end; its output. ToolError if it is missing, too slow, or ends with another status."""
    try:
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = _ended(args, stdin, timeout, env)
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


def _ended(
    args: Sequence[str], stdin: bytes, timeout: float, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """As subprocess.run, which waits for ever for a killed program that a driver holds. TimeoutExpired."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(args, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    try:
        output, errors = process.communicate(stdin, timeout)
    except BaseException:
        process.kill()
        try:
            process.communicate(timeout=KILL_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            LEFT_BEHIND.append(process)
        raise
    return subprocess.CompletedProcess(args, process.returncode, output, errors)
