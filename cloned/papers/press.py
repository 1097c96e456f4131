"""The one thread that draws papers: whoever asks for hundreds holds up papers, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from cloned.processes import come_with_others

P = ParamSpec("P")
R = TypeVar("R")
_PRESS = ThreadPoolExecutor(1, "papers", initializer=come_with_others)


async def draw(work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """`work(*args)`, after what was asked for before it; what nobody waits for any more is not drawn."""
    return await asyncio.get_running_loop().run_in_executor(_PRESS, lambda: work(*args, **named))
