"""What inventories have in common that keep one entry for a laptop, with the state that its newest result gives it."""

from __future__ import annotations

import asyncio
import weakref
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

from cloned.core.row_types import Row
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Surroundings
from cloned.inventory.sinks.record import ResultRecord, Role, is_erasure, is_lending, record_of, role, text_of
from cloned.inventory.sinks.templates import Template
from cloned.inventory.sinks.withdrawal import always, withdrawn

_locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()


class EntrySink(Sink):
    """A sink for one of them. It writes one thing at a time for each server, whatever sinks speak to that."""

    seconds = 90.0
    keeps: ClassVar[Literal["state", "log"]] = "state"

    def __init__(self, name: str, server: str, around: Surroundings | None) -> None:
        super().__init__(name)
        self.around = around or Surroundings()
        self._lock = _locks.setdefault(f"{type(self).__name__} {server}", asyncio.Lock())

    def takes(self, row: Row) -> bool:
        """Erasures too, where something of them is asked for; lendings where they give a status."""
        if is_lending(row):
            return self.gives_status(role(row))
        return super().takes(row) or (is_erasure(row) and self.tells_erasures())

    def gives_status(self, wanted: Role) -> bool:
        """Whether an entry gets a status of its own for this."""
        return False

    @abstractmethod
    def tells_erasures(self) -> bool:
        """Whether something is written of an erasure."""

    def record(self, delivery: Delivery) -> ResultRecord:
        """The record that templates look into."""
        page = f"{self.around.page}/laptops/{delivery.laptop}" if self.around.page else ""
        return record_of(delivery, workshop=self.around.workshop, report=page)

    async def gone(
        self, record: ResultRecord, templates: Mapping[str, Template], places: Mapping[str, Template] | None = None
    ) -> dict[str, str]:
        """What this result takes back of what it wrote, as `withdrawn` has it; `places` are written by every row."""
        asked = {name: (each, text_of) for name, each in templates.items()}
        asked |= {name: (each, always) for name, each in (places or {}).items()}
        return await withdrawn(self.name, self.around, record, asked, self.record)


def named(record: ResultRecord) -> tuple[str, str]:
    """Serial and number, by which an entry is found. Raises Refused where there is neither."""
    serial, tag = record["serial"], str(record.get("tag") or "")
    if not serial and not tag:
        raise SinkRefused("it has neither a usable serial nor a number: give it a number, then send it again")
    return serial, tag
