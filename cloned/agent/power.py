"""Switching the laptop off, or starting it again."""

from __future__ import annotations

import os
import subprocess
import sys

OFF, REBOOT = 0, 64
"""Exit status where the agent is no live system's: whoever started it acts on it."""


def act(action: str, live: bool) -> None:
    """`poweroff`, `reboot`, or `disk` (start from the own disk); does not return.

    A start from the own disk is a reboot: the boot menu leads a laptop that is done there.
    """
    os.sync()
    if not live:
        sys.stdout.flush()
        os._exit(REBOOT if action == "reboot" else OFF)
    command = "poweroff" if action == "poweroff" else "reboot"
    subprocess.run([command, "-f"], check=False)
    sys.exit(1)
