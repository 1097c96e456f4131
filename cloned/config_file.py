"""Reads the configuration's file: every mistake with its line and what was expected."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cloned.config import Config
from cloned.config_words import expected, lines, no_toml
from cloned.destinations import KINDS
from cloned.errors import UsageError
from cloned.saying import Phrase
from cloned.sections import CREDENTIAL

DEFAULT_FILE = Path("/etc/cloned/cloned.toml")


def load(path: Path | None = None) -> Config:
    """Read `path`, or the default file if it is there, or all defaults.

    Raises UsageError that lists every mistake with its line and what was expected.
    """
    if path is None:
        if not DEFAULT_FILE.exists():
            return Config()
        path = DEFAULT_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            Phrase("cannot read the configuration {path}: {error}", path=path, error=error),
            "name the right file with --config",
        ) from error
    return parse(_decoded(data, str(path)), str(path))


def _decoded(data: bytes, source: str) -> str:
    """The file's text; UsageError with the line of the first byte that is no UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where, byte = f"{source}:{line}", f"0x{data[error.start]:02x}"
        raise UsageError(
            Phrase("{where}: the byte {byte} is no UTF-8", where=where, byte=byte),
            "save the file as UTF-8",
        ) from error


def parse(text: str, source: str = "configuration") -> Config:
    """Understand the text of a configuration; `source` names it in errors."""
    try:
        given = tomllib.loads(text)
        return Config.model_validate(given).with_secrets_in(_secret_places(given, source))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        where = f"{source}:{at[1]}" if at else source
        raise UsageError(no_toml(where, error), "see systemd/cloned.toml.example") from error
    except RecursionError:
        raise UsageError(
            Phrase("{source}: lists nested too deeply", source=source), "see systemd/cloned.toml.example"
        ) from None
    except ValidationError as error:
        told = [(_location(item), item) for item in error.errors()]
        found = [_mistake(f"{source}:{line_of(text, place)}", place, item) for place, item in told]
        raise UsageError(lines(found), "see systemd/cloned.toml.example") from error


SECRETS = frozenset({"token", "app_token", "secret", "password", "community", "v3_auth_key", "v3_privacy_key"})


def _secret_places(told: object, source: str) -> tuple[Path, ...]:
    """Files that hold a secret: those that `x_file` names, and the configuration where one stands in itself."""
    found: list[Path] = []
    if isinstance(told, list):
        return tuple(place for each in told for place in _secret_places(each, source))
    for key, value in told.items() if isinstance(told, dict) else ():
        if isinstance(value, dict | list):
            found += _secret_places(value, source)
        elif isinstance(value, str) and key.endswith("_file"):
            found.append(Path(value))
        elif key in SECRETS and value not in ("", "public") and not str(value).startswith(CREDENTIAL):
            found.append(Path(source))
    return tuple(dict.fromkeys(found))


def _mistake(where: str, place: tuple[int | str, ...], item: ErrorDetails) -> Phrase:
    return Phrase("{where}: {key}: {expected}", where=where, key=_path(place), expected=expected(item))


def _location(item: ErrorDetails) -> tuple[int | str, ...]:
    """Where in the file; without the words that only say which of several forms was tried."""
    location = item["loc"] + (("type",) if item["type"].startswith("union_tag") else ())
    kind = len(location) > 2 and location[0] == "sink" and location[2] in KINDS
    rest = location[:2] + location[3:] if kind else location
    return tuple(part for part in rest if part not in ("StatusLabel", "int", "str"))


def _path(location: tuple[int | str, ...]) -> str:
    """`switch[0].address`, or `file` for what belongs to no key."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "file"


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The line on which the deepest part of `location` that stands in the file begins."""
    line, start, header = 1, 0, ""  # as it stands between brackets, as a pattern
    rows = text.splitlines()
    for part in location:
        if isinstance(part, int):
            at = _nth(rows, rf"^\s*\[\[\s*{header}\s*\]\]", part)
        else:
            header = rf"{header}\s*\.\s*{_quoted(part)}" if header else _quoted(part)
            at = _first(rows, start, part, header)
        if at is None:
            continue
        line, start = at + 1, at
    return line


def _quoted(key: str) -> str:
    """Matches a key with or without quotation marks."""
    return rf"[\"']?{re.escape(key)}[\"']?"


def _first(lines: list[str], start: int, key: str, header: str) -> int | None:
    """Index of the first line from `start` on that opens table `header` or sets `key`."""
    pattern = re.compile(rf"^\s*(\[\[?\s*{header}\s*\]|{_quoted(key)}\s*[.=])")
    return next((index for index in range(start, len(lines)) if pattern.match(lines[index])), None)


def _nth(lines: list[str], pattern: str, wanted: int) -> int | None:
    found = [index for index, line in enumerate(lines) if re.match(pattern, line)]
    return found[wanted] if wanted < len(found) else None
