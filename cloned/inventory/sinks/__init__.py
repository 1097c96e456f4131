"""Sinks: one small file for each inventory a result can be pushed to."""

from __future__ import annotations

from cloned.destinations import (
    AnySink,
    DeviceHubSettings,
    FileSettings,
    GlpiSettings,
    OcsSettings,
    SnipeItSettings,
    WebhookSettings,
)
from cloned.inventory.sinks.base import Sink, Surroundings


def make(settings: AnySink, around: Surroundings | None = None) -> Sink:
    """The sink that a `[[sink]]` of the configuration describes. Raises UsageError."""
    sink = _made(settings, around)
    sink.at_once = settings.at_once
    return sink


def _made(settings: AnySink, around: Surroundings | None) -> Sink:
    """Each kind is imported where it is asked for: a workshop has one or two of them."""
    match settings:
        case WebhookSettings():
            from cloned.inventory.sinks.webhook import Webhook

            return Webhook(settings.name, settings.url, settings.secret.get_secret_value(), ca=settings.ca)
        case FileSettings():
            return _file(settings)
        case SnipeItSettings():
            from cloned.inventory.sinks.snipeit import SnipeIt

            return SnipeIt(settings, around)
        case GlpiSettings():
            from cloned.inventory.sinks.glpi import Glpi

            return Glpi(settings, around)
        case DeviceHubSettings():
            from cloned.inventory.sinks.devicehub import DeviceHub

            return DeviceHub(settings, around)
        case OcsSettings():
            from cloned.inventory.sinks.ocs import Ocs

            return Ocs(settings, around)


def _file(settings: FileSettings) -> Sink:
    from cloned.inventory.sinks.files import CsvFile, JsonLinesFile

    assert settings.path is not None, "FileSettings demands it"
    if settings.type == "xlsx":
        from cloned.inventory.sinks.xlsx import XlsxFile

        return XlsxFile(settings.name, settings.path, settings.rows)
    kind = CsvFile if settings.type == "csv" else JsonLinesFile
    return kind(settings.name, settings.path, settings.rows)
