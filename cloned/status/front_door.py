"""The port of the page that everybody may ask, plain or behind TLS."""

from __future__ import annotations

from contextlib import AsyncExitStack

from aiohttp import web

from cloned.config import Page
from cloned.connections import PER_ADDRESS, CountedSite, Crowd, affordable
from cloned.errors import MissingError
from cloned.saying import Phrase
from cloned.status.hosts import names as host_names
from cloned.status.secure import Certificate, open_door
from cloned.tasks import TaskOwner


async def listen_page(
    runner: web.AppRunner, page: Page, certificate: Certificate | None, tasks: TaskOwner, stack: AsyncExitStack
) -> None:
    """Listen as the configuration says. MissingError where the port is taken."""
    crowd = Crowd(PER_ADDRESS, affordable(0.3))
    try:
        if certificate is None:
            await CountedSite(runner, page.address, page.port, crowd=crowd).start()
        else:
            where, names = (page.address, page.port), host_names(page.url, page.hosts)
            await open_door(
                page=runner, where=where, certificate=certificate, crowd=crowd, names=names, tasks=tasks, stack=stack
            )
    except OSError as error:
        hint = "set another page.port, or stop what uses it (ss -ltnp names it)"
        raise MissingError(
            Phrase("the page cannot listen on port {port}: {error}", port=page.port, error=error), hint
        ) from error
