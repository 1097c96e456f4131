"""Sinks: one small file for each inventory a result can be pushed to."""

from __future__ import annotations

from collections.abc import Callable

from cloned.config import SinkSettings as Settings
from cloned.inventory.sinks.base import Sink
from cloned.inventory.sinks.files import CsvFile
from cloned.inventory.sinks.webhook import Webhook


def _webhook(settings: Settings) -> Sink:
    return Webhook(settings.name, settings.url, settings.secret.get_secret_value())


def _csv(settings: Settings) -> Sink:
    assert settings.path is not None, "config.Sink demands it"
    return CsvFile(settings.name, settings.path)


KINDS: dict[str, Callable[[Settings], Sink]] = {"webhook": _webhook, "csv": _csv}
"""What `type` in the configuration means."""


def make(settings: Settings) -> Sink:
    """The sink that a `[[sink]]` of the configuration describes. Raises UsageError."""
    return KINDS[settings.type](settings)
