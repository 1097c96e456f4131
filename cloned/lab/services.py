"""What else stands in the lab's network: an inventory (a webhook receiver) and the gate of the fault `corrupt`.

Both listen on the switch's address, for nothing of theirs must get in the daemon's way.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from cloned.core.row_types import Row
from cloned.lab import kernel
from cloned.lab.network import SWITCH

PORT = 8070
GATE = f"http://{SWITCH.ip}:{PORT}/gate"
WEBHOOK = f"http://{SWITCH.ip}:{PORT}/inventory"


@dataclass
class InventoryReceiver:
    """A receiver of signed results (https://www.standardwebhooks.com), that can be away."""

    secret: str = field(default_factory=lambda: secrets.token_hex(24))
    away: bool = False
    turned_away: int = 0
    """Requests that came while it was away."""
    rows: dict[str, Row] = field(default_factory=dict)
    """What arrived, by its idempotency key."""

    async def take(self, request: web.Request) -> web.Response:
        """`POST /inventory`: keep a row once; a connection while it is away is cut."""
        if self.away:
            self.turned_away += 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        body = await request.read()
        if not self._signed(request, body):
            return web.Response(status=401, text="the signature is wrong")
        self.rows[request.headers["webhook-id"]] = json.loads(body)["data"]
        return web.Response(status=204)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        key, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        digest = hmac.new(self.secret.encode(), f"{key}.{at}.".encode() + body, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        return bool(key) and hmac.compare_digest(wanted, request.headers.get("webhook-signature", ""))


class Services:
    """The web server of both, while it is entered."""

    def __init__(self, namespace: Path) -> None:
        self.inventory = InventoryReceiver()
        self.gates: dict[int, Callable[[Sequence[int]], None]] = {}
        """What happens when laptop N stands at its gate with these pieces still to be read; called in a thread."""
        self._namespace = namespace
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Services:
        """Listen."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/gate/{laptop:[0-9]+}", self._gate)
        app.router.add_post("/inventory", self.inventory.take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        channel = await asyncio.to_thread(kernel.listening_socket, self._namespace, str(SWITCH.ip), PORT)
        await web.SockSite(self._runner, channel).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _gate(self, request: web.Request) -> web.Response:
        """A laptop has written everything and waits for our word before it reads back."""
        action = self.gates.get(int(request.match_info["laptop"]))
        if action is not None:
            unread = (await request.text()).split(",")
            await asyncio.to_thread(action, [int(piece) for piece in unread if piece])
        return web.Response(text="go on\n")
