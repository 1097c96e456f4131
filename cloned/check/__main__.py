"""The looks in a process of their own: `python -m cloned.check UNTIL`.

The daemon has them made so, that what they import and gather is gone with them. It writes its configuration, pickled,
to our standard input, and reads an array of `[finding, …]` with sentences as their parts from our standard output.
UNTIL: the monotonic second at which it wants it, however long this process took to begin.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time

from cloned.check import LOOKS, examine
from cloned.check.findings import LONGEST
from cloned.saying import parts

LEAST = 1.0
"""Seconds that the looks get in any case."""


def main(until: float) -> None:
    """Look at everything, and write down what was found."""
    config = pickle.load(sys.stdin.buffer)  # noqa: S301 - the daemon wrote it into our pipe
    longest = min(LONGEST, max(LEAST, until - time.monotonic()))
    found = [each.to_json() for each in asyncio.run(examine(LOOKS, config, longest))]
    json.dump([{key: parts(value) for key, value in each.items()} for each in found], sys.stdout)


if __name__ == "__main__":
    main(float(sys.argv[1]))
