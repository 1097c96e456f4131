"""A list of laptops that was imported: what an organisation knows of serial numbers, where it has no inventory to ask.

`cloned inventory import FILE.csv` reads it, with whatever separator and encoding a spreadsheet wrote; `--columns
serial=Seriennummer,tag=Nummer` says what its columns are called where we cannot guess. Of each line only serial, tag,
model, status, label and whether it is lent are kept: a name in a column `lent to` becomes "lent", nothing else.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypedDict

from cloned.core.ids import word_key
from cloned.core.known import KnownElsewhere
from cloned.errors import ClonedError, UsageError
from cloned.inventory.sinks.record import usable
from cloned.json_data import JsonObject, as_float, as_int, as_list, as_object
from cloned.saying import Phrase, kept, recalled

FILE = "imported.json"
GUESSES = {
    "serial": ("serial", "serial number", "serialnumber", "serial no", "serial nr", "serial #", "serienummer",
               "serienr", "seriennummer", "numéro de série", "n° de série", "sn", "s/n", "service tag"),
    "tag": ("tag", "asset tag", "number", "nummer", "numéro", "inventory number", "inventarisnummer", "inventarnummer",
            "numéro d'inventaire", "inventaris", "sticker"),
    "model": ("model", "modell", "modèle", "product", "model name", "type"),
    "status": ("status", "state", "statut", "état", "toestand"),
    "label": ("label", "mark", "merk"),
    "lent": ("lent", "lent to", "assigned to", "uitgeleend", "uitgeleend aan", "verliehen", "prêté", "prêté à",
             "checked out to"),
}  # fmt: skip
"""Headings by which a column is known without being told."""
NO = ("", "0", "no", "nee", "non", "nein", "n", "false", "onwaar", "faux", "falsch", "-", "in", "none", "null", "n/a",
      "available", "beschikbaar", "vrij", "disponible", "libre", "verfügbar")  # fmt: skip
"""What stands in a column `lent` of a laptop that is not; spreadsheets write their truths in people's languages."""
MISREAD = re.compile(r"\d[.,]?\d*E\+\d+", re.IGNORECASE)
"""What a spreadsheet makes of a long number: its last digits are gone."""
SEPARATORS = ";,\t|"
"""What stands between two cells; the first of these where a heading has as many of several."""
MOST = 200_000


TEXTS: tuple[Literal["tag", "model", "status", "label"], ...] = ("tag", "model", "status", "label")


class ListedLaptop(TypedDict, total=False):
    """One laptop of a list; what no column told is missing."""

    tag: str
    model: str
    status: str
    label: str
    lent: bool
    found: int
    """How many times its serial number stands there."""
    said: list[str]


class CsvReader(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]:
        """The lines that are left."""

    def __next__(self) -> list[str]:
        """The next line."""


class ImportedList:
    """The list that was imported last into `state`; read again where the file changed."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._stamp: tuple[int, int] | None = None
        self._told: JsonObject = {}

    @property
    def there(self) -> bool:
        """Whether anything was imported."""
        return self._path.exists()

    def find(self, serial: str, name: str) -> KnownElsewhere | None:
        """What it says of a serial number; None where that is not in it."""
        self._read()
        entry = as_object(self._told.get("entries") or {}).get(word_key(usable(serial)))
        if not entry or not usable(serial):
            return None
        found = as_object(entry)
        texts = {key: str(found.get(key) or "") for key in ("tag", "model", "status", "label")}
        said = tuple(recalled(str(each)) for each in as_list(found.get("said") or ()))
        return KnownElsewhere(
            name,
            as_float(self._told.get("at") or 0),
            as_int(found.get("found") or 1),
            lent=bool(found.get("lent")),
            said=said,
            **texts,
        )

    def _read(self) -> None:
        try:
            seen = self._path.stat()
            if (seen.st_mtime_ns, seen.st_size) != self._stamp:
                told = json.loads(self._path.read_text(encoding="utf-8"))
                if isinstance(told, dict) and isinstance(told.get("entries"), dict):
                    self._told = told
                self._stamp = seen.st_mtime_ns, seen.st_size
        except FileNotFoundError:
            self._told = {}
        except (OSError, ValueError):
            return  # half written, or not ours: what was known stays


def read(content: bytes, columns: Mapping[str, str]) -> tuple[dict[str, ListedLaptop], list[str]]:
    """Entries by serial, and what is odd, from a CSV's bytes. Raises UsageError where it has no column of serials, or
    no laptop: an empty list would take the place of the one that is there."""
    lines = _lines(_text(content).lstrip("\r\n"))
    try:
        head = [cell.strip() for cell in next(lines, [])]
        found, odd = _entries(lines, _places(head, columns))
        if not found:
            raise UsageError("there is no laptop with a serial number in it", "the list of before stays; look into it")
        return found, odd
    except csv.Error as error:
        raise UsageError(
            Phrase("line {line_num} is no CSV: {error}", line_num=lines.line_num, error=error), "save it as CSV again"
        ) from error


def _lines(text: str) -> CsvReader:
    """A reader of its lines, by the separator that its first one says or has most of. Excel may say it: `sep=;`."""
    first = text.partition("\n")[0].strip()
    if len(first) == len("sep=;") and first.casefold().startswith("sep="):
        text, separator = text.partition("\n")[2], first[-1]
    else:
        bare = re.sub('"[^"]*"', "", first)
        separator = max(SEPARATORS, key=bare.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)


def _text(content: bytes) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else what Windows writes."""
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    if content[:4] == b"PK\x03\x04":
        raise UsageError("the file is a workbook", "save it as CSV")
    if not marked and b"\0" in content:
        raise UsageError("the file is no text", "export it as CSV")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError("the file is no text", "export it as CSV")


def _places(head: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    lower = [_heading(name) for name in head]
    unknown = [name for name in columns.values() if _heading(name) not in lower]
    if unknown:
        raise UsageError(
            Phrase("there is no column {unknown}", unknown=", ".join(unknown)),
            Phrase("there are: {head}", head=", ".join(head)),
        )
    places = {ours: lower.index(_heading(theirs)) for ours, theirs in columns.items()}
    for ours, guesses in GUESSES.items():
        at = next((lower.index(guess) for guess in guesses if guess in lower), None)
        if ours not in places and at is not None:
            places[ours] = at
    if "serial" not in places:
        raise UsageError(
            Phrase(
                "no column of serial numbers was found among {head}", head=", ".join(head)[:200] or Phrase("nothing")
            ),
            "say which it is: --columns serial=…",
        )
    return places


def _heading(name: str) -> str:
    """As headings are compared: without regard to case, kinds of spaces, and a full stop or colon at the end."""
    return " ".join(name.split()).rstrip(".:").casefold()


def _entries(lines: CsvReader, places: Mapping[str, int]) -> tuple[dict[str, ListedLaptop], list[str]]:
    found: dict[str, ListedLaptop] = {}
    odd: list[str] = []
    for number, line in enumerate(lines, 2):
        if len(found) >= MOST:
            odd.append(Phrase("only the first {most} were taken", most=MOST))
            break
        cells = {ours: _cell(line, at) for ours, at in places.items()}
        serial = usable(cells["serial"])
        if not serial:
            if any(cells.values()):
                odd.append(Phrase("line {number} has no usable serial number", number=number))
            continue
        if MISREAD.fullmatch(serial):
            said = Phrase("line {number}: a spreadsheet cut the serial {serial} short", number=number, serial=serial)
            odd.append(said)
            continue
        key, lent = word_key(serial), cells.pop("lent", "").casefold() not in NO
        if key in found:
            found[key]["found"] += 1
            found[key]["lent"] = (
                found[key]["lent"] or lent
            )  # one of the two is with somebody: asked before it is erased
            times = Phrase("the serial {serial} is in it {times} times", serial=serial, times=found[key]["found"])
            found[key]["said"] = [kept(times)]
            odd.append(Phrase("line {number}: the serial {serial} was there before", number=number, serial=serial))
            continue
        found[key] = _listed(cells, lent)
    return found, odd


def _listed(cells: Mapping[str, str], lent: bool) -> ListedLaptop:
    """A laptop of the list; what no column tells is left out."""
    made = ListedLaptop()
    for name in TEXTS:
        if name in cells:
            made[name] = cells[name][:128]
    return {**made, "lent": lent, "found": 1}


def _cell(line: list[str], at: int) -> str:
    text = line[at] if at < len(line) else ""
    if quoted := re.fullmatch(r"\s*(?:=\"(.*)\"|'(.*))\s*", text, re.DOTALL):  # how spreadsheets keep 0042 a text
        text = quoted[1] or quoted[2] or ""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def keep(state: Path, entries: Mapping[str, ListedLaptop], at: float) -> None:
    """Put the list in the place of the one before. Raises ClonedError."""
    path = state / FILE
    try:
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"at": at, "entries": entries}, ensure_ascii=False), encoding="utf-8")
        new.chmod(0o640)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise ClonedError(
            Phrase("{path} cannot be written: {strerror}", path=path, strerror=error),
            "check the disk and rights",
        ) from error
