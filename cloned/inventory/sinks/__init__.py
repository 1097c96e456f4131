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
from cloned.inventory.sinks.devicehub import DeviceHub
from cloned.inventory.sinks.files import CsvFile, FileSink, JsonLinesFile
from cloned.inventory.sinks.glpi import Glpi
from cloned.inventory.sinks.ocs import Ocs
from cloned.inventory.sinks.snipeit import SnipeIt
from cloned.inventory.sinks.webhook import Webhook
from cloned.inventory.sinks.xlsx import XlsxFile

FILES: dict[str, type[FileSink]] = {"csv": CsvFile, "xlsx": XlsxFile, "jsonl": JsonLinesFile}


def make(settings: AnySink, around: Surroundings | None = None) -> Sink:
    """The sink that a `[[sink]]` of the configuration describes. Raises UsageError."""
    sink = _made(settings, around)
    sink.at_once = settings.at_once
    return sink


def _made(settings: AnySink, around: Surroundings | None) -> Sink:
    match settings:
        case WebhookSettings():
            return Webhook(settings.name, settings.url, settings.secret.get_secret_value(), ca=settings.ca)
        case FileSettings():
            assert settings.path is not None, "FileSettings demands it"
            return FILES[settings.type](settings.name, settings.path, settings.rows)
        case SnipeItSettings():
            return SnipeIt(settings, around)
        case GlpiSettings():
            return Glpi(settings, around)
        case DeviceHubSettings():
            return DeviceHub(settings, around)
        case OcsSettings():
            return Ocs(settings, around)
