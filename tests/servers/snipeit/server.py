"""A Snipe-IT 8.1.4 that behaves: aiohttp around state.py, with the throttle, the redirects and the envelopes of the real one.

`python -m tests.servers.snipeit.server --port 8801` runs it by itself and writes its records to standard output when stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.servers.snipeit import views
from tests.servers.snipeit.catalogue import PATHS, Catalogue, RefusedError, envelope, error
from tests.servers.snipeit.state import InvalidError, Upload, User, now

ALLOWED = "png, gif, jpg, svg, jpeg, doc, docx, pdf, txt, zip, rar, xls, xlsx, lic, xml, rtf, json, webp, avif"
TOO_LARGE = "You did not select any files for upload, or the file you are trying to upload is too large"


def redirect(place: str) -> web.Response:
    url = f"{views.HOST}{place}"
    text = f'<!DOCTYPE html><html><head><meta http-equiv="refresh" content="0;url=\'{url}\'" /></head><body>Redirecting</body></html>'
    return web.Response(status=302, headers={"Location": url}, text=text, content_type="text/html")


class SnipeIt(Catalogue):
    """The server; its switches are what an administrator, a bad night or a test turns."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self.per_minute = 120
        self.workers = asyncio.Semaphore(4)
        self.create_seconds = 0.0
        """How long a POST takes between drawing its number and writing it."""
        self.maintenance = self.broken = False
        self.trouble: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        """Asked first at every request: a test's own answer instead."""
        self.requests: list[tuple[str, str, Any]] = []
        """(method, path, body) of all that was asked."""
        self.url = ""

    # Serving.

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[SnipeIt]:
        runner = web.AppRunner(self.app(), shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        self.url = f"http{'s' if tls else ''}://localhost:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.trouble is not None and (answer := await self.trouble(request)) is not None:
            return answer
        if self.maintenance:
            return error(503, code=503)
        if self.broken:
            return redirect("/setup")
        try:
            user = self._user(request)
            headers = self._throttle(user)
        except RefusedError as refusal:
            return refusal.answer
        answer = await self._answer(request, user)
        answer.headers.update(headers)
        return answer

    async def _answer(self, request: web.Request, user: User) -> web.Response:
        try:
            body = await self._body(request)
            self.requests.append((request.method, request.raw_path, body))
            return await self._route(request, user, body)
        except RefusedError as refusal:
            return refusal.answer
        except InvalidError as invalid:
            return error(invalid.messages) if self._wants_json(request) else redirect("")

    @staticmethod
    def _wants_json(request: web.Request) -> bool:
        return "json" in request.headers.get("Accept", "")

    def _user(self, request: web.Request) -> User:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.state.users:
            if self._wants_json(request):
                raise RefusedError(web.json_response({"error": "Unauthorized or unauthenticated."}, status=401))
            raise RefusedError(redirect("/login"))
        return self.state.users[token]

    def _throttle(self, user: User) -> dict[str, str]:
        """120 a minute for each user; at the limit an answer without any header that says so [198]."""
        at = self.clock()
        user.calls = [call for call in user.calls if call > at - 60]
        if len(user.calls) >= self.per_minute:
            raise RefusedError(error("Too many requests", code=429))
        user.calls.append(at)
        left = self.per_minute - len(user.calls)
        return {"X-RateLimit-Limit": str(self.per_minute), "X-RateLimit-Remaining": str(left)}

    async def _body(self, request: web.Request) -> Any:
        kind = request.content_type
        if request.method in ("GET", "DELETE") or not request.can_read_body:
            return {}
        if kind == "multipart/form-data":
            return await self._multipart(request)
        text = await request.text()
        if kind == "application/x-www-form-urlencoded":
            return dict(await request.post())
        try:
            return json.loads(text or "{}")
        except json.JSONDecodeError:
            raise RefusedError(error("Invalid JSON", code=422)) from None

    async def _multipart(self, request: web.Request) -> dict[str, Any]:
        body: dict[str, Any] = {}
        async for part in await request.multipart():
            content = bytes(await part.read(decode=False))
            body[part.name or ""] = (part.filename, content) if part.filename else content.decode()
        return body

    async def _route(self, request: web.Request, user: User, body: Any) -> web.Response:
        path, _, _ = request.raw_path.partition("?")
        parts = [unquote(part) for part in path.removeprefix("/api/v1/").split("/")]
        head, rest = parts[0], parts[1:]
        if head == "version":
            return web.json_response({"version": "v8.1.4"})
        if head == "users":
            return self._users(request, user, rest)
        if head == "reports":
            return self._activity(request, user)
        if head == "hardware":
            return await self._hardware(request, user, rest, body)
        if head == "maintenances":
            return error({"supplier_id": ["The supplier id field is required."]})
        if head in PATHS:
            return self._catalogue(request, user, PATHS[head], rest, body)
        said = "404 endpoint not found. Please check the API reference at https://snipe-it.readme.io/reference to find a valid API endpoint."
        return web.json_response({"status": "error", "message": said, "payload": None}, status=404)

    # Users, history.

    def _users(self, request: web.Request, user: User, rest: list[str]) -> web.Response:
        if rest == ["me"]:
            first, last, username = self.state.people[user.id]
            return web.json_response(
                {"id": user.id, "name": user.name, "first_name": first, "last_name": last, "username": username}
            )
        self._need(user, "users.view")
        wanted = request.query.get("search", "").lower()
        found = [
            {"id": number, "name": f"{first} {last}", "first_name": first, "last_name": last, "username": username}
            for number, (first, last, username) in self.state.people.items()
            if wanted in f"{first} {last} {username}".lower()
        ]
        return web.json_response(views.rows(found))

    def _activity(self, request: web.Request, user: User) -> web.Response:
        self._need(user, "reports.view")
        wanted = int(request.query.get("item_id", 0))
        search = request.query.get("search", "")
        found = [
            {"id": each["id"], "action_type": each["action_type"], "note": views.e(each["note"]),
             "item": {"id": each["asset"], "type": "asset"}, "created_at": views.when(each["at"])}
            for each in reversed(self.state.history)
            if each["asset"] == wanted and search in (each["note"] or "")
        ]  # fmt: skip
        limit = int(request.query.get("limit", 500))
        return web.json_response(views.rows(found[:limit], len(found)))

    # Assets.

    async def _hardware(self, request: web.Request, user: User, rest: list[str], body: Any) -> web.Response:
        if not rest:
            return await self._assets(request, user, body)
        if rest[0] in ("byserial", "bytag"):
            self._need(user, "assets.view")
            return self._found(request, user, rest)
        if rest[0] == "audit":
            self._need(user, "assets.audit")
            return self._audit(self.state.by_tag(body.get("asset_tag", "")), body, user)
        if not rest[0].isdecimal():
            return error("Asset does not exist.")
        asset = self.state.assets.get(int(rest[0]))
        if len(rest) > 1:
            return self._verb(request, user, asset, rest[1:], body)
        return self._one(request, user, asset, body)

    async def _assets(self, request: web.Request, user: User, body: Any) -> web.Response:
        if request.method == "POST":
            self._need(user, "assets.create")
            async with self.workers:
                tag = self.state.next_tag()
                if self.create_seconds:
                    await asyncio.sleep(self.create_seconds)
                asset = self.state.create(body, user, tag)
            return envelope("Asset created successfully. :)", views.raw(self.state, asset, body))
        if request.method != "GET":
            return error("Method not allowed", code=405)
        self._need(user, "assets.view")
        return self._filtered(request, user)

    def _filtered(self, request: web.Request, user: User) -> web.Response:
        """The list hides archived assets unless asked for them [166] [167]."""
        query = request.query
        archived = query.get("status") == "Archived"
        found = [
            each for each in self.state.alive()
            if (self.state.labels[each["status_id"]].type == "archived") == archived
            and ("serial" not in query or (each["serial"] or "").lower() == query["serial"].lower())
            and ("model_id" not in query or each["model_id"] == int(query["model_id"]))
            and query.get("search", "").lower() in f"{each['serial']} {each['asset_tag']} {each['name']}".lower()
        ]  # fmt: skip
        begin, limit = int(query.get("offset", 0)), min(int(query.get("limit", 0)) or 500, 500)
        shown = [views.asset(self.state, each, user) for each in found[begin : begin + limit]]
        return web.json_response(views.rows(shown, len(found)))

    def _found(self, request: web.Request, user: User, rest: list[str]) -> web.Response:
        wanted = rest[1] if len(rest) == 2 else ""
        if rest[0] == "bytag":
            one = self.state.by_tag(wanted) if wanted else None
            return (
                error("Asset does not exist.") if one is None else web.json_response(views.asset(self.state, one, user))
            )
        found = self.state.by_serial(wanted, request.query.get("deleted") == "true") if wanted else []
        if not found:
            return error("Asset does not exist.")
        return web.json_response(views.rows([views.asset(self.state, each, user) for each in found]))

    def _one(self, request: web.Request, user: User, asset: dict[str, Any] | None, body: Any) -> web.Response:
        if request.method == "GET":
            self._need(user, "assets.view")
            return (
                error("Asset does not exist.")
                if asset is None
                else web.json_response(views.asset(self.state, asset, user))
            )
        if request.method == "DELETE":
            self._need(user, "assets.delete")
            if asset is not None:
                asset["deleted_at"] = now()
            return envelope("The asset was deleted successfully.")
        self._need(user, "assets.edit")
        if asset is None or asset["deleted_at"]:
            return error("Asset not found")
        left = self.state.patch(asset, body, user)
        said = ", but encrypted custom fields were not due to permissions" if left else "."
        payload = views.raw(self.state, asset, None) | {key: body[key] for key in ("serial", "_snipeit_clone_verdict_2")
                                                        if key in body and not isinstance(body[key], str)}  # fmt: skip
        return envelope(f"Asset updated successfully{said}", payload)

    def _verb(
        self, request: web.Request, user: User, asset: dict[str, Any] | None, rest: list[str], body: Any
    ) -> web.Response:
        if asset is None:
            return error("Asset does not exist.", code=404)
        match rest[0]:
            case "files":
                return self._files(request, user, asset, body)
            case "file":
                gone = (
                    "File not deleted. Please try again."
                    if request.method == "DELETE"
                    else "admin/hardware/message.download.error"
                )
                return error(gone, code=500)
            case "audit":
                self._need(user, "assets.audit")
                return self._audit(asset, body, user)
            case "checkout":
                self._need(user, "assets.checkout")
                return self._checkout(asset, body, user)
            case "checkin":
                self._need(user, "assets.checkin")
                return self._checkin(asset, body, user)
        return error(None, "Error restoring Asset: The asset tag must be unique.")

    def _audit(self, asset: dict[str, Any] | None, body: Any, user: User) -> web.Response:
        if asset is None:
            return error("Asset does not exist.")
        self.state.audit(asset, body.get("note"), user)
        return envelope(
            "Asset audit successfully logged.",
            {"id": asset["id"], "asset_tag": asset["asset_tag"], "note": body.get("note")},
        )

    def _checkout(self, asset: dict[str, Any], body: Any, user: User) -> web.Response:
        kind = body["checkout_to_type"]
        done = self.state.checkout(asset, kind, body[f"assigned_{kind}"], body.get("expected_checkin"), user)
        said = "Asset checked out successfully." if done else "That asset is not available for checkout!"
        return envelope(said, {"asset": asset["asset_tag"]}, "success" if done else "error")

    def _checkin(self, asset: dict[str, Any], body: Any, user: User) -> web.Response:
        done = self.state.checkin(asset, body.get("status_id"), user)
        model = self.state.models[asset["model_id"]]
        payload = {"asset_tag": asset["asset_tag"], "model": model.name, "model_number": model.number}
        return envelope("Asset checked in successfully." if done else "That asset is already checked in.", payload,
                        "success" if done else "error")  # fmt: skip

    # Files.

    def _files(self, request: web.Request, user: User, asset: dict[str, Any], body: Any) -> web.Response:
        if request.method == "GET":
            shown = [
                {"id": each.id, "filename": each.filename, "created_by": views.person(self.state, each.by), "deleted_at": None}
                for each in self.state.uploads if each.asset == asset["id"]
            ]  # fmt: skip
            return web.json_response(views.rows(shown))
        self._need(user, "assets.edit")
        sizes = sum(len(part[1]) for part in body.values() if isinstance(part, tuple))
        if not body or sizes > self.state.post_max:
            return error(TOO_LARGE, code=500)
        if isinstance(part := body.get("file[]"), tuple):
            return self._upload(asset, part, body.get("notes"), user)
        return envelope(
            "File(s) successfully uploaded.", views.raw(self.state, asset, None, False)
        )  # and nothing kept [117]

    def _upload(self, asset: dict[str, Any], part: tuple[str, bytes], note: str | None, user: User) -> web.Response:
        name, content = part
        if len(content) > self.state.upload_max:
            return error({"file.0": ["The file.0 failed to upload."]})
        stem, _, suffix = name.rpartition(".")
        real = kind_of(content, suffix)
        if real is None:
            return error({"file.0": [f"The file.0 field must be a file of type: {ALLOWED}."]})
        slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
        kept = f"hardware-{asset['id']}-{secrets.token_hex(4)}-{slug}.{real}"
        number = self.state.note(asset["id"], "uploaded", note, user)
        self.state.uploads.append(Upload(number, asset["id"], kept, user.id, content, note))
        return envelope("File(s) successfully uploaded.", views.raw(self.state, asset, None, False))


def kind_of(content: bytes, suffix: str) -> str | None:
    """The content decides, not the name [118] [120]."""
    if content.startswith(b"%PDF"):
        return "pdf"
    if content.lstrip().startswith((b"<!DOCTYPE html", b"<html")):
        return None
    return "json" if suffix == "json" else "txt"
