"""A GLPI 10.0.12 that behaves: apirest.php and the native inventory, as recorded from the real one (glpi.jsonl).

Errors are lists, success proves nothing: unknown keys and states that do not exist are taken, texts cut at 255, a
refused document is made without its file. The numbers in brackets name recordings.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.servers.glpi_store import HOST, KINDS, GlpiError, GlpiStore, answer

FIELDS = {1: "name", 2: "id", 3: "locations_id", 5: "serial", 6: "otherserial", 7: "contact", 16: "comment", 23: "manufacturers_id",
          31: "states_id", 40: "computermodels_id", 47: "uuid", 70: "users_id"}  # fmt: skip
TABLES = {"states_id": "State", "computermodels_id": "ComputerModel", "computertypes_id": "ComputerType",
          "manufacturers_id": "Manufacturer", "users_id": "User", "entities_id": "Entity",
          "autoupdatesystems_id": "AutoUpdateSystem"}  # fmt: skip
ALLOWED = ("pdf", "txt", "xml", "html", "png", "jpg", "odt", "doc", "docx", "csv", "zip")
CONTENT = {"bios", "hardware", "operatingsystem", "networks", "storages", "batteries", "versionclient", "memories", "cpus", "tag",
           "accesslog", "versionprovider", "drives"}  # fmt: skip


class Glpi(GlpiStore):
    """The server. `version` 11 stores `< > &` as they come."""

    def __init__(self, version: str = "10.0.12") -> None:
        super().__init__(version)
        self.enabled, self.allowed_ip, self.inventory_on = True, True, False
        self.app_token, self.tokens = "APP-TOKEN", {"USER-TOKEN": True, "USER-TOKEN-LIMITED": False}
        self.sessions: dict[str, bool] = {}
        self.session_name: Callable[[], str] = lambda: secrets.token_hex(13)
        self.upload_max = 2 << 20
        self.contents: dict[int, bytes] = {}
        self.trouble: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Glpi]:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"http{'s' if tls else ''}://localhost:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.trouble is not None and (told := await self.trouble(request)) is not None:
            return told
        try:
            if request.path == "/front/inventory.php":
                return await self._inventory(request)
            return await self._rest(request)
        except GlpiError as error:
            return error.answer

    # apirest.php

    async def _rest(self, request: web.Request) -> web.Response:
        if not self.enabled:
            raise GlpiError(400, "ERROR", "API disabled")
        parts = request.path.removeprefix("/apirest.php/").strip("/").split("/")
        if not self.allowed_ip:
            raise GlpiError(400, "ERROR_NOT_ALLOWED_IP",
                            "There isn't an active API client matching your IP address in the configuration (127.0.0.1)")  # fmt: skip
        self._app(request)
        if parts[0] == "initSession":
            return answer({"session_token": self._login(request)})
        may = self._session(request)
        body = await self._body(request)
        self.requests.append((request.method, request.path_qs, body))
        if parts[0] == "killSession":
            del self.sessions[request.headers["Session-Token"]]
            return answer(True)
        if parts[0] in ("getActiveEntities", "getGlpiConfig", "listSearchOptions"):
            return answer(self._fixed(parts[0]))
        if parts[0] == "search":
            return self._search(request)
        return self._items(request, parts, body, may)

    def _app(self, request: web.Request) -> None:
        if not self.app_token:
            return
        given = request.headers.get("App-Token")
        if given is None:
            raise GlpiError(400, "ERROR_APP_TOKEN_PARAMETERS_MISSING", "missing parameter app_token", True)
        if given != self.app_token:
            raise GlpiError(400, "ERROR_WRONG_APP_TOKEN_PARAMETER", "parameter app_token seems wrong", True)

    def _login(self, request: web.Request) -> str:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not value:
            raise GlpiError(400, "ERROR_LOGIN_PARAMETERS_MISSING",
                            "parameter(s) login, password or user_token are missing", True)  # fmt: skip
        if scheme == "Basic":
            raise GlpiError(401, "ERROR_GLPI_LOGIN", "Incorrect username or password")
        if value not in self.tokens:
            raise GlpiError(401, "ERROR_GLPI_LOGIN_USER_TOKEN", "parameter user_token seems invalid")
        session = self.session_name()
        self.sessions[session] = self.tokens[value]
        return session

    def _session(self, request: web.Request) -> bool:
        token = request.headers.get("Session-Token")
        if not token:
            raise GlpiError(400, "ERROR_SESSION_TOKEN_MISSING", "parameter session_token is missing or empty", True)
        if token not in self.sessions:
            raise GlpiError(401, "ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid")
        return self.sessions[token]

    async def _body(self, request: web.Request) -> Any:
        if request.method in ("GET", "DELETE"):
            return {}
        if request.content_type == "multipart/form-data":
            body: dict[str, Any] = {}
            async for part in await request.multipart():
                content = bytes(await part.read(decode=False))
                body[part.name or ""] = (part.filename, content) if part.filename else json.loads(content)
            return body
        text = await request.text()
        if request.content_type != "application/json":
            return {}
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise GlpiError(400, "ERROR_JSON_PAYLOAD_INVALID", "JSON payload seems not valid") from None

    def _fixed(self, name: str) -> Any:
        if name == "getActiveEntities":
            return {"active_entity": {"id": 0, "active_entity_recursive": 1, "active_entities": [{"id": 0}]}}
        if name == "getGlpiConfig":
            return {"cfg_glpi": {"version": self.version, "document_max_size": "2"}}
        names = {1: "Name", 2: "ID", 5: "Serial number", 6: "Inventory number", 31: "Status", 40: "Model", 47: "UUID"}
        return {
            str(number): {"name": said, "field": {2: "id"}.get(number, FIELDS[number])}
            for number, said in names.items()
            if number in (1, 2, 5)
        }

    # Reading.

    def _search(self, request: web.Request) -> web.Response:
        query = request.query
        number = int(query["criteria[0][field]"])
        if number not in FIELDS:
            raise GlpiError(400, "ERROR", "Bad field ID in search criteria", True)
        value, exact = query["criteria[0][value]"], query["criteria[0][searchtype]"] == "equals"
        deleted = query.get("is_deleted") == "1"
        found = [
            each for each in self.items["Computer"].values()
            if bool(each["is_deleted"]) == deleted and matches(self._shown(each, number), f"^{value}$" if exact else value)
        ]  # fmt: skip
        found.sort(key=lambda each: str(each["name"] or ""))
        shown = {1, 2, number} | {int(value) for key, value in query.items() if key.startswith("forcedisplay")}
        rows = [{str(key): self._shown(each, key) for key in sorted(shown)} for each in found]
        return self._ranged(request, rows, search=True)

    def _shown(self, each: dict[str, Any], number: int) -> Any:
        name = FIELDS[number]
        return self._name(name, each[name]) or None if name in TABLES else each[name]

    def _name(self, key: str, value: Any) -> Any:
        """A dropdown's name; 0 stays 0 [029]."""
        item = self.items[TABLES[key]].get(value)
        return value if item is None else item["name"]

    def _ranged(self, request: web.Request, rows: list[Any], search: bool = False) -> web.Response:
        first, last = (int(part) for part in request.query.get("range", "0-999").split("-"))
        total = len(rows)
        if first and first >= total:
            raise GlpiError(
                400, "ERROR_RANGE_EXCEED_TOTAL", f"Provided range exceed total count of data: {total}", True
            )
        part = rows[first : last + 1]
        span = f"{first}-{first + len(part) - 1}/{total}"
        headers = {"Accept-Range": "Computer 1000"} | ({"Content-Range": span} if part else {})
        status = 206 if len(part) < total else 200
        if not search:
            return answer(part, status, **headers)
        data = {"totalcount": total, "count": len(part), "content-range": span} | ({"data": part} if part else {})
        return answer(data, status, **headers)

    def _items(self, request: web.Request, parts: list[str], body: Any, may: bool) -> web.Response:
        kind = parts[0]
        if kind not in KINDS:
            raise GlpiError(
                400,
                "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM",
                "resource not found or not an instance of CommonDBTM",
                True,
            )
        number = int(parts[1]) if len(parts) > 1 else None
        if request.method == "GET":
            return self._get(request, kind, number, parts[2:])
        if not may:
            code = "ERROR_GLPI_ADD" if request.method == "POST" else "ERROR_GLPI_UPDATE"
            raise GlpiError(400, code, "You don't have permission to perform this action.")
        if request.method == "POST":
            return self._document(body) if "uploadManifest" in body else self._post(kind, body)
        return self._put(request.method, kind, number, body)

    def _get(self, request: web.Request, kind: str, number: int | None, rest: list[str]) -> web.Response:
        if rest:
            found = [
                each
                for each in self.items[rest[0]].values()
                if each.get("items_id") == number and each.get("itemtype") == kind
            ]
            return self._ranged(request, found)
        if number is None:
            wanted = {key[11:-1]: value for key, value in request.query.items() if key.startswith("searchText[")}
            rows = [
                each for each in self.items[kind].values()
                if not each.get("is_deleted") and all(matches(each.get(key), value) for key, value in wanted.items())
            ]  # fmt: skip
            return self._ranged(request, rows)
        if number not in self.items[kind]:
            raise GlpiError(404, "ERROR_ITEM_NOT_FOUND", "Item not found")
        each = dict(self.items[kind][number])
        if kind == "Document" and request.headers.get("Accept") == "application/octet-stream":
            return web.Response(body=self.contents.get(number, b""), content_type=each["mime"])
        if request.query.get("expand_dropdowns") == "true":
            each |= {key: self._name(key, each[key]) for key in TABLES if key in each}
        return answer(
            each | self._with(request, kind, number), 200, **{"Last-Modified": "Sun, 29 Nov 2026 01:58:28 GMT"}
        )

    def _with(self, request: web.Request, kind: str, number: int) -> dict[str, Any]:
        more: dict[str, Any] = {}
        links = [
            each
            for each in self.items["Document_Item"].values()
            if each["items_id"] == number and each["itemtype"] == kind
        ]
        if request.query.get("with_documents"):
            more["_documents"] = [
                {**self.items["Document"][each["documents_id"]], "assocID": each["id"]} for each in links
            ]
        if request.query.get("with_notes"):
            notes = self.items["Notepad"].values()
            more["_notes"] = [each for each in notes if each["items_id"] == number and each["itemtype"] == kind]
        return more

    # Writing.

    def _inputs(self, body: Any) -> list[dict[str, Any]]:
        given = body.get("input") if isinstance(body, dict) else None
        if not isinstance(given, dict | list):
            raise GlpiError(400, "ERROR_BAD_ARRAY", "input parameter must be an array of objects", True)
        return given if isinstance(given, list) else [given]

    def _post(self, kind: str, body: Any) -> web.Response:
        made = [self.add(kind, each) for each in self._inputs(body)]
        told = [{"id": each["id"], "message": self._message(kind, each)} for each in made]
        places = [f"{HOST}/apirest.php/{kind}/{each['id']}" for each in made]
        many = isinstance(body["input"], list)
        return answer(
            told if many else told[0], 201, **({"Link": ",".join(places)} if many else {"Location": places[0]})
        )

    @staticmethod
    def _message(kind: str, each: dict[str, Any]) -> str:
        if kind == "Notepad":
            return ""
        unnamed = "Document item" if kind == "Document_Item" else kind
        return f"Item successfully added: {each.get('name') or unnamed + ' - ID ' + str(each['id'])}"

    def _put(self, method: str, kind: str, number: int | None, body: Any) -> web.Response:
        if method == "DELETE":
            self.items[kind][number or 0]["is_deleted"] = 1
            if kind == "Document":
                del self.items[kind][number or 0]
            return answer([{str(number): True, "message": ""}])
        inputs = [{"id": number, **each} if number is not None else each for each in self._inputs(body)]
        done = [each["id"] for each in inputs if self._change(kind, each)]
        told = [{str(each): True, "message": ""} for each in done]
        if not done:
            raise GlpiError(400, "ERROR_GLPI_UPDATE", None)
        return answer(told) if len(done) == len(inputs) else answer(["ERROR_GLPI_PARTIAL_UPDATE", told], 207)

    def _document(self, body: dict[str, Any]) -> web.Response:
        """A refused file is a document without one, and 201 all the same [071] [073]."""
        name, content = body["filename[0]"]
        given = body["uploadManifest"]["input"]
        made = self.add("Document", {"name": given["name"]})
        prefix = f"{secrets.token_hex(7)}.{secrets.randbelow(10**8):08}"
        told: dict[str, Any] = {"name": prefix + name, "prefix": prefix, "display": name}
        if len(content) > self.upload_max:
            told |= {
                "size": 0,
                "type": "",
                "error": "The uploaded file exceeds the upload_max_filesize directive in php.ini",
            }
        elif name.rpartition(".")[2].lower() not in ALLOWED:
            told |= {"size": len(content), "error": "Filetype not allowed"}
        else:
            told |= {"size": len(content)}
            made |= {"filename": name, "mime": "application/pdf", "sha1sum": hashlib.sha1(content).hexdigest()}
            self.contents[made["id"]] = content
        place = f"{HOST}/apirest.php/Document/{made['id']}"
        said = {
            "id": made["id"],
            "message": f"Item successfully added: {made['name']}",
            "upload_result": {"filename": [told]},
        }
        return answer(said, 201, Location=place)

    # front/inventory.php

    async def _inventory(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, content_type="text/html")
        if not self.inventory_on:
            return web.Response(text="Inventory is disabled", content_type="text/html")
        try:
            document = json.loads(await request.text())
        except json.JSONDecodeError:
            return self._refusal("JSON not well formed!")
        self.requests.append(("POST", request.path, document))
        action = document.get("action", "inventory")
        if action == "contact":
            return self._agent(request, {"tasks": {"inventory": {"server": "glpi", "version": self.version}}})
        if action != "inventory":
            return self._refusal(f"Query '{action}' is not supported.", 501)
        if told := self._violation(document):
            return self._refusal(f"JSON does not validate. Violations:\n{told}")
        self._take(document["content"])
        return self._agent(request, {}) if "GLPI-Agent-ID" in request.headers else answer({"RESPONSE": "SEND"})

    def _agent(self, request: web.Request, more: dict[str, Any]) -> web.Response:
        agent = request.headers.get("GLPI-Agent-ID", "")
        return answer({"expiration": "24", "status": "ok", **more}, 200, **{"GLPI-Agent-ID": agent})

    @staticmethod
    def _refusal(text: str, status: int = 400) -> web.Response:
        said = text if len(text) <= 250 else f"{text[:250]}&nbsp;(...)"
        return answer({"status": "error", "message": said, "expiration": 24}, status)

    @staticmethod
    def _violation(document: dict[str, Any]) -> str:
        content = document.get("content", {})
        for key, where, place in (("deviceid", document, "#"), ("versionclient", content, "#->properties:content")):
            if key not in where:
                data = json.dumps(where, separators=(",", ":"))
                return f"Required property missing: {key}, data: {data}" + (f" at {place}\n" if place != "#" else "\n")
        unknown = set(content) - CONTENT
        return f"Additional properties not allowed: {', '.join(unknown)} at #->properties:content\n" if unknown else ""


def matches(value: Any, wanted: str) -> bool:
    """`contains` ignores case; ^ and $ bind it to the ends [032]."""
    text, core = str(value or "").lower(), wanted.lower()
    begin, end = core.startswith("^"), core.endswith("$")
    core = core.removeprefix("^").removesuffix("$")
    if begin and end:
        return text == core
    return text.startswith(core) if begin else text.endswith(core) if end else core in text
