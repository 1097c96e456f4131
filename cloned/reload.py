"""A new configuration while the daemon runs: what takes effect at once, and what only a restart changes."""

from __future__ import annotations

from typing import Any

from cloned.config import Config

AT_ONCE = ("sessions.confirm", "sessions.image", "sessions.confirmation_hours", "sessions.then",
           "sessions.gather_seconds", "images.rule", "triage", "tests", "finish", "erase", "inventory",
           "page.tokens", "page.read", "print.when", "print.label", "print.sheet")  # fmt: skip
"""Keys, or whole sections, that take effect without a restart: nothing that was opened depends on them."""


def changed(old: Config, new: Config) -> list[str]:
    """The keys that differ, as `section.key`, in the file's order."""
    before, after = (config.model_dump() for config in (old, new))
    found = []
    for section, values in after.items():
        if isinstance(values, dict):
            found += [f"{section}.{key}" for key in values if values[key] != before[section][key]]
        elif values != before[section]:
            found.append(section)
    return found


def at_once(key: str) -> bool:
    """Whether a key takes effect without a restart."""
    return any(key == each or key.startswith(f"{each}.") for each in AT_ONCE)


def merged(old: Config, new: Config) -> Config:
    """`old` with what takes effect at once from `new`."""
    values: dict[str, Any] = {name: getattr(old, name) for name in type(old).model_fields}
    for key in filter(at_once, changed(old, new)):
        section, _, name = key.partition(".")
        theirs = getattr(new, section)
        values[section] = values[section].model_copy(update={name: getattr(theirs, name)}) if name else theirs
    return old.model_copy(update=values)
