"""An eReuse DeviceHub (the Django one, July 2026) that behaves as recorded (devicehub-django.jsonl)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

HOST = "http://127.0.0.1:8806"
TOKEN = "5018dd65-9abd-4a62-8896-80f34ac66150"
CRASH = '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n'


def detail(text: Any, status: int) -> web.Response:
    return web.json_response({"detail": text}, status=status)


def crash() -> web.Response:
    return web.Response(text=CRASH, status=500, content_type="text/html")


def broken(text: str) -> web.Response:
    return web.json_response({"error": "Invalid snapshot structure", "details": text}, status=422)


class DeviceHub:
    def __init__(self) -> None:
        self.token = TOKEN
        self.snapshots: dict[str, Any] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.lots: dict[int, dict[str, Any]] = {1: {"id": 1, "name": "november batch", "devices": []}}
        self.trouble: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[DeviceHub]:
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
        if not request.path.endswith("/") and not request.path.endswith(".json"):
            return web.Response(status=301, headers={"Location": request.path + "/"}, content_type="text/html")
        if request.path == "/api/v1/snapshot/" and request.method != "POST":
            return web.Response(status=405, text="Method not allowed", content_type="text/html")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and not re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", token):
            return crash()  # it is put into the query as it came [003]
        if token != self.token:
            return detail("Unauthorized", 401)
        try:
            body = json.loads(await request.text()) if request.method == "POST" else None
        except json.JSONDecodeError:
            return detail("Cannot parse request body", 400)
        self.requests.append((request.method, request.path_qs, body))
        return self._route(request, body)

    def _route(self, request: web.Request, body: Any) -> web.Response:
        parts = request.path.removeprefix("/api/v1/").strip("/").split("/")
        match parts:
            case ["snapshot"]:
                return self._snapshot(body)
            case ["devices"]:
                return web.json_response(paged([each for each in self.devices.values() if self._asked(request, each)]))
            case ["devices", "properties", "keys"]:
                return web.json_response(
                    sorted({key for each in self.devices.values() for key in each["user_properties"]})
                )
            case ["devices", "bulk-properties"]:
                return self._bulk(body)
            case ["devices", "devices", short, "properties", key]:
                return self._property(request.method, short, key, body)
            case ["devices", short, "logs"]:
                device = self._device(short)
                return detail("Device does not exist", 404) if device is None else web.json_response({"device": device})
            case ["lots", lot, "devices"]:
                return self._lot(request.method, lot, body)
        return web.json_response({})

    def _snapshot(self, body: Any) -> web.Response:
        if not isinstance(body, dict):
            return detail(
                [{"type": "dict_type", "loc": ["body", "data"], "msg": "Input should be a valid dictionary"}], 422
            )
        number = body.get("uuid")
        if not number:
            return broken(f"snapshot without UUID. Software {body.get('software')}")
        try:
            uuid.UUID(number)
        except ValueError:
            return crash()
        if number in self.snapshots:
            return web.json_response(
                {"error": "Snapshot already exists", "details": f"UUID {number} is already registered"}, status=409
            )
        data = body.get("data") or {}
        if "device" not in body and "inxi" not in data:
            return broken("snapshot without dmidecode and inxi datas")
        told = from_device(body["device"]) if "device" in body else from_inxi(data["inxi"])
        if told is None:
            return broken("'NoneType' object is not iterable")
        self.snapshots[number] = body
        return self._kept(told)

    def _kept(self, told: dict[str, str]) -> web.Response:
        hid = (
            "ereuse24:"
            + hashlib.sha3_256(
                "".join(told[key] for key in ("manufacturer", "model", "chassis", "serial", "mac")).encode()
            ).hexdigest()
        )
        short = hid[9:15].upper()
        device = self.devices.setdefault(hid, {
            "ID": hid, "shortId": short, "type": "Laptop" if told["serial"] else "", "manufacturer": told["manufacturer"],
            "model": told.get("shown", told["model"]), "serial": told["serial"], "user_properties": {}, "current_state": "",
        })  # fmt: skip
        url = f"{HOST}/device/{device['ID']}/"
        return web.json_response({"status": "success", "dhid": short, "url": url, "public_url": f"{url}public/"})

    @staticmethod
    def _asked(request: web.Request, each: dict[str, Any]) -> bool:
        """Full text, and by property."""
        words = " ".join(str(each[key]) for key in ("shortId", "serial", "model", "manufacturer")).lower()
        key = request.query.get("prop_key")
        return request.query.get("q", "").lower() in words and (
            key is None or each["user_properties"].get(key) == request.query.get("prop_value")
        )

    def _device(self, short: str) -> dict[str, Any] | None:
        return next((each for each in self.devices.values() if each["shortId"] == short), None)

    def _property(self, method: str, short: str, key: str, body: Any) -> web.Response:
        device = self._device(short)
        if device is None:
            return detail("Device does not exist", 404)
        if method == "GET":
            if key not in device["user_properties"]:
                return detail("Property not found", 404)
            return told_property(device, key, None, 200)
        value = body.get("value")
        if not isinstance(value, str):
            return detail(
                [{"type": "string_type", "loc": ["body", "data", "value"], "msg": "Input should be a valid string"}],
                422,
            )
        if not value:
            said = {
                "type": "string_too_short",
                "loc": ["body", "data", "value"],
                "msg": "String should have at least 1 character",
            }
            return detail([{**said, "ctx": {"min_length": 1}}], 422)
        new = key not in device["user_properties"]
        device["user_properties"][key] = value
        if len(value) > 255:
            return crash()  # and kept all the same [031]
        return told_property(device, key, "created" if new else "updated", 201 if new else 200)

    def _bulk(self, body: Any) -> web.Response:
        known = [each for each in map(self._device, body["device_ids"]) if each]
        for each in known:
            each["user_properties"][body["key"]] = body["value"]
        wrong = [short for short in body["device_ids"] if self._device(short) is None]
        said = {"success": True, "processed_ids": [each["ID"] for each in known], "invalid_ids": wrong,
                "message": "Some IDs were invalid or ambiguous"}  # fmt: skip
        return web.json_response(said, status=207)

    def _lot(self, method: str, name: str, body: Any) -> web.Response:
        lot = next((each for each in self.lots.values() if name in (str(each["id"]), each["name"])), None)
        if lot is None:
            return detail("Lot not found", 404)
        if method == "GET":
            shown = {"id": lot["id"], "name": lot["name"]}
            return web.json_response({"lot": shown, **paged([self.devices[each] for each in lot["devices"]])})
        known = [each["ID"] for each in map(self._device, body["device_ids"]) if each]
        wrong = [short for short in body["device_ids"] if self._device(short) is None]
        lot["devices"] += [each for each in known if each not in lot["devices"]]
        said = "Some id's were invalid" if wrong else "All devices assigned successfully"
        told = {"success": True, "processed_ids": known, "invalid_ids": wrong, "message": said}
        return web.json_response(told, status=207 if wrong else 200)


def paged(devices: list[dict[str, Any]]) -> dict[str, Any]:
    pages = {"total_items": len(devices), "total_pages": 1, "current_page": 1, "page_size": 50}
    return {"pagination": pages, "devices": devices}


def told_property(device: dict[str, Any], key: str, action: str | None, status: int) -> web.Response:
    shown = {"device_id": device["ID"], "key": key, "value": device["user_properties"][key]}
    return web.json_response({"status": "success", "property": shown, "action": action}, status=status)


def from_device(device: dict[str, Any]) -> dict[str, str]:
    """The Workbench 11 shape: no MAC, which is read from debug.lshw only [018]."""
    return {"manufacturer": device["manufacturer"], "model": device["model"], "chassis": device["chassis"],
            "serial": device["serialNumber"], "mac": "", "shown": f"{device['model']} {device['version']}"}  # fmt: skip


def from_inxi(text: str) -> dict[str, str] | None:
    """What its parser takes out of inxi's JSON; from what it cannot read, nothing, and that is a device too [013]."""
    told = dict.fromkeys(("manufacturer", "model", "chassis", "serial", "mac"), "")
    try:
        sections = json.loads(text)
    except json.JSONDecodeError:
        return told
    found = {plain(key): value for section in sections for key, value in section.items()}
    if "Machine" not in found:
        return None
    machine = {plain(key): value for key, value in found["Machine"][0].items()}
    told |= {
        "manufacturer": machine.get("System", ""),
        "model": machine.get("product", ""),
        "serial": machine.get("serial", ""),
    }
    told["chassis"] = machine.get("Type", "")
    port = False
    for line in found.get("Network", []):
        values = {plain(key): value for key, value in line.items()}
        port = port or "port" in values
        if port and "mac" in values and not told["mac"]:
            told["mac"] = values["mac"]
    return told


def plain(key: str) -> str:
    """`004#0#3#serial` → `serial`."""
    return key.rpartition("#")[2]
