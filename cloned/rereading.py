"""The configuration read again while the daemon runs (reload.py says what takes effect at once)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from cloned.config import Config
from cloned.config_file import load
from cloned.core.events import Configured
from cloned.engine import Engine
from cloned.inventory.service import settings
from cloned.languages import to_translate
from cloned.reload import at_once, changed, merged
from cloned.saying import Phrase, chained
from cloned.systemd import notify, reloading

log = logging.getLogger(__name__)


async def configure(engine: Engine, config: Config) -> None:
    """Tell the engine what decisions depend on, where that is not what it goes by."""
    wanted = settings(config)
    if engine.workshop.settings != wanted:
        await engine.submit(Configured(wanted))


async def reread(file: Path | None, now: Config, engine: Engine) -> tuple[Config, dict[str, list[str]]]:
    """The configuration from here on, and which keys changed it or need a restart. UsageError: nothing was changed."""
    reloading()
    try:
        new = await asyncio.to_thread(load, file)
        keys, config = changed(now, new), merged(now, new)
        await configure(engine, config)
    finally:
        notify("READY=1")
    found = {"applied": [key for key in keys if at_once(key)], "restart": [key for key in keys if not at_once(key)]}
    log.info("configuration read again: %s", found)
    return config, found


def reread_answer(found: Mapping[str, list[str]]) -> Mapping[str, object]:
    """What whoever asked for it hears: the keys of `reread`, and a sentence on them as `state`."""
    words = {"applied": to_translate("taken: {keys}"), "restart": to_translate("only after a restart: {keys}")}
    said = [Phrase(words[kind], keys=", ".join(keys)) for kind, keys in found.items() if keys]
    return {**found, "state": chained(said) or Phrase("nothing has changed")}
