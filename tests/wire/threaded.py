"""An application served from a thread of its own, for tests that talk to it without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from aiohttp import web

from cloned.connections import CountedSite, Crowd, runner

Make = Callable[[AsyncExitStack], Awaitable[web.Application]]


@contextmanager
def served(make: Make) -> Iterator[str]:
    """The base URL of what `make` gives; it runs in the thread's loop, and so does what its stack undoes.

    What keeps it from starting is raised here.
    """
    failed: list[BaseException] = []
    ready, url, over = threading.Event(), [""], asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            running = runner(await make(stack))
            await running.setup()
            stack.push_async_callback(running.cleanup)
            await CountedSite(running, "127.0.0.1", 0, crowd=Crowd(64, 128)).start()
            url[0] = f"http://127.0.0.1:{running.addresses[0][1]}"
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            with asyncio.Runner() as runs:  # which ends what is left, as the daemon's does: aiohttp reads on for bodies
                loops.append(runs.get_loop())
                runs.run(serve())
        except BaseException as error:
            failed.append(error)
        ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(60), "it did not start within a minute"
        if failed:
            raise failed[0]
        yield url[0]
    finally:
        if not failed:
            loops[0].call_soon_threadsafe(over.set)
        thread.join(30)
