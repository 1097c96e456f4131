"""What every section of the configuration is: unknown keys are mistakes, and every secret may lie in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        """No text holds what ends a line: it would begin another in a boot script, a header or the log."""
        for each in value if isinstance(value, tuple) else (value,):
            text = each.get_secret_value() if isinstance(each, SecretStr) else each
            if isinstance(text, str | Path) and not str(text).isprintable():
                raise ValueError("a text on one line, without control characters")
        return value


class SecretiveSection(Section):
    """A section with secrets: `token_file = "/etc/cloned/token"` is read where `token` may stand."""

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        values = dict(given)
        for name, field in cls.model_fields.items():
            if field.annotation is SecretStr and f"{name}_file" in values:
                values[name] = _secret(name, values.pop(f"{name}_file"), name in given)
        return values


def _secret(name: str, place: object, twice: bool) -> str:
    if twice:
        raise ValueError(f"{name} and {name}_file are both set: keep one")
    if not isinstance(place, str):
        raise ValueError(f"{name}_file is the path of a file")
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_file {place} cannot be read: {getattr(error, 'strerror', None) or error}") from error
