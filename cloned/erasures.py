"""Where certificates come from: the ledger's rows of erasures, drawn by the papers room, signed with the site's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloned import __version__
from cloned.certificates import CertificateFacts, CertifiedLaptop
from cloned.config import Config
from cloned.core.answer_data import ErasurePlanData
from cloned.core.deliveries import tidy
from cloned.core.erasing import level_of, under_way
from cloned.core.erasure_row import explained
from cloned.core.ids import LaptopId
from cloned.core.ledger import iso
from cloned.core.row_types import Row
from cloned.engine import Engine
from cloned.errors import UsageError
from cloned.inventory.ledger import Ledger
from cloned.languages import language
from cloned.papers.office import drawn
from cloned.papers.press import draw
from cloned.saying import Phrase
from cloned.signing import SiteKey


class ErasureDesk:
    """The desk that page and command line ask."""

    def __init__(self, config: Config, engine: Engine, ledger: Ledger, key: SiteKey) -> None:
        self._config, self._engine, self._ledger, self._key = config, engine, ledger, key

    def explain(self, laptop: str, level: str) -> ErasurePlanData:
        """For each disk: method, level, reason, and what it could not have."""
        wanted = level_of(self._engine.workshop, level)
        if wanted is None:
            raise UsageError(Phrase("there is no level {level}", level=level), "it is clear or purge")
        found = self._engine.workshop.laptops[LaptopId(laptop)]
        return {"laptop": laptop, "level": str(wanted), "disks": explained(found, wanted)}

    def public_key(self) -> Mapping[str, str]:
        """Everybody may have it."""
        public = self._key.public
        return {"site": self._config.workshop.name, "pem": public.pem, "fingerprint": public.fingerprint}

    async def certificate(self, laptop: str, donation: str, code: str) -> bytes:
        """The newest erasure of a laptop, or of every laptop of a delivery, as one signed PDF."""
        if laptop and self._under_way(laptop):
            raise UsageError("the erasure of this laptop is not through", "see `cloned erase status`")
        donation = tidy(donation)
        rows = await (self._ledger.erased(donation) if not laptop else self._ledger.rows(laptop=laptop, erasures=True))
        chosen = latest([row for row in rows if _meant(row, laptop, donation)])
        if not chosen:
            what = Phrase("delivery {name}", name=donation) if donation else Phrase("this laptop")
            raise UsageError(Phrase("nothing of {what} was erased here", what=what), "see `cloned erase status`")
        words = language(code or self._config.workshop.language)
        through = [row for row in chosen if not self._under_way(row["laptop"])]
        facts = self._facts(through, donation)
        others = self._not_through(chosen, donation) if donation else []
        return await draw(self._drawn, {**facts, "not_erased": [*facts["not_erased"], *others]}, words.code)

    def _under_way(self, laptop: str) -> bool:
        """Whether an erasure of it was begun and is not through: an older one proves nothing of today."""
        known = self._engine.workshop.laptops.get(LaptopId(laptop))
        return known is not None and under_way(known)

    def _not_through(self, chosen: Sequence[Row], donation: str) -> list[CertifiedLaptop]:
        """Laptops of the delivery that have no result to show: a paper on all of it may leave none of them out."""
        begun = [_standing(row, row["laptop"], "erasing") for row in chosen if self._under_way(row["laptop"])]
        told, delivery = {row["laptop"] for row in chosen}, self._engine.workshop.deliveries.get(donation)
        lines = delivery.laptops if delivery is not None else {}
        booked = {ident: Row(product=line.name, serial=line.serial, tag=line.tag) for ident, line in lines.items()}
        others = {ident: names for ident, names in booked.items() if ident not in told}
        states = {ident: "erasing" if self._under_way(ident) else "never" for ident in others}
        return begun + [_standing(names, ident, states[ident]) for ident, names in others.items()]

    async def paper_of(self, row: Row) -> bytes | None:
        """The certificate of just this erasure, for an inventory; None where not every disk is erased."""
        if row["erasure"]["result"] != "erased":
            return None
        language_code = language(self._config.workshop.language).code
        return await draw(self._drawn, self._facts([row], ""), language_code)

    def _facts(self, rows: Sequence[Row], donation: str) -> CertificateFacts:
        """What a paper says, of these rows."""
        return {
            "site": self._config.workshop.name,
            "made": iso(self._engine.clock()),
            "program": f"cloned {__version__}",
            "donation": donation or next((str(row["erasure"].get("donation", "")) for row in rows), ""),
            "laptops": [_laptop(row) for row in rows if row["erasure"]["result"] == "erased"],
            "not_erased": [_laptop(row) for row in rows if row["erasure"]["result"] != "erased"],
        }

    def _drawn(self, facts: CertificateFacts, code: str) -> bytes:
        if not facts["laptops"]:
            return drawn("certificate:failure", facts, language(code))
        return drawn("certificate:certificate", facts, self._key, language(code))


def latest(rows: Sequence[Row]) -> list[Row]:
    """The newest erasure of each laptop, in the order of their tags."""
    newest = {row["laptop"]: row for row in sorted(rows, key=lambda row: row["attempt"])}
    return sorted(newest.values(), key=lambda row: (row.get("tag") == "", str(row.get("tag")), str(row.get("serial"))))


def _meant(row: Row, laptop: str, donation: str) -> bool:
    if laptop:
        return bool(row["laptop"] == laptop)
    return bool(row["erasure"].get("donation") == donation)


def _laptop(row: Row) -> CertifiedLaptop:
    """What a certificate says of one laptop."""
    done = row["erasure"]
    return {
        "vendor": row.get("vendor", ""),
        "product": row.get("product", ""),
        "serial": row.get("serial", ""),
        "tag": row.get("tag", ""),
        "uuid": row.get("uuid", ""),
        "id": row["laptop"],
        "level": done["level"],
        "result": done["result"],
        "locks": list(done.get("locks") or ()),
        "disks": done["disks"],
    }


def _standing(told: Row, ident: str, standing: str) -> CertifiedLaptop:
    """What a delivery's paper says of a laptop that no erasure is through of: `never` or `erasing`."""
    return {
        "vendor": told.get("vendor", ""),
        "product": told.get("product", ""),
        "serial": told.get("serial", ""),
        "tag": told.get("tag", ""),
        "id": ident,
        "result": standing,
        "disks": [],
    }
