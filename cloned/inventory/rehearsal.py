"""`cloned inventory test SINK`: everything but the writing, said in one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from cloned.core.row_types import Row
from cloned.destinations import AnySink
from cloned.errors import UsageError
from cloned.inventory import rows
from cloned.inventory.offline import ledger_at, one
from cloned.inventory.sinks import make
from cloned.inventory.sinks.asked import rehearsed
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings, ToldBefore
from cloned.inventory.sinks.entries import EntrySink
from cloned.inventory.sinks.templates import template
from cloned.inventory.sinks.told import Expectation
from cloned.saying import Phrase


async def rehearse(
    sinks: Sequence[AnySink], name: str, laptop: str | None, place: Path | str, around: Surroundings | None = None
) -> list[Expectation]:
    """What the sink called `name` would do, with the newest result of `laptop` where one is named.

    Raises UsageError where there is no such sink or result, MissingError where there is no ledger to look into.
    """
    settings = next((each for each in sinks if each.name == name), None)
    if settings is None:
        raise UsageError(
            Phrase("there is no sink {name}", name=name),
            Phrase("there are: {name}", name=", ".join(each.name for each in sinks) or Phrase("none")),
        )
    delivery = None if laptop is None else await newest(place, laptop)
    told = partial(told_before, place)
    sink = make(settings, replace(around or Surroundings(), told=told))
    try:
        return [*await rehearsed(sink, delivery), *unknown(sink, getattr(settings, "fields", {}), delivery)]
    finally:
        await sink.close()


def unknown(sink: Sink, fields: Mapping[str, str], delivery: Delivery | None) -> list[Expectation]:
    """The fields that a result leaves as they are, as it knows nothing of something in them: a wrong word, perhaps."""
    if delivery is None or not isinstance(sink, EntrySink):
        return []
    try:
        record = sink.record(delivery)
    except SinkRefused:
        return []  # which the rehearsal said
    lacks = {name: template(sink.name, text).missing(record) for name, text in fields.items()}
    return [
        Expectation(
            Phrase("field {name}", name=name),
            "ok",
            Phrase("left as it is: of this result nothing is known of {paths}", paths=", ".join(paths)),
        )
        for name, paths in lacks.items()
        if paths
    ]


async def newest(place: Path | str, laptop: str) -> Delivery:
    """The newest result of a laptop, named by id, tag, serial or MAC. Raises UsageError."""
    async with ledger_at(place) as ledger:
        found = await ledger.rows(laptop=await one(ledger, laptop), limit=1)
    return delivery_of(found[-1])


async def told_before(place: Path | str, sink: str, laptop: str) -> Sequence[ToldBefore]:
    """What a sink was told of the laptop with this id before."""
    async with ledger_at(place) as ledger:
        return await ledger.told(sink, laptop)


def delivery_of(row: Row) -> Delivery:
    """A row of the ledger as it would be on its way."""
    data = row.copy()
    data.pop("revision", None)
    kept = rows.LedgerRow(str(data["laptop"]), int(data["attempt"]), data)
    return Delivery(kept.key, kept.laptop, kept.attempt, int(row.get("revision") or 1), data)
