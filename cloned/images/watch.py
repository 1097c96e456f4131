"""Tells the engine which images the store holds, and when one changes or turns out to be damaged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from cloned.core.events import ImageGone, ImageInfo, ImageKnown
from cloned.core.manifest import Plan
from cloned.engine import Engine
from cloned.errors import ImageError
from cloned.images.store import ImageStore

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between looks at the store; another process may import."""


class ImageWatch:
    """Compares the store with what the engine knows."""

    def __init__(self, engine: Engine, store: ImageStore, classic: Collection[str] = ()) -> None:
        """`classic` names images that go through classic sessions by somebody's wish."""
        self._engine, self._store, self._classic = engine, store, classic
        self._last: dict[str, ImageInfo] = {}

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Submit what changed since the engine last heard."""
        found = await asyncio.to_thread(self._read)
        known = self._engine.workshop.images
        for image in found.values():
            if known.get(image.name) != image:
                log.info("image %s: %s", image.name, image.unusable or image.image_hash)
                await self._engine.submit(ImageKnown(image))
        for name in set(known) - set(found):
            await self._engine.submit(ImageGone(name))

    def _read(self) -> dict[str, ImageInfo]:
        return {name: self._info(name) for name in self._store.names()}

    def _info(self, name: str) -> ImageInfo:
        """An image as decisions need it; a damaged one is known, and known to be unusable."""
        try:
            manifest = self._store.manifest(name)
            self._store.check(name)
        except ImageError as error:
            before = self._engine.workshop.images.get(name)
            image_hash = before.image_hash if before is not None else ""
            return ImageInfo(name, image_hash, 0, 0, unusable=str(error))
        plan = manifest.plan
        classic = plan.classic or name in self._classic
        return ImageInfo(
            name, manifest.image_hash, plan.map.used, plan.min_size, plan.sector_size, classic,
            self._unusable(name, plan) if classic else "", len(plan.layers),
        )

    def _unusable(self, name: str, plan: Plan) -> str:
        """Why a classic session cannot send an image, or nobody could read it back; empty if all is well."""
        if plan.classic:
            return "it has logical volumes that are not linear, or on several disks, so nothing could read them back"
        try:
            self._store.saved_parts(name)
        except ImageError as error:
            return str(error)
        return ""
