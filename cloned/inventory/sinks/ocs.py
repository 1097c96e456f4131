"""OCS Inventory NG, spoken to as its own agents do: zlib and XML, one INVENTORY for each result.

The DEVICEID alone says which computer it is, so the one that was sent first is kept for a laptop for ever. TAG and
account fields are taken at the first inventory only; what the server answers with says whether it took them. The
verdict of each cloning is HARDWARE/DESCRIPTION, which is always overwritten. What it does was recorded (ocs.toml).
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from urllib.parse import quote
from xml.etree import ElementTree

from cloned.destinations import OcsSettings
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.entries import EntrySink
from cloned.inventory.sinks.http import NOT_THE_RECORDS, HttpPeer
from cloned.inventory.sinks.record import ResultRecord, usable
from cloned.inventory.sinks.templates import template
from cloned.inventory.sinks.told import Expectation, KnownThere, Receipt
from cloned.json_data import JsonObject, as_object
from cloned.saying import Phrase

LONGEST = 255
"""Characters of a value; what is longer is cut without a word [029]."""
LOCKED_SECONDS = 60.0
"""How long we wait where another request holds the computer: ten minutes at most [030]."""
LARGEST_REPLY = 1 << 20
ALL_SECTIONS = "1572863"
"""A mask of what changed since the last time. Without it server 2.8.1 makes broken SQL and answers 500."""


class Ocs(EntrySink):
    """Raises UsageError where a template is none or the certificate cannot be read."""

    seconds = 30.0

    def __init__(self, settings: OcsSettings, around: Surroundings | None = None) -> None:
        self.settings = settings
        password = settings.password.get_secret_value()
        auth = basic(settings.user, password) if settings.user else {}
        self.peer = HttpPeer(settings.url, headers={"Accept": "*/*", **auth}, ca=settings.ca)
        super().__init__(settings.name, self.peer.base, around)
        self.api = HttpPeer(settings.api, headers=auth, ca=settings.ca) if settings.api else None
        self.peer.hush.never(password, *auth.values())
        self._texts = {
            name: template(self.name, text)
            for name, text in {"TAG": settings.tag, **settings.fields}.items()
        }  # fmt: skip
        self._description = template(self.name, settings.description)

    async def close(self) -> None:
        """Close the connections."""
        await self.peer.close()
        if self.api is not None:
            await self.api.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Send the inventory and look at the answer. Raises Unavailable or Refused."""
        record = self.record(delivery)
        device = await self._device(delivery, record)
        account, description = self._account(record), self._description.fill(record)
        answer = await self.peer.ask(
            "POST", "", json_only=False, data=zlib.compress(request(record, device, account, description)),
            headers={"Content-Type": "application/x-compress"},
        )  # fmt: skip
        self._judge(answer.status)
        said = untaken(reply_of(answer.raw), account)
        said += [_kept(name) for name in await self.gone(record, self._texts)]
        said += await self._read_back(device, record)
        return Receipt(tuple(said), str(record.get("tag") or ""))

    def tells_erasures(self) -> bool:
        """It has nowhere to put one."""
        return False

    async def _device(self, delivery: Delivery, record: ResultRecord) -> str:
        return await self.around.memory.keep(self.name, delivery.laptop, device_id(record))

    def _account(self, record: ResultRecord) -> dict[str, str]:
        filled = {name: each.fill(record)[:LONGEST].strip() for name, each in self._texts.items()}
        return {name: value for name, value in filled.items() if value}

    @staticmethod
    def _judge(status: int) -> None:
        if status == 401:
            raise Unavailable(
                "the web server of OCS asks for another name or password: set `user` and `password`", 120.0
            )
        if status == 403:
            raise Unavailable("OCS is busy with this computer: it is locked for ten minutes at most", LOCKED_SECONDS)
        if status == 404:
            raise Unavailable("there is no OCS at this address: `url` ends in /ocsinventory, as a rule", 120.0)
        if status == 400:
            raise SinkRefused("OCS refused the inventory (400): see /var/log/ocsinventory-server there")
        if status >= 500 or status in NOT_THE_RECORDS:
            raise Unavailable(Phrase("OCS answered {status}: see the log of Apache there", status=status))
        if status >= 400:
            raise SinkRefused(Phrase("OCS refused the inventory ({status})", status=status))

    # Its REST service, where there is one: the only way to see what it keeps.

    async def _read_back(self, device: str, record: ResultRecord) -> list[str]:
        """What it does not have as it was sent. Raises Refused where the computer is not there at all."""
        if self.api is None:
            return []
        found = await self._numbers("deviceid", device)
        if len(found) != 1:
            raise SinkRefused(
                Phrase(
                    "OCS took the inventory, but has {count} computers called {device}: see the log of Apache",
                    count=len(found),
                    device=device,
                )
            )
        bios = await self._section(found[0], "bios")
        wanted = record["serial"][:LONGEST]
        if wanted and str(bios.get("SSN") or "").strip() != wanted:
            raise SinkRefused(
                Phrase(
                    "OCS did not keep what it took: the serial of {device} does not read as it was written",
                    device=device,
                )
            )
        return []

    async def _numbers(self, key: str, value: str) -> list[int]:
        assert self.api is not None, "asked before"
        answer = await self.api.ask("GET", f"/v1/computers/search?{key}={quote(value, safe='')}")
        if answer.status >= 400 or not isinstance(answer.body, list):
            raise Unavailable(
                Phrase("the REST service of OCS answered {status}: is `api` right?", status=answer.status)
            )
        return [int(each[0]) for each in answer.body if isinstance(each, list) and each]

    async def _section(self, number: int, name: str) -> JsonObject:
        """One section of a computer: JSON within a JSON text [043]."""
        assert self.api is not None, "asked before"
        answer = await self.api.ask("GET", f"/v1/computer/{number}/{name}")
        try:
            body = as_object(json.loads(answer.body) if isinstance(answer.body, str) else answer.body)
            rows = as_object(body[str(number)])[name]
            return as_object(rows[0] if isinstance(rows, list) else rows)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise Unavailable("the REST service of OCS answered something of another form than expected") from error

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        """It can't be asked by serial; a laptop is only known by the name that we gave it."""
        return None

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """Whether somebody answers there; nothing is sent."""
        lines: list[Expectation] = []
        try:
            answer = await self.peer.ask("GET", "", json_only=False)
            if answer.status in (401, 404) or answer.status >= 502:
                self._judge(answer.status)
            lines.append(
                Expectation(
                    Phrase("server"), "ok", Phrase("somebody answers there ({status} to a GET)", status=answer.status)
                )
            )
            if self.api is None:
                lines.append(Expectation("api", "ok", Phrase("none is set: what OCS keeps cannot be read back")))
            else:
                await self._numbers("name", "cloned")
                lines.append(Expectation("api", "ok", self.settings.api))
            if delivery is not None:
                lines += await self._laptop(delivery)
        except (Unavailable, SinkRefused) as error:
            lines.append(Expectation("OCS", "missing", str(error)))
        return lines

    async def _laptop(self, delivery: Delivery) -> list[Expectation]:
        record = self.record(delivery)
        device = await self._device(delivery, record)
        known = [] if self.api is None else await self._numbers("deviceid", device)
        line = Expectation(Phrase("computer"), "ok" if known else "create", device)
        described = Expectation(Phrase("description"), "change", f"→ {self._description.fill(record)}")
        account = [
            Expectation(
                name, "ok" if known else "create", Phrase("{value}, taken at the first inventory only", value=value)
            )
            for name, value in self._account(record).items()
        ]
        return [line, described, *account]


def _kept(name: str) -> str:
    return Phrase("OCS keeps {name} as it was: it takes it at the first inventory only", name=name)


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authentication (RFC 7617)."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def device_id(record: ResultRecord) -> str:
    """`PF0AAAA1-2026-11-28-19-04-05`: made once, then kept. Another form is refused [005]."""
    name = usable(record.get("serial")) or str(record.get("uuid") or record["laptop"])
    at = re.findall(r"\d+", str(record.get("at") or ""))[:6]
    stamp = "-".join(at) if len(at) == 6 else "1970-01-01-00-00-00"
    return f"{re.sub(r'[^A-Za-z0-9_.]+', '-', name).strip('-')[:60] or 'laptop'}-{stamp}"


def request(record: ResultRecord, device: str, account: Mapping[str, str], description: str) -> bytes:
    """An INVENTORY. Only what a result knows: an unknown section is ignored there, an empty one would blank what is."""
    root = ElementTree.Element("REQUEST")
    content = ElementTree.SubElement(root, "CONTENT")
    for name, value in account.items():
        _section(content, "ACCOUNTINFO", KEYNAME=name, KEYVALUE=value)
    vendor, product = record.get("vendor"), record.get("product")
    _section(content, "BIOS", SMANUFACTURER=vendor, SMODEL=product, SSN=record["serial"], TYPE="Notebook")
    _section(
        content, "HARDWARE", NAME=record.get("tag") or record["serial"] or record["laptop"], UUID=record.get("uuid"),
        DESCRIPTION=description, OSNAME=record.get("image"), CHECKSUM=ALL_SECTIONS,
    )  # fmt: skip
    for number, mac in enumerate(record.get("macs") or []):
        _section(content, "NETWORKS", DESCRIPTION=f"eth{number}", MACADDR=mac, TYPE="Ethernet", STATUS="Up")
    disk = record.get("disk") or {}
    if disk.get("serial") or disk.get("model"):
        size = str(int(disk.get("size") or 0) >> 20)
        _section(
            content,
            "STORAGES",
            NAME="disk",
            MODEL=disk.get("model"),
            SERIALNUMBER=disk.get("serial"),
            DISKSIZE=size,
            TYPE="disk",
        )
    ElementTree.SubElement(content, "VERSIONCLIENT").text = "cloned"
    ElementTree.SubElement(root, "DEVICEID").text = device
    ElementTree.SubElement(root, "QUERY").text = "INVENTORY"
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _section(content: ElementTree.Element, name: str, **values: object) -> None:
    section = ElementTree.SubElement(content, name)
    for key, value in values.items():
        text = "".join(char for char in str(value or "") if char.isprintable())[:LONGEST]
        if text:
            ElementTree.SubElement(section, key).text = text


def reply_of(raw: bytes) -> ElementTree.Element:
    """The answer, packed or plain under the same content type [026]. Raises Unavailable where it is none."""
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(raw, LARGEST_REPLY)
    except zlib.error:
        text = raw
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:  # no reply has one, and entities can grow without end
        raise Unavailable("OCS answered with a page: is `url` the address of its server, not of its web interface?")
    try:
        reply = ElementTree.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ElementTree.ParseError as error:
        raise Unavailable("the answer is not one of OCS: is `url` the address of its server?") from error
    if reply.tag != "REPLY":
        raise Unavailable("the answer is not one of OCS: is `url` the address of its server?")
    return reply


def untaken(reply: ElementTree.Element, account: Mapping[str, str]) -> list[str]:
    """What the server answers with other values of its own, or not at all; its own values are not repeated."""
    if (reply.findtext("RESPONSE") or "").strip() != "ACCOUNT_UPDATE":
        return []
    has = {
        (each.findtext("KEYNAME") or "").strip(): (each.findtext("KEYVALUE") or "").strip()
        for each in reply.findall("ACCOUNTINFO")
    }  # fmt: skip
    names = [name for name, value in account.items() if has.get(name) != value]
    return [
        Phrase("OCS keeps another {name} than ours: it takes it at the first inventory only", name=name)
        for name in names
    ]


def made(settings: OcsSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    return Ocs(settings, around)
