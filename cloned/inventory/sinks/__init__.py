"""Sinks: one small file for each inventory a result can be pushed to."""

from __future__ import annotations

from importlib import import_module

from cloned.destinations import AnySink
from cloned.inventory.sinks.base import Sink, Surroundings

_IN = {"csv": "files", "jsonl": "files"}
"""Kinds whose file is not called as they are."""


def make(settings: AnySink, around: Surroundings | None = None) -> Sink:
    """The sink that a `[[sink]]` of the configuration describes. Raises UsageError.

    Each kind is imported where it is asked for: a workshop has one or two of them.
    """
    module = import_module(f"{__name__}.{_IN.get(settings.type, settings.type)}")
    sink: Sink = module.made(settings, around)
    sink.at_once = settings.at_once
    return sink
