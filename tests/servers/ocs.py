"""An OCS Inventory server 2.8.1 that behaves as recorded (ocs.jsonl): zlib and XML, DEVICEID is all that identifies."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

AGENT = re.compile(r"^OCS-NG_(unified_unix_agent|WINDOWS_AGENT|windows_client|linux_client)_v")
DEVICE = re.compile(r".+-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d$")
PLACEHOLDERS = ("To Be Filled By O.E.M.", "To be filled by O.E.M.", "N/A", "(null string)", "INVALID", "SYS-1234567890")
SIGNS = {1: ("HARDWARE", "NAME"), 2: ("BIOS", "SSN"), 4: ("NETWORKS", "MACADDR")}


def page(status: int, said: str) -> web.Response:
    """Apache's own."""
    text = f'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n<html><head>\n<title>{status} {said}</title>\n</head></html>\n'
    return web.Response(status=status, text=text, content_type="text/html", charset="iso-8859-1")


class Ocs:
    """Switches: `merges` (Debian's packages never do), `level` of duplicates, `accepts_tags`, `frequency`, `locked`."""

    def __init__(self) -> None:
        self.computers: dict[str, dict[str, Any]] = {}
        self.next_id = 1
        self.merges, self.level = False, 7
        self.accepts_tags = False
        self.stop = False
        self.locked: set[str] = set()
        self.agents = [AGENT]
        self.password: tuple[str, str] | None = None
        self.trouble: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Ocs]:
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
        if self.password and request.headers.get("Authorization", "") != basic(*self.password):
            return page(401, "Unauthorized")
        if request.path.startswith(("/v1/", "/ocsapi/v1/")):
            return self._rest(request)
        return await self._agent(request)

    # What agents speak.

    async def _agent(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            text, packed = zlib.decompress(raw), True
        except zlib.error:
            text, packed = raw, False
        try:
            asked = ET.fromstring(text)
        except ET.ParseError:
            return page(500, "Internal Server Error")
        device, query = asked.findtext("DEVICEID", ""), asked.findtext("QUERY", "")
        self.requests.append((query, device, text))
        agent = request.headers.get("User-Agent", "")
        if query == "PROLOG" and not any(each.match(agent) for each in self.agents):
            return page(400, "Bad Request")
        if not DEVICE.match(device):
            return page(400, "Bad Request")
        if device in self.locked:
            return page(403, "Forbidden")
        if query == "INVENTORY" and not asked.findtext("CONTENT/HARDWARE/CHECKSUM"):
            return page(500, "Internal Server Error")  # not among the recordings: seen with Debian's packages
        reply = self._prolog() if query == "PROLOG" else self._inventory(device, asked)
        body = ET.tostring(reply, encoding="utf-8", xml_declaration=True)
        return web.Response(body=zlib.compress(body) if packed else body, content_type="application/x-compressed")

    def _prolog(self) -> ET.Element:
        reply = ET.Element("REPLY")
        ET.SubElement(reply, "RESPONSE").text = "STOP" if self.stop else "SEND"
        ET.SubElement(reply, "PROLOG_FREQ").text = "24"
        return reply

    def _inventory(self, device: str, asked: ET.Element) -> ET.Element:
        """Account values are taken at the first inventory only; later the server answers with its own [009] [021]."""
        content = asked.find("CONTENT")
        assert content is not None
        told = {(section.tag, each.tag): (each.text or "").strip()[:255] for section in content for each in section}
        account = {
            (section.findtext("KEYNAME") or "").strip(): (section.findtext("KEYVALUE") or "").strip()[:255]
            for section in content.findall("ACCOUNTINFO")
        }  # fmt: skip
        computer, merged = self._computer(device, content.findtext("OLD_DEVICEID"), told)
        first = not computer["known"]
        computer |= {"known": True, "told": told, "device": device}
        if first or (self.accepts_tags and not merged):
            computer["account"] |= account
        reply = ET.Element("REPLY")
        same = first or all(account.get(key) == value for key, value in computer["account"].items())
        ET.SubElement(reply, "RESPONSE").text = "NO_ACCOUNT_UPDATE" if same else "ACCOUNT_UPDATE"
        if reply.findtext("RESPONSE") == "ACCOUNT_UPDATE":
            for key, value in computer["account"].items():
                line = ET.SubElement(reply, "ACCOUNTINFO")
                ET.SubElement(line, "KEYNAME").text = key
                ET.SubElement(line, "KEYVALUE").text = value
        return reply

    def _computer(self, device: str, old: str | None, told: dict[tuple[str, str], str]) -> tuple[dict[str, Any], bool]:
        if device in self.computers:
            return self.computers[device], False
        gone = [
            each
            for each, computer in self.computers.items()
            if each == old or (self.merges and self._same(computer, told))
        ]
        if gone:
            kept = [self.computers.pop(each) for each in gone][-1]  # the latest one's account values stay [012]
            self.computers[device] = kept
            return kept, True
        self.computers[device] = {"id": self.next_id, "known": False, "account": {"TAG": "NA"}}
        self.next_id += 1
        return self.computers[device], False

    def _same(self, computer: dict[str, Any], told: dict[tuple[str, str], str]) -> bool:
        """All signs that the level asks for must match; placeholders never do [012] [013] [017]."""
        signs = [sign for bit, sign in SIGNS.items() if self.level & bit]
        values = [told.get(sign) for sign in signs]
        return all(value and value not in PLACEHOLDERS for value in values) and values == [
            computer["told"].get(sign) for sign in signs
        ]

    # Its REST service.

    def _rest(self, request: web.Request) -> web.Response:
        parts = request.path.removeprefix("/ocsapi").removeprefix("/v1/").split("/")
        by_id = {each["id"]: each for each in self.computers.values()}
        match parts:
            case ["computers", "listID"]:
                return web.json_response([{"ID": number} for number in sorted(by_id)])
            case ["computers", "search"]:
                return self._searched(request, by_id)
            case ["computer", number, _] if not number.isdecimal() or int(number) not in by_id:
                return web.json_response(None)  # as of a computer that is not there [042]
            case ["computer", number, section]:
                each = by_id[int(number)]
                shown = {**{section: self._section(each, section)}, "hardware": self._section(each, "hardware")[0]}
                return web.json_response(json.dumps({number: shown}))  # JSON in a JSON text [043]
            case ["computer", number]:
                return web.json_response(None) if int(number) not in by_id else page(500, "Server Error")
        return page(404, "Not Found")

    def _searched(self, request: web.Request, by_id: dict[int, dict[str, Any]]) -> web.Response:
        [(key, value)] = request.query.items()
        columns = {"name": ("HARDWARE", "NAME"), "uuid": ("HARDWARE", "UUID")}
        if key.lower() not in (*columns, "deviceid"):
            return page(500, "Server Error")
        found = [
            number for number, each in by_id.items()
            if (each["device"] if key.lower() == "deviceid" else each["told"].get(columns[key.lower()])) == value
        ]  # fmt: skip
        return web.json_response([[number] for number in found])

    @staticmethod
    def _section(each: dict[str, Any], section: str) -> list[dict[str, Any]]:
        if section == "accountinfo":
            return [{"HARDWARE_ID": each["id"], **each["account"]}]
        rows = {tag: value for (name, tag), value in each["told"].items() if name == section.upper()}
        more = {"DEVICEID": each["device"]} if section == "hardware" else {"HARDWARE_ID": each["id"]}
        return [rows | more]


def basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
