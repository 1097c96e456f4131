"""What Snipe-IT would be told, found out without a write: for `cloned inventory test`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from cloned.destinations import StatusLabel
from cloned.inventory.sinks.base import Delivery, SinkRefused, Unavailable
from cloned.inventory.sinks.record import ResultRecord, role, standing
from cloned.inventory.sinks.snipeit_api import NotAllowed, SnipeItError
from cloned.inventory.sinks.snipeit_asset import PLAIN, Asset, changes
from cloned.inventory.sinks.told import Expectation
from cloned.json_data import JsonObject, as_int, as_objects
from cloned.saying import Phrase, message

if TYPE_CHECKING:
    from cloned.inventory.sinks.snipeit import SnipeIt


async def rehearse(sink: SnipeIt, delivery: Delivery | None) -> list[Expectation]:
    """Lines for server, token, labels, places and fields, and for the laptop where one is given."""
    lines: list[Expectation] = []
    try:
        lines.append(await _server(sink))
        lines += await _labels(sink)
        lines += await _places(sink)
        lines += await _fields(sink)
        if delivery is not None:
            lines += await _laptop(sink, delivery)
    except (Unavailable, SinkRefused, SnipeItError) as error:
        lines.append(Expectation("Snipe-IT", "missing", str(error)))
    return lines


async def _server(sink: SnipeIt) -> Expectation:
    version = (await sink.api.get("version")).get("version")
    await sink.api.get("users/me")
    return Expectation(
        Phrase("server"),
        "ok",
        Phrase("Snipe-IT {version}, and it accepts the token", version=sink.peer.hush.clean(version, 20)),
    )


async def _labels(sink: SnipeIt) -> list[Expectation]:
    settings, lines = sink.settings, []
    wanted = {
        "done": settings.done,
        "failed": settings.failed,
        "erased": settings.erased,
        "waiting": settings.waiting,
    }
    wanted |= {name: label for name in ("lent", "back") if (label := getattr(settings, name)) is not None}
    for name, label in wanted.items():
        if isinstance(label, StatusLabel):
            what = Phrase("label {name}", name=name)
            lines.append(await _lookup(what, label.name, sink.catalogue.label(label)))
        elif isinstance(label, int):
            lines.append(await _numbered(sink, Phrase("label {name}", name=name), "statuslabels", label))
        else:
            lines.append(
                Expectation(Phrase("label {name}", name=name), "ok", Phrase("none is set: the status is left as it is"))
            )
    return lines


async def _places(sink: SnipeIt) -> list[Expectation]:
    settings, lines = sink.settings, []
    for kind, name, what in (
        ("companies", settings.company, "company"),
        ("locations", settings.location, "location"),
        ("categories", settings.category, "category"),
        ("fieldsets", settings.fieldset, "fieldset"),
    ):
        if isinstance(name, int):
            lines.append(await _numbered(sink, message(what), kind, name))
        elif name and "{" not in name:
            lines.append(await _lookup(message(what), name, sink.catalogue.plain(kind, name, what)))
    return lines


async def _numbered(sink: SnipeIt, what: str, kind: str, number: int) -> Expectation:
    """Whether something that the configuration gives by its number is there."""
    try:
        found = [each.name for each in await sink.catalogue.listed(kind) if each.id == number]
    except NotAllowed:
        said = Phrase("number {number}; the token may not look whether it is there", number=number)
        return Expectation(what, "ok", said)
    if found:
        return Expectation(what, "ok", f"{found[0]} ({number})")
    said = Phrase("there is no number {number} in Snipe-IT", number=number)
    return Expectation(what, "missing", said, Phrase("correct it in the configuration"))


async def _lookup(what: str, name: str, search: Awaitable[int]) -> Expectation:
    try:
        await search
        return Expectation(what, "ok", name)
    except NotAllowed as error:
        return Expectation(
            what,
            "missing",
            Phrase("{name} cannot be looked up: {error}", name=name, error=error),
            Phrase("or give its number"),
        )
    except (SinkRefused, SnipeItError) as error:
        return Expectation(what, "missing", str(error))


async def _fields(sink: SnipeIt) -> list[Expectation]:
    custom = [name for name in _custom(sink) if name not in PLAIN]
    if not custom:
        return []
    try:
        rows = as_objects((await sink.api.get("fields", limit=500)).get("rows") or [])
    except NotAllowed:
        said = Phrase("the token may not read the list of fields: seen at the first laptop only")
        return [Expectation(Phrase("fields"), "ok", said)]
    there = {str(each.get(key)) for each in rows for key in ("name", "db_column_name")}
    there |= {sink.peer.hush.clean(each.get("name"), 200) for each in rows}
    closed = {
        str(each.get("name")) for each in rows if as_int(each.get("field_encrypted") or each.get("encrypted") or 0)
    }
    return [_field(name, name in there, name in closed) for name in custom]


def _field(name: str, there: bool, closed: bool) -> Expectation:
    if closed:
        return Expectation(
            Phrase("field {name}", name=name),
            "missing",
            Phrase("it is encrypted there and never written"),
            Phrase("name another field"),
        )
    if there:
        return Expectation(Phrase("field {name}", name=name), "ok", Phrase("it is there"))
    return Expectation(
        Phrase("field {name}", name=name),
        "missing",
        Phrase("Snipe-IT has no such field"),
        Phrase("make it, or correct its name"),
    )


def _custom(sink: SnipeIt) -> list[str]:
    carried = [name for each in sink.settings.image.values() for name in (*each.set, *each.copy_fields)]
    return list(dict.fromkeys([*sink.settings.fields, *carried]))


async def _laptop(sink: SnipeIt, delivery: Delivery) -> list[Expectation]:
    record = sink.record(delivery)
    try:
        asset = (await sink.choice(record)).entry
    except SinkRefused as refusal:
        return [Expectation(Phrase("asset"), "told", str(refusal))]
    if asset is None:
        return await _new(sink, record)
    faults: list[str] = []
    wishes = await sink.wishes(record, asset, faults)
    sent = changes(asset, wishes, sink.barred(asset))
    lines = [Expectation(Phrase("asset"), "ok", f"{asset.tag}, {asset.model}, {asset.status}")]
    lines += [
        Expectation(
            said,
            "change",
            Phrase("{before} → {after}", before=_has(asset, key), after=_label(sink, record, key, value)),
        )
        for key, said, value in _named(asset, sent)
    ]
    lines += [Expectation(Phrase("asset"), "ok", said) for said in sink.remarks(asset, wishes)]
    return (
        lines
        + [Expectation(Phrase("asset"), "missing", fault) for fault in faults]
        + await _extras(sink, delivery, record, asset)
    )


def _named(asset: Asset, sent: JsonObject) -> list[tuple[str, str, str]]:
    labels = {each.column: label for label, each in asset.fields.items()}
    shown = {key: Phrase("empty") if value is None else str(value) for key, value in sent.items()}
    return [(key, labels.get(key, key.removesuffix("_id")), value) for key, value in shown.items()]


def _label(sink: SnipeIt, record: ResultRecord, key: str, value: str) -> str:
    """A status by its name too: people know it by that."""
    label = getattr(sink.settings, standing(record), None)
    return f"{label.name} ({value})" if key == "status_id" and isinstance(label, StatusLabel) else value


def _has(asset: Asset, key: str) -> str:
    """What stands there now. Values of custom fields are not repeated: nobody knows what people wrote there."""
    if key == "status_id":
        return f"{asset.status} ({asset.status_id})"
    if key.startswith("_"):
        known = asset.field(key)
        return Phrase("what is there") if known and known.value else Phrase("empty")
    plain = {
        "serial": asset.serial,
        "name": asset.name,
        "company_id": asset.company_id,
        "rtd_location_id": asset.location_id,
    }
    return str(plain.get(key) or Phrase("empty"))


async def _new(sink: SnipeIt, record: ResultRecord) -> list[Expectation]:
    settings = sink.settings
    if not settings.create:
        return [
            Expectation(
                Phrase("asset"),
                "missing",
                Phrase("it is not there, and `create` is off"),
                Phrase("make it, or set create = true"),
            )
        ]
    tag = str(record.get("tag") or "")
    if not tag and settings.numbers == "ours":
        said = Phrase("it is not there and has no number yet")
        return [Expectation(Phrase("asset"), "missing", said, Phrase('give it one, or set numbers = "server"'))]
    number = tag or Phrase("the next number there")
    line = Expectation(
        Phrase("asset"),
        "create",
        Phrase(
            "{number} for the serial {serial}, {record}",
            number=number,
            serial=record["serial"] or Phrase("(none)"),
            record=message(role(record)),
        ),
    )
    return [line, await _model(sink, record)]


async def _model(sink: SnipeIt, record: ResultRecord) -> Expectation:
    name, maker = sink.model_name(record), str(record.get("vendor") or "")
    if not name:
        return Expectation(Phrase("model"), "missing", Phrase("the laptop tells no model"), Phrase("set `model`"))
    try:
        if await sink.catalogue.model(name, maker):
            return Expectation(Phrase("model"), "ok", name)
    except SinkRefused as refusal:
        return Expectation(Phrase("model"), "missing", str(refusal))
    if sink.settings.category:
        return Expectation(
            Phrase("model"), "create", Phrase("{name} in {category}", name=name, category=sink.settings.category)
        )
    return Expectation(
        Phrase("model"), "missing", Phrase("there is no {name}", name=name), Phrase("make it, or set `category`")
    )


async def _extras(sink: SnipeIt, delivery: Delivery, record: ResultRecord, asset: Asset) -> list[Expectation]:
    if role(record) != "done":
        return []
    lines = []
    if sink.settings.sheet:
        there = await sink.papers.has_paper(delivery, asset)
        lines.append(
            Expectation(
                Phrase("sheet"), "ok" if there else "create", Phrase("it is attached") if there else Phrase("as a file")
            )
        )
    if sink.settings.audit:
        lines.append(Expectation(Phrase("history"), "create", Phrase("a line, which also sets the date of last audit")))
    return lines
