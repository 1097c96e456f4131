"""Papers and history at Snipe-IT: the hand-over sheet, the certificate of erasure, and a line in the asset's audits."""

from __future__ import annotations

import re

from cloned.destinations import SnipeItSettings
from cloned.inventory.sinks.base import Delivery, SheetMaker, Surroundings, Unavailable
from cloned.inventory.sinks.record import ResultRecord, is_erasure, role
from cloned.inventory.sinks.snipeit_api import NotAllowed, SnipeItApi, SnipeItError, explained
from cloned.inventory.sinks.snipeit_asset import Asset
from cloned.json_data import as_objects
from cloned.saying import Phrase


class SnipeItPapers:
    """Puts beside an asset what belongs to one result, each thing once."""

    def __init__(self, api: SnipeItApi, settings: SnipeItSettings, around: Surroundings) -> None:
        self._api, self._settings, self._around = api, settings, around

    async def put(self, delivery: Delivery, record: ResultRecord, asset: Asset, faults: list[str]) -> None:
        """Attach what is wanted of this result; what could not be done is added to `faults`."""
        papers = [(self._settings.sheet, self._sheet), (self._settings.audit, self._audit)]
        if is_erasure(record):
            papers = [(self._settings.certificate, self._certificate)]
        elif role(record) != "done":
            return
        for wanted, act in papers:
            if wanted:
                try:
                    await act(delivery, record, asset)
                except NotAllowed as error:
                    faults.append(str(error))
                except SnipeItError as error:
                    faults.append(explained(error))

    async def _sheet(self, delivery: Delivery, record: ResultRecord, asset: Asset) -> None:
        await self._attach(delivery, asset, self._around.sheet, "hand-over sheet")

    async def _certificate(self, delivery: Delivery, record: ResultRecord, asset: Asset) -> None:
        """Of a laptop that is not erased there is none."""
        if record["erasure"].get("result") == "erased":
            await self._attach(delivery, asset, self._around.certificate, "certificate of erasure")

    async def _attach(self, delivery: Delivery, asset: Asset, make: SheetMaker | None, what: str) -> None:
        """Attach a paper unless it is there: the file's name says whose and of which attempt it is."""
        if make is None or await self.has_paper(delivery, asset):
            return
        content = await make(delivery)
        if content is None:
            raise Unavailable(Phrase("the {what} is not ready yet", what=what))
        await self._api.attach(asset.id, f"{sheet_slug(delivery)}.pdf", content, what)
        if not await self.has_paper(delivery, asset):
            raise SnipeItError(
                {"": Phrase("the {what} was taken and not kept: look at the upload limits of PHP there", what=what)}
            )

    async def has_paper(self, delivery: Delivery, asset: Asset) -> bool:
        """Whether this attempt's paper is among the files."""
        return any(f"-{sheet_slug(delivery)}." in name for name in await self._api.files(asset.id))

    async def _audit(self, delivery: Delivery, record: ResultRecord, asset: Asset) -> None:
        """A line in its history, once: it carries our mark, and is looked for where the token may read reports."""
        mark = delivery.mark
        try:
            body = await self._api.get("reports/activity", item_type="asset", item_id=asset.id, search=mark, limit=20)
            if any(mark in str(each.get("note")) for each in as_objects(body.get("rows") or [])):
                return
        except NotAllowed:
            pass  # it cannot be looked up: a crash at the wrong moment may leave the line twice
        note = f"cloned: {record.get('image')}, {record.get('verdict')} {mark}"
        await self._api.write("POST", f"hardware/{asset.id}/audit", {"note": note})


def sheet_slug(delivery: Delivery) -> str:
    """The file name of a sheet or certificate as Snipe-IT keeps it: lower case, dashes."""
    what = "certificate" if is_erasure(delivery.row) else "sheet"
    return re.sub(r"[^a-z0-9]+", "-", f"cloned-{what}-{delivery.laptop}-{delivery.attempt}".lower()).strip("-")
