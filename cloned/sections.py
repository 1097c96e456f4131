"""What every section of the configuration is: unknown keys are mistakes, and every secret may lie in a file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from cloned.saying import Phrase

CREDENTIAL = "credential:"
"""`token = "credential:snipe"` is read from the folder that systemd made of LoadCredential= (systemd.exec(5))."""


def web_place(url: str) -> SplitResult | None:
    """The parts of an http or https URL that can be asked for: a host that has a name in DNS, a port that there is.

    None for anything else. It may carry a key, so whoever refuses it does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # also what has no name in DNS
        return None
    good = parts.scheme in ("http", "https") and host and port != 0 and url.isprintable() and " " not in url
    return parts if good else None


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, not silence.

    Every secret may lie in a file: where `token` may stand, `token_file = "/etc/cloned/token"` may too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        values = dict(given)
        for name, field in cls.model_fields.items():
            if field.annotation is SecretStr:
                if f"{name}_file" in values:
                    values[name] = _from_file(name, values.pop(f"{name}_file"), name in given)
                values.update({name: _credential(name, values[name])} if name in values else {})
            elif field.annotation == dict[str, SecretStr] and isinstance(values.get(name), dict):
                values[name] = {key: _credential(name, each) for key, each in values[name].items()}
        return values

    @field_validator("*", mode="after")
    @classmethod
    def _one_line(cls, value: object) -> object:
        """No text holds what ends a line: it would begin another in a boot script, a header or the log."""
        for each in value if isinstance(value, tuple) else (value,):
            text = each.get_secret_value() if isinstance(each, SecretStr) else each
            if isinstance(text, str | Path) and not str(text).isprintable():
                raise ValueError(Phrase("a text on one line, without control characters"))
        return value


def _from_file(name: str, place: object, twice: bool) -> str:
    if twice:
        raise ValueError(Phrase("{name} and {name}_file are both set: keep one", name=name))
    if not isinstance(place, str):
        raise ValueError(Phrase("{name}_file is the path of a file", name=name))
    # what is no path may be the secret itself, in the wrong place: it is not said again
    return _read(f"{name}_file {place}" if place.startswith("/") else f"{name}_file", Path(place))


def _credential(name: str, value: object) -> object:
    """What systemd laid in the folder of credentials, where the value names one; else the value."""
    if not isinstance(value, str) or not value.startswith(CREDENTIAL):
        return value
    wanted, folder = value.removeprefix(CREDENTIAL), os.environ.get("CREDENTIALS_DIRECTORY", "")
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", wanted) is None or wanted in (".", ".."):
        raise ValueError(
            Phrase("{name}: a credential's name is letters, digits, dots, dashes and underscores", name=name)
        )
    if not folder:
        raise ValueError(
            Phrase(
                "{name}: there are no credentials: give the service LoadCredential={wanted}:FILE",
                name=name,
                wanted=wanted,
            )
        )
    return _read(Phrase("{name}: the credential {wanted}", name=name, wanted=wanted), Path(folder) / wanted)


def _read(what: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(Phrase("{what} cannot be read: {error}", what=what, error=error)) from error
