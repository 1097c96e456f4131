"""The looks in a process of their own: `python -m cloned.check`.

The daemon has them made so, that what they import and gather is gone with them. It writes its configuration, pickled,
to our standard input, and reads an array of `[finding, …]` with sentences as their parts from our standard output.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys

from cloned.check import LOOKS, examine, left_seconds
from cloned.saying import parts


def main() -> None:
    """Look at everything, and write down what was found."""
    config = pickle.load(sys.stdin.buffer)  # noqa: S301 - the daemon wrote it into our pipe
    found = [each.to_json() for each in asyncio.run(examine(LOOKS, config, left_seconds()))]
    json.dump([{key: parts(value) for key, value in each.items()} for each in found], sys.stdout)


if __name__ == "__main__":
    main()
