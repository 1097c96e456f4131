"""GLPI 10 and 11 through API v1: each laptop is one computer, found by its exact serial.

The same rules as for Snipe-IT: what disagrees is told and not touched, what is written is read back. What it does was
recorded (glpi.toml); the numbers in brackets name exchanges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from cloned.destinations import GlpiSettings
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, Unavailable
from cloned.inventory.sinks.entries import EntrySink, named
from cloned.inventory.sinks.glpi_api import GlpiApi, GlpiRefusal
from cloned.inventory.sinks.glpi_inventory import agent_id, document
from cloned.inventory.sinks.http import HttpPeer
from cloned.inventory.sinks.matching import choose
from cloned.inventory.sinks.record import ResultRecord, Role, filled, of_erasures, role, standing, text_of, usable
from cloned.inventory.sinks.templates import template
from cloned.inventory.sinks.told import Expectation, KnownThere, Receipt
from cloned.inventory.sinks.withdrawal import left_alone
from cloned.json_data import JsonObject, as_int, as_object, as_objects
from cloned.saying import Phrase, chained, enumerated

LISTS = {"states_id": "State", "computermodels_id": "ComputerModel", "manufacturers_id": "Manufacturer"}
LONGEST = 255
"""Characters of a text column; what is longer is cut without a word [048]."""


@dataclass(frozen=True)
class Computer:
    """One computer of GLPI; texts are unescaped."""

    id: int
    serial: str
    tag: str
    values: JsonObject
    """Its columns as GLPI has them, texts unescaped."""

    @property
    def lent(self) -> bool:
        """Whether a user has it; who is read past."""
        return bool(self.values.get("users_id"))


@dataclass
class GlpiPlan:
    """What one result would do there; nothing is written yet."""

    computer: Computer | None
    values: dict[str, object]
    make: dict[str, str] = field(default_factory=dict)
    """Dropdown → name that has to be made first."""
    said: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Glpi(EntrySink):
    """Raises UsageError where a template is none or the certificate cannot be read."""

    def __init__(self, settings: GlpiSettings, around: Surroundings | None = None) -> None:
        token, app_token = settings.token.get_secret_value(), settings.app_token.get_secret_value()
        self.settings = settings
        self.peer = HttpPeer(settings.url, ca=settings.ca)
        super().__init__(settings.name, self.peer.base, around)
        self.peer.hush.never(token, app_token)
        self.api = GlpiApi(self.peer, token, app_token)
        self._fields = {name: template(self.name, text) for name, text in settings.fields.items()}
        self._comment, self._note = template(self.name, settings.comment), template(self.name, settings.note)

    async def close(self) -> None:
        """End the session and close the connections."""
        await self.api.close()
        await self.peer.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Find or make the computer, change what differs, read it back. Raises Unavailable or Refused."""
        async with self._lock:
            try:
                return await self._send(delivery)
            except GlpiRefusal as refusal:
                raise SinkRefused(Phrase("GLPI did not take it: {refusal}", refusal=refusal)) from refusal

    async def known(self, serial: str, tag: str = "") -> KnownThere | None:
        """What it knows of a serial. Raises Unavailable."""
        key, value = ("serial", usable(serial)) if usable(serial) else ("otherserial", tag)
        if not value:
            return KnownThere(0)
        async with self._lock:
            try:
                found = [each for each in await self._search(key, value) if value in (each.serial, each.tag)]
                if not found:
                    return KnownThere(0)
                shown = await self.api.item("Computer", found[0].id, expand_dropdowns="true", get_hateoas="false")
            except GlpiRefusal as refusal:
                raise Unavailable(str(refusal)) from refusal
            model, status = [await self.api.text(shown.get(key) or "") for key in ("computermodels_id", "states_id")]
        said = (Phrase("{count} computers have this serial", count=len(found)),) if found[1:] else ()
        return KnownThere(len(found), found[0].tag, model, status, any(each.lent for each in found), said)

    # Reading.

    def gives_status(self, wanted: Role) -> bool:
        """Where a state is named for it."""
        return bool(getattr(self.settings, wanted, ""))

    def tells_erasures(self) -> bool:
        """Where a state, a field or a line of them is asked for."""
        return bool(self.settings.erased) or of_erasures((*self._fields.values(), self._comment, self._note))

    async def _search(self, key: str, value: str) -> list[Computer]:
        return [await self._computer(each) for each in await self.api.find("Computer", key, value)]

    async def _computer(self, row: JsonObject) -> Computer:
        self.peer.hush.learn(row.get(key) for key in ("contact", "contact_num", "comment"))
        texts = {
            key: (await self.api.text(value)).strip() if isinstance(value, str) else value for key, value in row.items()
        }
        serial, tag = (str(texts.get(key) or "") for key in ("serial", "otherserial"))
        try:
            return Computer(as_int(row["id"]), serial, tag, texts)
        except (KeyError, ValueError) as error:
            raise Unavailable(
                Phrase("{base} answered a computer of another form than expected", base=self.peer.base)
            ) from error

    async def _choose(self, record: ResultRecord) -> Computer | None:
        serial, tag = named(record)
        by_serial = await self._search("serial", serial) if serial else []
        by_tag = await self._search("otherserial", tag) if tag and not by_serial else []
        if len(by_tag) > 1:
            raise SinkRefused(
                Phrase(
                    "nothing was changed in GLPI: {count} computers have the inventory number {tag}",
                    count=len(by_tag),
                    tag=tag,
                )
            )
        choice = choose(serial, tag, by_serial, by_tag[0] if by_tag else None)
        if choice.told:
            raise SinkRefused(Phrase("nothing was changed in GLPI: {told}", told=choice.told))
        return choice.entry

    async def plan(self, record: ResultRecord) -> GlpiPlan:
        """What is to be written, without writing. Raises Refused where nothing may be."""
        computer = await self._choose(record)
        plan = GlpiPlan(computer, {})
        has = computer.values if computer else {}
        if computer is None and not self.settings.create:
            raise SinkRefused("it is not in GLPI, and `create` is off: make it there, then send it again")
        lent = computer is not None and computer.lent
        if computer is not None and lent:
            plan.said.append(
                Phrase("{tag} is lent out: its state and user were left alone", tag=computer.tag or record["serial"])
            )
        else:
            await self._listed(plan, "states_id", getattr(self.settings, standing(record), ""), has)
        if computer is None:
            await self._listed(plan, "computermodels_id", str(record.get("product") or ""), has)
            await self._listed(plan, "manufacturers_id", str(record.get("vendor") or ""), has)
        texts = {
            name: value[:LONGEST]
            for name, value in filled(record, self._fields).items()
            if not (lent and name == "name")
        }
        for key, value in {"serial": record["serial"], "otherserial": str(record.get("tag") or "")}.items():
            texts |= {key: value} if value and not has.get(key) else {}
        if computer is None:
            texts = {"name": str(record.get("tag") or record["serial"]), "uuid": str(record.get("uuid") or ""), **texts}
        plan.values |= {key: value for key, value in texts.items() if value and has.get(key) != value}
        for name, ours in (await self.gone(record, self._fields)).items():
            if has.get(name) and has[name] == ours[:LONGEST] and not (lent and name == "name"):
                plan.values[name] = ""
            elif has.get(name):
                plan.said.append(left_alone(name))
        self._append(plan, record, has)
        return plan

    def _append(self, plan: GlpiPlan, record: ResultRecord, has: JsonObject) -> None:
        """A line below the comment that is there, once; never in its place."""
        line, old = text_of(record, self._comment), str(has.get("comment") or "")
        if line and line not in old.replace("\r\n", "\n").split("\n"):
            plan.values["comment"] = f"{old}\n{line}" if old else line

    async def _listed(self, plan: GlpiPlan, key: str, name: str, has: JsonObject) -> None:
        """A dropdown by its name: found, to be made, or missing. A number that does not exist would be stored [046]."""
        if not name:
            return
        number = await self._number(LISTS[key], name)
        if number is not None:
            plan.values |= {key: number} if has.get(key) != number else {}
        elif self.settings.make:
            plan.make[key] = name
        elif key == "states_id":
            plan.faults.append(
                Phrase('there is no state "{name}" in GLPI: make it there, or set make = true', name=name)
            )
        else:
            plan.said.append(
                Phrase('there is no {lists} "{name}" in GLPI: it was left out', lists=LISTS[key], name=name)
            )

    async def _number(self, kind: str, name: str) -> int | None:
        """The first of that name: a second Manufacturer of one name is possible there [017]."""
        for key in ("name", "product_number") if kind == "ComputerModel" else ("name",):
            for each in await self.api.find(kind, key, name):
                if (await self.api.text(each.get(key))).casefold() == name.casefold():
                    return as_int(each["id"])
        return None

    # Writing.

    async def _send(self, delivery: Delivery) -> Receipt:
        record = self.record(delivery)
        faults: list[str] = []
        if self.settings.inventory:
            await self._native(delivery, record, faults)
        plan = await self.plan(record)
        plan.faults += faults
        for key, name in plan.make.items():
            plan.values[key] = await self.api.add(LISTS[key], {"name": name})
        number = plan.computer.id if plan.computer else await self.api.add("Computer", plan.values)
        if plan.computer and plan.values:
            await self.api.change("Computer", number, plan.values)
        if plan.values:
            await self._verify(number, plan)
        await self._extras(delivery, record, number, plan.faults)
        tag = str(record.get("tag") or (plan.computer.tag if plan.computer else ""))
        if plan.faults:
            raise SinkRefused(
                Phrase(
                    "{tag} in GLPI is up to date, except: {faults}",
                    tag=tag or record["serial"],
                    faults=chained(plan.faults),
                )
            )
        return Receipt(tuple(plan.said), tag, f"{self.peer.base}/front/computer.form.php?id={number}")

    async def _verify(self, number: int, plan: GlpiPlan) -> None:
        """Read back and compare: every answer was true, whatever became of the value."""
        after = await self._computer(await self.api.item("Computer", number))
        for key, value in plan.values.items():
            if key not in after.values:
                plan.faults.append(Phrase("GLPI has no field {key} for a computer", key=key))
            elif (after.values[key] if value else after.values[key] or "") != (
                value.strip() if isinstance(value, str) else value
            ):
                plan.faults.append(
                    Phrase("GLPI did not keep what it took: {key} does not read as it was written", key=key)
                )

    async def _native(self, delivery: Delivery, record: ResultRecord, faults: list[str]) -> None:
        """Hardware details first: what the API writes after them is then locked against later inventories [096]."""
        if not record["serial"]:
            return  # by the name alone two laptops would become one [104]
        answer = await self.peer.ask(
            "POST", "/front/inventory.php", json_only=False, json=document(record),
            headers={"GLPI-Agent-ID": agent_id(delivery.laptop)},
        )  # fmt: skip
        told = None if answer.body is None else as_object(answer.body)
        if told is None:
            faults.append(
                Phrase("GLPI takes no inventory: enable it under Administration > Inventory, or set inventory = false")
            )
        elif answer.status >= 400 or told.get("status") == "error":
            faults.append(
                Phrase("GLPI refused the inventory: {message}", message=self.peer.hush.clean(told.get("message")))
            )

    async def _extras(self, delivery: Delivery, record: ResultRecord, number: int, faults: list[str]) -> None:
        note, mark = text_of(record, self._note), delivery.mark
        if note:
            body = await self.api.item("Computer", number, with_notes="true")
            if not any(mark in str(each.get("content")) for each in as_objects(body.get("_notes") or [])):
                content = f"{note} {mark}"
                await self.api.add("Notepad", {"itemtype": "Computer", "items_id": number, "content": content})
        if self.settings.sheet and role(record) == "done" and self.around.sheet is not None:
            await self._sheet(delivery, number, faults)

    async def _sheet(self, delivery: Delivery, number: int, faults: list[str]) -> None:
        """Attach the sheet once. Its name is long, for 10.0.3 refused short ones; the extension is its type [072]."""
        name = f"cloned-hand-over-sheet-{delivery.laptop}-{delivery.attempt}.pdf"
        body = await self.api.item("Computer", number, with_documents="true")
        if any(name == each.get("filename") for each in as_objects(body.get("_documents") or [])):
            return
        assert self.around.sheet is not None, "asked before"
        content = await self.around.sheet(delivery)
        if content is None:
            raise Unavailable("the hand-over sheet is not ready yet")
        made, error = await self.api.upload(name.removesuffix(".pdf"), name, content)
        kept = {} if error else await self.api.item("Document", made)
        if error or kept.get("sha1sum") != hashlib.sha1(content, usedforsecurity=False).hexdigest():
            await self.api.call("DELETE", f"Document/{made}?force_purge=true")
            faults.append(
                Phrase("GLPI did not keep the sheet: {error}", error=error or Phrase("it is not what was sent"))
            )
            return
        await self.api.add("Document_Item", {"documents_id": made, "itemtype": "Computer", "items_id": number})

    # Rehearsal.

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        """What would be found, created and changed; writes nothing."""
        lines: list[Expectation] = []
        async with self._lock:
            try:
                lines.append(
                    Expectation(
                        Phrase("server"),
                        "ok",
                        Phrase("GLPI {version}, and it accepts the token", version=await self.api.version()),
                    )
                )
                lines += [
                    await self._state(name)
                    for name in ("done", "failed", "erased", "lent", "back")
                    if name in ("done", "failed", "erased") or getattr(self.settings, name)
                ]
                lines += _absent(self._fields, await self.api.columns("Computer") if self._fields else ())
                if delivery is not None:
                    lines += _lines(await self.plan(self.record(delivery)), self.record(delivery))
            except SinkRefused as refusal:
                lines.append(Expectation(Phrase("computer"), "told", str(refusal)))
            except (Unavailable, GlpiRefusal) as error:
                lines.append(Expectation("GLPI", "missing", str(error)))
        return lines

    async def _state(self, name: str) -> Expectation:
        wanted = getattr(self.settings, name)
        if not wanted:
            return Expectation(
                Phrase("state {name}", name=name), "ok", Phrase("none is set: the state is left as it is")
            )
        if await self._number("State", wanted) is not None:
            return Expectation(Phrase("state {name}", name=name), "ok", wanted)
        if self.settings.make:
            return Expectation(Phrase("state {name}", name=name), "create", wanted)
        return Expectation(
            Phrase("state {name}", name=name),
            "missing",
            Phrase('there is no "{wanted}"', wanted=wanted),
            Phrase("make it, or set make = true"),
        )


def _absent(fields: Iterable[str], columns: Collection[str]) -> list[Expectation]:
    said, next_step = Phrase("a computer in GLPI has no such column"), Phrase("correct its name")
    wrong = [name for name in fields if columns and name not in columns]
    return [Expectation(Phrase("field {name}", name=name), "missing", said, next_step) for name in wrong]


def _lines(plan: GlpiPlan, record: ResultRecord) -> list[Expectation]:
    """The lines of one laptop. What people wrote there is not repeated."""
    if plan.computer is None:
        lines = [
            Expectation(
                Phrase("computer"),
                "create",
                Phrase(
                    "{tag} for the serial {serial}", tag=record.get("tag") or "", serial=record["serial"] or "(none)"
                ),
            )
        ]
    else:
        lines = [
            Expectation(
                Phrase("computer"),
                "ok",
                enumerated([plan.computer.tag or Phrase("without a number"), plan.computer.serial]),
            )
        ]
        lines += [
            Expectation(key, "change", Phrase("a line more") if key == "comment" else f"→ {value}")
            for key, value in plan.values.items()
        ]
    lines += [Expectation(LISTS[key], "create", name) for key, name in plan.make.items()]
    lines += [Expectation(Phrase("computer"), "ok", said) for said in plan.said]
    return lines + [Expectation(Phrase("computer"), "missing", fault) for fault in plan.faults]


def made(settings: GlpiSettings, around: Surroundings | None) -> Sink:
    """What `make` asks for."""
    return Glpi(settings, around)
