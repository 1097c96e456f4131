"""An application served from a thread of its own, for tests that talk to it without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from aiohttp import web

from cloned.connections import Counted, CountedSite, runner

Make = Callable[[AsyncExitStack], Awaitable[web.Application]]


@contextmanager
def served(make: Make) -> Iterator[str]:
    """The base URL of what `make` gives; it runs in the thread's loop, and so does what its stack undoes."""
    ready, url, over = threading.Event(), [""], asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            running = runner(await make(stack))
            await running.setup()
            stack.push_async_callback(running.cleanup)
            await CountedSite(running, "127.0.0.1", 0, counted=Counted(64, 128)).start()
            url[0] = f"http://127.0.0.1:{running.addresses[0][1]}"
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield url[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()
