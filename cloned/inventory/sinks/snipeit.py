"""Snipe-IT: each laptop is one asset, found by its serial, with the status that its last result gives it.

By the rules of a sharing point: one asset with the serial and the same number is updated; another number, several
assets, or the number on another serial are told and nothing is touched; none is made new. What is written is read
back and compared, for a success there proves nothing. snipeit.toml says what is known of the other side.
"""

from __future__ import annotations

import asyncio
import random
import re

from cloned.destinations import CarriedValues, SnipeItSettings, StatusLabel
from cloned.inventory.sinks import snipeit_rehearsal as rehearsal
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.entries import EntrySink, named
from cloned.inventory.sinks.http import HttpPeer
from cloned.inventory.sinks.matching import MatchedEntry, choose
from cloned.inventory.sinks.record import ResultRecord, Role, filled, of_erasures, standing, usable
from cloned.inventory.sinks.snipeit_api import SnipeItApi, SnipeItError, explained
from cloned.inventory.sinks.snipeit_asset import (
    LONGEST,
    PLAIN,
    Asset,
    AssetWishes,
    changes,
    column_words,
    taken_back,
    unkept,
)
from cloned.inventory.sinks.snipeit_catalogue import Missing, SnipeItCatalogue
from cloned.inventory.sinks.snipeit_papers import SnipeItPapers
from cloned.inventory.sinks.templates import template
from cloned.inventory.sinks.told import Expectation, KnownThere, Receipt
from cloned.inventory.sinks.withdrawal import left_alone
from cloned.json_data import JsonObject, as_int, as_object, as_objects
from cloned.saying import Phrase, chained

TRIES = 5
"""Parallel creation fails there on its own number [197]: how often we try."""
KINDS_OF = {"company_id": "companies", "rtd_location_id": "locations"}
NAMES = {"company_id": Phrase("company"), "rtd_location_id": Phrase("location")}


class SnipeIt(EntrySink):
    """Raises UsageError where a template is none or the certificate cannot be read."""

    def __init__(self, settings: SnipeItSettings, around: Surroundings | None = None) -> None:
        token = settings.token.get_secret_value()
        self.settings = settings
        self.peer = HttpPeer(settings.url, headers={"Authorization": f"Bearer {token}"}, ca=settings.ca)
        super().__init__(settings.name, self.peer.base, around)
        self.peer.hush.never(token)
        self.api = SnipeItApi(self.peer)
        self.catalogue = SnipeItCatalogue(self.api, settings)
        self.papers = SnipeItPapers(self.api, settings, self.around)
        self.templates = {name: template(self.name, text) for name, text in settings.fields.items()}
        self._model, self._company, self._location = (
            template(self.name, text) for text in (settings.model, settings.company, settings.location)
        )
        self._encrypted: dict[int, frozenset[str]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self.peer.close()

    # What the outbox and the way in ask for.

    async def send(self, delivery: Delivery) -> Receipt:
        """Find or make the asset, change what differs, read it back. Raises Unavailable or Refused."""
        record = self.record(delivery)
        async with self._lock:
            try:
                return await self._send(delivery, record)
            except SnipeItError as error:
                if "selected" not in str(error):
                    raise self._refused(error) from error
            self.catalogue.forget()  # a label or model that we knew is gone: look them up again, once
            try:
                return await self._send(delivery, record)
            except SnipeItError as error:
                raise self._refused(error) from error

    async def number(self, delivery: Delivery) -> str:
        """The asset's number, the asset being made with the status `waiting` where it is not there yet."""
        record = self.record(delivery)
        async with self._lock:
            try:
                choice = await self.choice(record)
                asset = choice.entry or await self._create(record, "waiting")
            except SnipeItError as error:
                raise self._refused(error) from error
            return asset.tag

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        """What it knows of a serial, or without a usable one of a number. Raises Unavailable."""
        try:
            found = await self._alike(usable(serial), tag)
        except (SnipeItError, SinkRefused) as error:
            raise Unavailable(str(error)) from error
        if not found:
            return KnownThere(0)
        first = found[0]
        said = (
            (
                Phrase(
                    "{count} assets have this serial: {tag}",
                    count=len(found),
                    tag=", ".join(each.tag for each in found),
                ),
            )
            if found[1:]
            else ()
        )
        return KnownThere(len(found), first.tag, first.model, first.status, any(each.lent for each in found), said)

    async def _alike(self, serial: str, tag: str) -> list[Asset]:
        if serial:
            return [each for each in await self.api.by_serial(serial) if each.serial == serial]
        one = await self.api.by_tag(tag) if tag else None
        return [] if one is None else [one]

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """What would be found, created and changed; writes nothing."""
        return await rehearsal.rehearse(self, delivery)

    # One result.

    def gives_status(self, wanted: Role) -> bool:
        """Where a label is named for it."""
        return self._label(wanted) is not None

    def tells_erasures(self) -> bool:
        """Where a field, a status or the certificate of them is asked for."""
        return self.settings.certificate or self.settings.erased is not None or of_erasures(self.templates.values())

    async def choice(self, record: ResultRecord) -> MatchedEntry[Asset]:
        """Which asset is meant. Raises Refused where none can be told."""
        serial, tag = named(record)
        by_serial = await self.api.by_serial(serial) if serial else []
        by_tag = await self.api.by_tag(tag) if tag and not by_serial else None
        choice = choose(serial, tag, by_serial, by_tag)
        if choice.told:
            raise SinkRefused(Phrase("nothing was changed in Snipe-IT: {told}", told=choice.told))
        return choice

    async def _send(self, delivery: Delivery, record: ResultRecord) -> Receipt:
        asset = (await self.choice(record)).entry
        if asset is None:
            if not self.settings.create:
                raise SinkRefused("it is not in Snipe-IT, and `create` is off: make it there, then send it again")
            asset = await self._create(record, standing(record))
        faults: list[str] = []
        wishes = await self.wishes(record, asset, faults)
        try:
            asset = await self._change(asset, wishes, faults)
        except SnipeItError as error:
            if "selected" in str(error):
                raise
            faults.append(explained(error))
        await self.papers.put(delivery, record, asset, faults)
        if faults:
            raise SinkRefused(
                Phrase("{tag} in Snipe-IT is up to date, except: {faults}", tag=asset.tag, faults=chained(faults))
            )
        return Receipt(self.remarks(asset, wishes), asset.tag, f"{self.peer.base}/hardware/{asset.id}")

    async def wishes(self, record: ResultRecord, asset: Asset | None, faults: list[str]) -> AssetWishes:
        """What the asset should be like; what cannot be looked up goes into `faults`."""
        values = filled(record, self.templates)
        custom = {name: value for name, value in values.items() if value and name not in PLAIN}
        custom = {**await self._carried(str(record.get("image") or ""), faults), **custom}
        self.peer.hush.allow(custom.values())
        label = self._label(standing(record))
        return AssetWishes(
            serial=record["serial"],
            name=values.get("name", "")[:LONGEST],
            order_number=values.get("order_number", "")[:LONGEST],
            status_id=None if label is None else await self.catalogue.label(label),
            company_id=await self._place("companies", self._company.fill(record), "company", faults),
            location_id=await self._place("locations", self._location.fill(record), "location", faults),
            custom=custom,
            gone=await self._taken_back(record),
        )

    async def _taken_back(self, record: ResultRecord) -> dict[str, object]:
        """`gone` of `AssetWishes`: company and location by their numbers."""
        places = {"company_id": self._company, "rtd_location_id": self._location}
        found = await self.gone(record, self.templates, places)
        return {name: text or None for name, text in found.items() if name not in places} | {
            name: await self._known_place(KINDS_OF[name], text) for name, text in found.items() if name in places
        }

    async def _known_place(self, kind: str, name: str) -> int | None:
        """The number of a place that we wrote once; None where nobody can say which that was."""
        try:
            return await self.catalogue.plain(kind, name, kind) if name else None
        except Missing:
            return None

    def _label(self, wanted: str) -> StatusLabel | int | None:
        """The label for a role; a laptop that is on its way still changes nobody's status."""
        return getattr(self.settings, wanted) if wanted in ("done", "failed", "erased", "lent", "back") else None

    async def _place(self, kind: str, name: str, what: str, faults: list[str]) -> int | None:
        if not name:
            return None
        try:
            return await self.catalogue.plain(kind, name, what)
        except Missing as missing:
            faults.append(str(missing))
            return None

    async def _carried(self, image: str, faults: list[str]) -> dict[str, str]:
        """What an image brings with it: fixed values, and named fields of its master's own record."""
        carried = self.settings.image.get(image, CarriedValues())
        values = dict(carried.set)
        if carried.master and carried.copy_fields:
            masters = await self._alike(carried.master, "")
            if len(masters) != 1:
                faults.append(
                    Phrase(
                        "the master {master} of {image} is in Snipe-IT {count} times, not once",
                        master=carried.master,
                        image=image,
                        count=len(masters),
                    )
                )
                return values
            known = {name: masters[0].field(name) for name in carried.copy_fields}
            values |= {
                name: each.value for name, each in known.items() if each and each.value and not _closed(each.value)
            }
        return values

    def remarks(self, asset: Asset, wishes: AssetWishes) -> tuple[str, ...]:
        """What is to be said though all is well."""
        said: list[str] = (
            [Phrase("{tag} is lent out: its status and holder were left alone", tag=asset.tag)] if asset.lent else []
        )
        absent = [name for name in wishes.custom if asset.field(name) is None]
        if absent:
            said.append(
                Phrase(
                    "the model {model} has no field {absent} there: put it into its fieldset",
                    model=asset.model,
                    absent=", ".join(absent),
                )
            )
        barred = [name for name in wishes.custom if (f := asset.field(name)) and f.column in self.barred(asset)]
        if barred:
            said.append(Phrase("the field {barred} is encrypted there and never written", barred=", ".join(barred)))
        said += [left_alone(NAMES.get(name, name)) for name, key in taken_back(asset, wishes).items() if not key]
        return tuple(said)

    # Writing.

    def barred(self, asset: Asset) -> frozenset[str]:
        """Columns of encrypted fields, as far as they are known: they are never written [208] [209]."""
        closed = {each.column for each in asset.fields.values() if _closed(each.value)}
        return self._encrypted.get(asset.model_id, frozenset()) | closed

    async def _change(self, asset: Asset, wishes: AssetWishes, faults: list[str]) -> Asset:
        """PATCH what differs, look whether it was kept. Only the answer to a write tells which fields are encrypted."""
        sent = changes(asset, wishes, self.barred(asset))
        if not sent:
            return asset
        custom = {key for key in sent if key.startswith("_")}
        if custom and asset.model_id not in self._encrypted:
            first = {key: value for key, value in sent.items() if key not in custom}
            try:
                await self._patch(asset, first)
            except SnipeItError as error:
                if not set(error.messages) & custom:  # else a field that we were to fill next is required there
                    raise
            sent = {key: value for key, value in sent.items() if key not in self.barred(asset)}
        await self._patch(asset, sent)
        after = await self.api.by_id(asset.id)
        faults += [Phrase("Snipe-IT did not keep what it took: {told}", told=told) for told in unkept(after, sent)]
        return after

    async def _patch(self, asset: Asset, body: JsonObject) -> None:
        self._learn(await self.api.write("PATCH", f"hardware/{asset.id}", body))

    def _learn(self, payload: object) -> None:
        """The answer to a write names the fields of the model, with what is encrypted."""
        try:
            model = as_object(as_object(payload)["model"])
            fields = as_objects(as_object(model["fieldset"])["fields"]) if model["fieldset"] else []
            columns = frozenset(str(each["db_column"]) for each in fields if as_int(each["field_encrypted"] or 0))
            self._encrypted[as_int(model["id"])] = columns
        except (KeyError, TypeError, ValueError):
            return  # an older or newer release: what reads ENCRYPTED is still never written

    async def _create(self, record: ResultRecord, wanted: str) -> Asset:
        """Make the asset without its custom fields: whether one is encrypted is known only afterwards."""
        serial, tag = record["serial"], str(record.get("tag") or "")
        if not tag and self.settings.numbers == "ours":
            raise SinkRefused(
                'it has no number yet: give it one, or set `numbers = "server"` to have Snipe-IT number it'
            )
        label = self._label(wanted) or self.settings.waiting
        body: dict[str, object] = {
            "model_id": await self._model_id(record),
            "status_id": await self.catalogue.label(label),
        }
        body |= {key: value for key, value in (("serial", serial), ("asset_tag", tag)) if value}
        asset = await self._numbered(body, serial, record)
        if serial and len(same := [each for each in await self.api.by_serial(serial) if each.serial == serial]) > 1:
            tags = ", ".join(each.tag for each in same)
            raise SinkRefused(
                Phrase(
                    "{serial} was made in Snipe-IT by somebody else at the same moment ({tags}): delete one of them",
                    serial=serial,
                    tags=tags,
                )
            )
        if faults := unkept(asset, body):
            raise SinkRefused(Phrase("{tag} was made in Snipe-IT, but {faults}", tag=asset.tag, faults=chained(faults)))
        return asset

    async def _numbered(self, body: dict[str, object], serial: str, record: ResultRecord) -> Asset:
        """POST; where its own number was taken meanwhile, look for the serial and try again [197]."""
        for left in reversed(range(TRIES)):
            try:
                payload = await self.api.write("POST", "hardware", body)
                self._learn(payload)
                return await self.api.by_id(as_int(as_object(payload)["id"]))
            except SnipeItError as error:
                if required := self._required(error, record, body):
                    body |= required
                    continue
                if not taken(error) or "asset_tag" in body or not left:
                    raise
            await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - so that two workshops don't knock together
            if serial and (found := [each for each in await self.api.by_serial(serial) if each.serial == serial]):
                return found[0]
        raise Unavailable("Snipe-IT gave the same number to several at once, five times")

    def _required(self, error: SnipeItError, record: ResultRecord, body: JsonObject) -> dict[str, str]:
        """Required fields that a new asset lacks and that we can fill, if we know that they are not encrypted.

        A limited token's POST would store an encrypted one in clear [209] [210].
        """
        asked = [key for key, said in error.messages.items() if key.startswith("_snipeit_") and "required" in said]
        known = self._encrypted.get(as_int(body["model_id"]))
        if not asked or known is None or set(asked) & (known | set(body)):
            return {}
        names = {column_words(name): each.fill(record) for name, each in self.templates.items()}
        values = {key: names.get(re.sub(r"^_snipeit_|_\d+$", "", key)) or "" for key in asked}
        return {key: value for key, value in values.items() if value} if all(values.values()) else {}

    def model_name(self, record: ResultRecord) -> str:
        """What the laptop's model is called there, by name or number."""
        return self._model.fill(record)

    async def _model_id(self, record: ResultRecord) -> int:
        name, maker = self.model_name(record), str(record.get("vendor") or "")
        if not name:
            raise SinkRefused("the laptop tells no model: set `model` to what its model is called in Snipe-IT")
        return await self.catalogue.model(name, maker) or await self.catalogue.make_model(name, maker)

    def _refused(self, error: SnipeItError) -> SinkRefused:
        return SinkRefused(Phrase("Snipe-IT did not take it: {error}", error=explained(error)))


def taken(error: SnipeItError) -> bool:
    """Whether only its own number was in the way, drawn by another at the same moment; not that it draws none."""
    said = error.messages.get("asset_tag", "")
    return set(error.messages) == {"asset_tag"} and "unique" in said and "at least" not in said


def _closed(value: str) -> bool:
    """Whether a value is that of an encrypted field."""
    return value == "ENCRYPTED" or value.startswith("Error Decrypting")


def made(settings: SnipeItSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    return SnipeIt(settings, around)
