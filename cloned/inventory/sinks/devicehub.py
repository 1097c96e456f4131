"""eReuse DeviceHub, the Django one: a snapshot for each result, and what came of it as properties.

It has no interface for states, notes or files, so image, hash, verdict, erasure and the address of our own page are
properties. Another MAC would make another device of the same laptop: the first that was sent is kept for ever. What
it does was recorded (devicehub.toml); the numbers in brackets name exchanges.
"""

from __future__ import annotations

from typing import Unpack
from urllib.parse import quote, urlencode

from cloned.destinations import DeviceHubSettings
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.devicehub_snapshot import NOBODY, identity, short, snapshot
from cloned.inventory.sinks.entries import EntrySink
from cloned.inventory.sinks.http import NOT_THE_RECORDS, HttpPeer, RequestParts
from cloned.inventory.sinks.record import ResultRecord, filled, of_erasures, usable
from cloned.inventory.sinks.templates import template
from cloned.inventory.sinks.told import Expectation, KnownThere, Receipt
from cloned.json_data import JsonObject, as_object
from cloned.saying import Phrase

LONGEST = 200
"""Characters of a property: from 255 on it answers 500, though it keeps it [031]."""


class DeviceHub(EntrySink):
    """Raises UsageError where a template is none or the certificate cannot be read."""

    seconds = 60.0

    def __init__(self, settings: DeviceHubSettings, around: Surroundings | None = None) -> None:
        token = settings.token.get_secret_value()
        self.settings = settings
        self.peer = HttpPeer(settings.url, headers={"Authorization": f"Bearer {token}"}, ca=settings.ca)
        super().__init__(settings.name, self.peer.base, around)
        self.peer.hush.never(token)
        self._fields = {name: template(self.name, text) for name, text in settings.fields.items()}

    async def close(self) -> None:
        """Close the connections."""
        await self.peer.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Send the snapshot, then what differs of the properties. Raises Unavailable or Refused."""
        record = self.record(delivery)
        async with self._lock:
            device = await self._snapshot(delivery, record)
            has = await self._device(record["serial"], device)
            for name, value in self._wanted(record).items():
                if has.get(name) != value:
                    await self._property(device, name, value)
            if self.settings.lot:
                await self._lot(device)
        said = tuple(_kept(name) for name in await self.gone(record, self._fields) if has.get(name))
        return Receipt(said, "", f"{self.peer.base}/device/{identity(record, await self._mac(delivery, record))}/")

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        """What it knows of a serial; it has neither numbers nor loans. Raises Unavailable."""
        if not usable(serial):
            return KnownThere(0)
        try:
            found = await self._search(serial.strip())
        except SinkRefused as refusal:
            raise Unavailable(str(refusal)) from refusal
        if not found:
            return KnownThere(0)
        said = (
            (Phrase("{count} devices have this serial, one for each MAC it was seen with", count=len(found)),)
            if found[1:]
            else ()
        )
        first = found[0]
        return KnownThere(
            len(found), "", str(first.get("model") or ""), str(first.get("current_state") or ""), False, said
        )

    def tells_erasures(self) -> bool:
        """Where a property of them is asked for."""
        return of_erasures(self._fields.values())

    def record(self, delivery: Delivery) -> ResultRecord:
        """The record that templates look into. Raises Refused without a usable serial."""
        record = super().record(delivery)
        if not record["serial"]:
            raise SinkRefused("it has no usable serial: DeviceHub would make one device of all such laptops")
        return record

    async def _mac(self, delivery: Delivery, record: ResultRecord) -> str:
        """The card it is known by, for ever the one that was sent first [008]."""
        return await self.around.memory.keep(f"{self.name}-mac", delivery.laptop, str(record.get("mac") or ""))

    def _wanted(self, record: ResultRecord) -> dict[str, str]:
        values = {name: value[:LONGEST].strip() for name, value in filled(record, self._fields).items()}
        return {name: value for name, value in values.items() if value}

    async def _ask(self, method: str, path: str, **given: Unpack[RequestParts]) -> tuple[int, object]:
        """An exchange; its path must end in a slash [004]."""
        answer = await self.peer.ask(method, f"/api/v1/{path}", **given)
        if answer.status == 401:
            raise Unavailable("DeviceHub does not accept the token: set `token`", 120.0)
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(Phrase("DeviceHub answered {status}", status=answer.status), answer.after)
        if answer.status in NOT_THE_RECORDS - {404}:  # which is an answer where something is looked for
            said = Phrase("DeviceHub answered {status}: check `url`, and what the token may do", status=answer.status)
            raise Unavailable(said, answer.after)
        if answer.status >= 400 and answer.status not in (404, 409):
            raise SinkRefused(
                Phrase(
                    "DeviceHub did not take it ({status}): {body}", status=answer.status, body=self._words(answer.body)
                )
            )
        if not isinstance(answer.body, dict | list):
            raise Unavailable(
                Phrase("{base} answered something else than DeviceHub does: check `url`", base=self.peer.base)
            )
        return answer.status, answer.body

    def _words(self, body: object) -> str:
        told = (body.get("details") or body.get("detail")) if isinstance(body, dict) else body
        if isinstance(told, list):
            told = "; ".join(str(each.get("msg")) for each in told if isinstance(each, dict))
        return self.peer.hush.clean(told, 200)

    async def _snapshot(self, delivery: Delivery, record: ResultRecord) -> str:
        """Send it; a 409 means that it is there already [006]. Returns the short id."""
        mac = await self._mac(delivery, record)
        status, body = await self._ask("POST", "snapshot/", json=snapshot(record, delivery.key, mac))
        if status == 409:
            return short(identity(record, mac))
        device = str(body.get("dhid") or "") if isinstance(body, dict) else ""
        if status == 404 or not device:
            raise Unavailable(
                Phrase("{base} answered something else than DeviceHub does: check `url`", base=self.peer.base)
            )
        if device == NOBODY:
            raise SinkRefused(
                Phrase("DeviceHub could not read the snapshot and made it the device {device}", device=device)
            )
        return device

    async def _search(self, serial: str) -> list[JsonObject]:
        """Full text there, so compared here [022]."""
        _, body = await self._ask("GET", f"devices/?{urlencode({'q': serial})}")
        devices = body.get("devices") if isinstance(body, dict) else None
        if not isinstance(devices, list):
            raise Unavailable(Phrase("{base} answered a list of another form than expected", base=self.peer.base))
        found: list[JsonObject] = [
            each for each in devices if isinstance(each, dict) and str(each.get("serial")).strip() == serial
        ]
        self.peer.hush.learn(value for each in found for value in as_object(each.get("user_properties") or {}).values())
        return found

    async def _device(self, serial: str, device: str) -> JsonObject:
        """Its properties now. Raises Refused where the snapshot made no device."""
        for each in await self._search(serial):
            if each.get("shortId") == device:
                return as_object(each.get("user_properties") or {})
        raise SinkRefused(
            Phrase(
                "DeviceHub took the snapshot and has no device {device} with the serial {serial}",
                device=device,
                serial=serial,
            )
        )

    async def _property(self, device: str, name: str, value: str) -> None:
        """Set it and read it back. The path says `devices` twice [025]."""
        path = f"devices/devices/{device}/properties/{quote(name, safe='')}/"
        await self._ask("POST", path, json={"value": value})
        _, body = await self._ask("GET", path)
        kept = (body.get("property") or {}).get("value") if isinstance(body, dict) else None
        if kept != value:
            raise SinkRefused(
                Phrase(
                    "DeviceHub did not keep what it took: the property {name} does not read as it was written",
                    name=name,
                )
            )

    async def _lot(self, device: str) -> None:
        """Put it into the lot; again is no harm [041]."""
        lot = self.settings.lot
        if not lot.isdecimal():
            status, body = await self._ask("GET", f"lots/{quote(lot, safe='')}/devices/")
            if status == 404 or not isinstance(body, dict):
                raise SinkRefused(
                    Phrase('there is no lot "{lot}" in DeviceHub: make it there; all else is written', lot=lot)
                )
            if any(each.get("shortId") == device for each in body.get("devices") or []):
                return
            lot = str((body.get("lot") or {}).get("id"))
        status, body = await self._ask("POST", f"lots/{lot}/devices/", json={"device_ids": [device]})
        if status == 404 or (isinstance(body, dict) and body.get("invalid_ids")):
            raise SinkRefused(
                Phrase("DeviceHub did not put it into the lot {lot}: {body}", lot=lot, body=self._words(body))
            )

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """What would be found, created and changed; writes nothing."""
        lines: list[Expectation] = []
        try:
            await self._ask("GET", "devices/?q=cloned")
            lines.append(Expectation(Phrase("server"), "ok", Phrase("DeviceHub, and it accepts the token")))
            if self.settings.lot and not self.settings.lot.isdecimal():
                status, _ = await self._ask("GET", f"lots/{quote(self.settings.lot, safe='')}/devices/")
                there = status != 404
                lines.append(
                    Expectation(
                        Phrase("lot"),
                        "ok" if there else "missing",
                        self.settings.lot,
                        "" if there else Phrase("make it"),
                    )
                )
            if delivery is not None:
                lines += await self._rehearsed(delivery)
        except (SinkRefused, Unavailable) as error:
            lines.append(Expectation("DeviceHub", "missing", str(error)))
        return lines

    async def _rehearsed(self, delivery: Delivery) -> list[Expectation]:
        record = self.record(delivery)
        found = await self._search(record["serial"])
        ids = ", ".join(str(each.get("shortId")) for each in found)
        has = as_object(found[0].get("user_properties") or {}) if len(found) == 1 else {}
        line = Expectation(
            Phrase("device"),
            "ok" if found else "create",
            ids or Phrase("for the serial {serial}", serial=record["serial"]),
        )
        wanted = self._wanted(record)
        return [line] + [
            Expectation(Phrase("property {name}", name=name), "change", f"→ {value}")
            for name, value in wanted.items()
            if has.get(name) != value
        ]


def made(settings: DeviceHubSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    return DeviceHub(settings, around)


def _kept(name: str) -> str:
    """It takes no empty text [029], and that its API takes one away was not seen."""
    return Phrase("DeviceHub keeps the property {name} as it was: take it away there", name=name)
